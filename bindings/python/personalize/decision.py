"""Answers, made whole at once: they borrow nothing from the engine and never change."""
from typing import Any, NamedTuple, Optional
import datetime

from . import _ffi, values
from ._handles import new_pool
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
    members: dict  # of a set or record: the tier of each element or member

    def __bool__(self):
        return self.is_resolved


class Observed(NamedTuple):
    """What became of one event of ``Engine.observe_many``."""
    status: int  # 0, or why the event was not taken
    is_new: bool
    message: str


class Decision:
    """What was decided, on what grounds.

    ``value`` ``reason`` ``rule`` ``confidence`` are the answer, ``id`` names it for reporting
    outcomes, ``bytes`` are the canonical bytes of ``to_dict()``.
    """
    __slots__ = ("name", "value", "reason", "rule", "confidence", "id", "bytes", "_text", "_whole",
                 "_map", "_pool", "__weakref__")

    def __init__(self, name, session, pointer):
        """Read everything while the caller holds session and profile."""
        lib, context = _ffi.lib, session.context
        self.name = name
        self.value = values.get(lib.pz_decision_value(pointer))
        self.reason = lib.pz_decision_reason(pointer).decode()
        self.rule = lib.pz_decision_rule(pointer).decode()
        self.confidence = lib.pz_decision_confidence(pointer)
        self._map = None
        out, text, err = _ffi.Value(), _ffi.Str(), _ffi.new_error()
        check(lib.pz_decision_id(text, context, pointer, err), err)
        self.id = _ffi.text(text)
        check(lib.pz_decision_bytes(out, context, pointer, err), err)
        self.bytes = _ffi.octets(out)
        check(lib.pz_explain_text(text, context, pointer, err), err)
        self._text = _ffi.text(text)
        check(lib.pz_explain(out, context, pointer, err), err)
        # The explanation is copied by one call and turned into Python objects when it is asked for.
        self._whole = _ffi.Value()
        self._pool = new_pool()
        check(lib.pz_pool_copy(self._pool, self._whole, out))

    def __del__(self, free=_ffi.lib.pz_pool_free):
        free(getattr(self, "_pool", None))

    def _explained(self):
        if self._map is None:
            self._map = values.get(self._whole)
        return self._map

    def explain(self):
        """Why, as plain English sentences, one a line."""
        return self._text

    def reasons(self):
        """Why, as structure: ``to_dict()`` with "rules" (what each came to) and "layers" (of every
        attribute) besides."""
        return dict(self._explained())

    def to_dict(self):
        """The decision with what it used, what was unknown and would have mattered, its id and the
        catalog's hash."""
        return {key: value for key, value in self._explained().items()
                if key not in ("rules", "layers")}

    def __repr__(self):
        return f"<personalize.Decision {self.name}: {self.value!r} ({self.reason})>"
