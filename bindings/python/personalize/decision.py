"""Answers, made whole at once: they borrow nothing from the engine and never change."""
from __future__ import annotations

import copy
import datetime
from html import escape
from typing import Any, Dict, NamedTuple, Optional, Sequence, Type

from . import _ffi, values
from ._handles import Session, new_pool
from .errors import check


class Resolution(NamedTuple):
    """The answer about one attribute. False if nobody can say."""
    value: Any
    tier: str
    reason: str
    confidence: Optional[float]  # None unless it is a guess
    channel: str
    who: str
    at: Optional[datetime.datetime]  # None for answers that rest on no claim
    is_resolved: bool
    members: Dict[Any, str]  # of a set or record: the tier of each element or member

    def __bool__(self) -> bool:
        return self.is_resolved


class Observed(NamedTuple):
    """What became of one event of ``Engine.observe_many``, one row of ``Engine.apply_many``."""
    status: int  # 0, or why it was not taken
    is_new: bool
    message: str  # what is wrong; of an event that was taken, what to look at, or ""


class Decision:
    """What was decided, on what grounds.

    ``value`` ``reason`` ``rule`` ``confidence`` are the answer, ``id`` names it for reporting
    outcomes, ``bytes`` are the canonical bytes of ``to_dict()``. ``impure`` is true if a function
    of the host may have had a say.
    """
    __slots__ = ("name", "value", "reason", "rule", "confidence", "impure", "id", "bytes", "_text",
                 "_whole", "_map", "_record", "_pool", "__weakref__")

    def __init__(self, name: str, session: Session, pointer: Any) -> None:
        """Read everything while the caller holds session and profile."""
        lib, context = _ffi.lib, session.context
        self.name = name
        self.value: Any = values.get(lib.pz_decision_value(pointer))
        self.reason: str = lib.pz_decision_reason(pointer).decode()
        self.rule: str = lib.pz_decision_rule(pointer).decode()
        self.confidence: float = lib.pz_decision_confidence(pointer)
        self.impure: bool = lib.pz_decision_is_impure(pointer)
        self._map: Optional[Dict[str, Any]] = None
        out, text, err = _ffi.Value(), _ffi.Str(), _ffi.new_error()
        check(lib.pz_decision_id(text, context, pointer, err), err)
        self.id: str = _ffi.text(text)
        check(lib.pz_decision_bytes(out, context, pointer, err), err)
        self.bytes: bytes = _ffi.octets(out)
        check(lib.pz_explain_text(text, context, pointer, err), err)
        self._text = _ffi.text(text)
        check(lib.pz_explain(out, context, pointer, err), err)
        # The explanation is copied by one call and turned into Python objects when it is asked for.
        self._whole = _ffi.Value()
        self._pool = new_pool()
        check(lib.pz_pool_copy(self._pool, self._whole, out))
        self._record: Any = _ffi.Value()  # or a dict, of a copy
        check(lib.pz_decision_record(out, context, pointer, None, err), err)
        check(lib.pz_pool_copy(self._pool, self._record, out))

    def __del__(self, free: Any = _ffi.lib.pz_pool_free) -> None:
        free(getattr(self, "_pool", None))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copied and pickled without what C has of it: everything as Python objects."""
        return _again, (type(self), {
            **{name: getattr(self, name) for name in _PLAIN}, "_map": self._explained(),
            "_record": self.record})

    def _explained(self) -> Dict[str, Any]:
        if self._map is None:
            self._map = dict(values.get(self._whole))
        return self._map

    def explain(self) -> str:
        """Why, as plain English sentences, one a line."""
        return self._text

    def reasons(self) -> Dict[str, Any]:
        """Why, as structure: ``to_dict()`` with "rules" (what each came to) and "layers" (of every
        attribute) besides."""
        return copy.deepcopy(self._explained())

    def to_dict(self) -> Dict[str, Any]:
        """The decision with what it used, what was unknown and would have mattered, its id and the
        catalog's hash."""
        return {key: copy.deepcopy(value) for key, value in self._explained().items()
                if key not in ("rules", "layers", "policies")}

    @property
    def record(self) -> Dict[str, Any]:
        """What ``Engine.record`` keeps of it: names of what was read, never what that answered."""
        if isinstance(self._record, dict):
            return copy.deepcopy(self._record)
        return dict(values.get(self._record))

    def __repr__(self) -> str:
        rule = f", rule {self.rule!r}" if self.rule else ""
        return f"<personalize.Decision {self.name}: {self.value!r} ({self.reason}{rule})>"

    def _repr_html_(self) -> str:
        """How a notebook shows it: the answer, the sentences, and every rule with what it came to.
        """
        rules = [(rule["rule"], rule.get("when", "always"), rule["came_to"])
                 for rule in self._explained()["rules"]]
        used = [(use["name"], _shown(use), use.get("tier", ""), _share(use))
                for use in self._explained()["uses"]]
        sentences = "".join(f"<li>{escape(line)}</li>" for line in self._text.splitlines())
        parts = [f"<div><b>{escape(self.name)}</b>: <code>{escape(repr(self.value))}</code> "
                 f"<small>({escape(self.reason)})</small><ul>{sentences}</ul>",
                 _table(("rule", "when", "came to"), rules),
                 _table(("read", "value", "tier", "confidence"), used), "</div>"]
        return "".join(parts)


#: What of a Decision is Python's own.
_PLAIN = ("name", "value", "reason", "rule", "confidence", "impure", "id", "bytes", "_text")


def _again(kind: Type[Decision], state: Dict[str, Any]) -> Decision:
    """A Decision out of its state."""
    made = kind.__new__(kind)
    for name, value in state.items():
        setattr(made, name, value)
    return made


def _shown(use: Dict[str, Any]) -> str:
    return repr(use["value"]) if "value" in use else "unknown"


def _share(use: Dict[str, Any]) -> str:
    return f"{use['confidence']:.3f}" if "confidence" in use else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts, each escaped; nothing for no rows."""
    if not rows:
        return ""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
                   for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"
