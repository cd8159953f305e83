"""Profiles: what each customer chose, what was recorded, what was guessed.

A profile is *stored* (found by ``Engine.customer`` or ``Engine.profile``; every write is one
transaction) or *detached* (made by ``Engine.detached`` or ``Engine.decode``; it lives in memory).
It may be used from any thread; calls on one profile wait for each other.

Every write takes the same keywords: ``at`` (when it happened), ``now`` (the clock), ``expires``,
``channel``, ``who``, for stored profiles ``durability`` ("durable", "grouped" or "lazy"; else as
the engine was opened) and for detached ones ``writer``. Moments are aware datetimes or ints of
milliseconds since 1970.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional, Union

from . import _ffi, values
from ._handles import Guard, Handle, in_turn, own
from .errors import ArgumentError, StateError, TypeMismatch, check
from .values import Moment

if TYPE_CHECKING:
    from .engine import Engine

PERSON, ACCOUNT, DEVICE = range(3)
_Octets = bytes  # Profile has a property of that name
#: Modes of an attribute, each at the place of its number in C.
MODES = ("AUTO", "MANUAL", "OFF")
#: How far a write has gone when its call returns, each at the place of its number in C.
DURABILITIES = (None, "durable", "grouped", "lazy")
_CIRCUMSTANCES = ("at", "now", "expires", "channel", "who", "writer", "durability")
_EVER = (-2**63, 2**63 - 1)


def made_write(at: Moment = None, now: Moment = None, expires: Moment = None,
               channel: Optional[str] = None, who: Optional[str] = None,
               writer: Optional[str] = None, durability: Optional[str] = None,
               **unknown: object) -> Any:
    """A pz_write; its texts live as long as it does, since ctypes keeps what a field was given."""
    if unknown:
        raise TypeError(values.unknown_name("a write", next(iter(unknown)), _CIRCUMSTANCES))
    return _ffi.Write(
        _ffi.sizeof(_ffi.Write), 0, values.milliseconds(at), values.milliseconds(now),
        values.milliseconds(expires), values.optional_name(channel, "the channel"),
        values.optional_name(who, "who"), values.optional_name(writer, "the writer"),
        durability_of(durability))


def durability_of(durability: Optional[str]) -> int:
    if durability is not None and not isinstance(durability, str):
        raise TypeMismatch(f"a durability is a str, not {type(durability).__name__}")
    if durability not in DURABILITIES:
        raise ArgumentError(f"a durability is one of {', '.join(filter(None, DURABILITIES))}")
    return DURABILITIES.index(durability)


def _span(start: Moment, end: Moment) -> Any:
    """A pz_span, None where neither end is given."""
    if start is None and end is None:
        return None
    return _ffi.Span(_EVER[0] if start is None else values.milliseconds(start),
                     _EVER[1] if end is None else values.milliseconds(end))


class Profile(Handle):
    """One profile. Close it, use it as a context manager, or let it be collected."""
    _instead = "hand over its id, or its bytes for Engine.decode()"

    def __init__(self, engine: Engine, pointer: Any, viewed: Optional[_Octets] = None) -> None:
        self._engine = engine
        self._guard = Guard()
        self._pointer: Optional[Any] = pointer
        self._viewed = viewed  # the handle may read from here
        self._free = own(self, engine._handle, _ffi.lib.pz_profile_free, pointer)
        engine._children.add(self)

    def close(self) -> None:
        """Free the handle. A stored profile stays in its store. Closing twice does nothing."""
        with self._guard.turn():
            self._pointer = None
            self._free()

    def __enter__(self) -> Profile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        try:
            return f"<personalize.Profile {self.id}>"
        except StateError:
            return "<personalize.Profile, closed>" if self._pointer is None else \
                "<personalize.Profile, in use>"

    def _open(self) -> Any:
        if self._pointer is None:
            raise StateError("the profile is closed")
        return self._pointer

    # ---- reading ----

    @property
    def id(self) -> str:
        """The id, text of 1 to 64 bytes."""
        with self._guard.turn():
            return _ffi.text(_ffi.lib.pz_profile_id(self._open()))

    @property
    def exists(self) -> bool:
        """True if the profile has ever been written."""
        with self._guard.turn():
            return bool(_ffi.lib.pz_profile_exists(self._open()))

    def refresh(self) -> None:
        """Read a stored profile again, as other processes may have changed it."""
        err = _ffi.new_error()
        with self._guard.turn():
            check(_ffi.lib.pz_profile_refresh(self._open(), err), err)

    @property
    def bytes(self) -> _Octets:
        """The canonical bytes: equal content, equal bytes."""
        out, err = _ffi.Value(), _ffi.new_error()
        session = self._engine._take()
        with session.lock:
            session.begin()
            with self._guard.turn():
                check(_ffi.lib.pz_profile_encode(self._open(), session.pool, out, err), err)
            return _ffi.octets(out)

    def export(self, indent: int = 0) -> str:
        """Everything known, with its provenance, as JSON text."""
        indent = values.integer(indent, "an indent", 100)
        out, err = _ffi.Str(), _ffi.new_error()
        session = self._engine._take()
        with session.lock:
            session.begin()
            with self._guard.turn():
                check(_ffi.lib.pz_profile_export(self._open(), session.pool, out, indent, err), err)
            return _ffi.text(out)

    def export_text(self) -> str:
        """Everything known in plain English sentences, for the person it is about."""
        out, err = _ffi.Str(), _ffi.new_error()
        session = self._engine._take()
        with session.lock:
            session.begin()
            with self._guard.turn():
                check(_ffi.lib.pz_profile_export_text(self._open(), session.pool, out, err), err)
            return _ffi.text(out)

    # ---- writing ----

    def _value_call(self, function: Any, name: str, value: Any, *rest: Any) -> None:
        """function(profile, name, value, rest..., err)"""
        encoded, err = values.name(name, "the name"), _ffi.new_error()
        session = self._engine._take()
        with session.lock:
            session.begin()
            made = values.put(session.pool, value, session.keep)
            with self._guard.turn():
                check(function(self._open(), encoded, made, *rest, err), err)

    def choose(self, attribute: str, value: Any, **write: Any) -> None:
        """The customer's own choice. It stands above everything but law and contract."""
        self._value_call(_ffi.lib.pz_choose, attribute, value, made_write(**write))

    def reject(self, attribute: str, value: Any, **write: Any) -> None:
        """"Not this value": no weaker tier answers it until it is chosen or cleared."""
        self._value_call(_ffi.lib.pz_reject, attribute, value, made_write(**write))

    def declare(self, attribute: str, value: Any, **write: Any) -> None:
        """A recorded fact: an import, a form, an agent on the customer's behalf."""
        self._value_call(_ffi.lib.pz_declare, attribute, value, made_write(**write))

    def infer(self, attribute: str, value: Any, confidence: float, **write: Any) -> None:
        """A host's own model hands in a value with its confidence, 0 to 1."""
        self._value_call(_ffi.lib.pz_infer, attribute, value,
                         values.real(confidence, "a confidence"), made_write(**write))

    def _name_call(self, function: Any, *arguments: Any, write: Any) -> None:
        """function(profile, arguments..., write, err)"""
        circumstances, err = made_write(**write), _ffi.new_error()
        with self._guard.turn():
            check(function(self._open(), *arguments, circumstances, err), err)

    def _count_call(self, function: Any, *arguments: Any, write: Any) -> int:
        """function(profile, arguments..., write, &count, err) -> count"""
        circumstances, count, err = made_write(**write), _ffi.c_uint32(), _ffi.new_error()
        with self._guard.turn():
            check(function(self._open(), *arguments, circumstances, count, err), err)
        return int(count.value)

    def clear(self, attribute: str, member: Optional[str] = None, **write: Any) -> None:
        """Take back the choice, the rejections and the edits of an attribute, or the choice of one
        member of a record."""
        encoded = values.name(attribute, "the name")
        if member is None:
            self._name_call(_ffi.lib.pz_clear, encoded, write=write)
        else:
            self._name_call(_ffi.lib.pz_clear_member, encoded, values.name(member, "the member"),
                            write=write)

    def edit(self, attribute: str, item: str, what: Any, **write: Any) -> None:
        """Arrange one item of a layout: ``"hide"``, ``"show"``, ``{"pin": 0}``,
        ``{"after": "search"}`` or ``"unplace"``."""
        encoded, name = values.name(attribute, "the name"), values.name(item, "the item")
        circumstances, err = made_write(**write), _ffi.new_error()
        session = self._engine._take()
        with session.lock:
            session.begin()
            made = values.put(session.pool, what, session.keep)
            with self._guard.turn():
                check(_ffi.lib.pz_edit(self._open(), encoded, name, made, circumstances, err), err)

    def set_mode(self, attribute: str, mode: str, **write: Any) -> None:
        """How much is left to the company: "AUTO", "MANUAL" or "OFF" (which forgets)."""
        values.name(mode, "a mode")
        if mode not in MODES:
            raise ArgumentError(f"a mode is one of {', '.join(MODES)}")
        self._name_call(_ffi.lib.pz_set_mode, values.name(attribute, "the name"),
                        MODES.index(mode), write=write)

    def set_level(self, level: str, **write: Any) -> None:
        """The customer's own level: "basic", "demographic", "self-service" or "deep"."""
        self._name_call(_ffi.lib.pz_set_level, values.name(level, "the level"), write=write)

    def undo(self, attribute: Optional[str] = None, **write: Any) -> None:
        """Put back what the customer's last verb found, of one attribute or of any. NotFound if
        there is nothing to undo."""
        encoded = values.optional_name(attribute, "the name")
        self._name_call(_ffi.lib.pz_undo, encoded, write=write)

    def consent(self, purpose: str, granted: bool = True, **write: Any) -> None:
        """Grant or deny a purpose. ``expires`` ends a grant."""
        self._name_call(_ffi.lib.pz_consent, values.name(purpose, "the purpose"),
                        values.truth(granted, "consent"), write=write)

    def consent_tcf(self, tc_string: str, **write: Any) -> int:
        """Consents from a TC string of the IAB framework: how many purposes changed."""
        return self._count_call(_ffi.lib.pz_consent_tcf, values.name(tc_string, "a TC string"),
                                write=write)

    def consent_gpc(self, is_on: bool = True, **write: Any) -> int:
        """The Global Privacy Control signal: how many purposes it denied."""
        return self._count_call(_ffi.lib.pz_consent_gpc, values.truth(is_on, "the signal"),
                                write=write)

    def tcf(self, *, cmp_id: int = 0, cmp_version: int = 0, vendor_list_version: int = 0,
            policy_version: int = 0, screen: int = 0, language: str = "EN",
            publisher_country: str = "AA") -> str:
        """The consents as a TC string that names no vendor."""
        options = _ffi.Tcf(
            _ffi.sizeof(_ffi.Tcf), values.integer(cmp_id, "the platform's id", 4095),
            values.integer(cmp_version, "the platform's version", 4095),
            values.integer(vendor_list_version, "the vendor list's version", 4095),
            values.integer(policy_version, "the policy's version", 63),
            values.integer(screen, "the screen", 63), values.name(language, "the language"),
            values.name(publisher_country, "the country"))
        out, err = _ffi.Str(), _ffi.new_error()
        session = self._engine._take()
        with session.lock:
            session.begin()
            with self._guard.turn():
                check(_ffi.lib.pz_profile_tcf(self._open(), options, session.pool, out, err), err)
            return _ffi.text(out)

    def forget(self, attribute: Optional[str] = None, *, start: Moment = None, end: Moment = None,
               **write: Any) -> None:
        """Forget an attribute, or everything; with ``start`` and ``end`` what happened in
        [start, end). Modes, levels, consents, links and identifiers stay."""
        encoded = values.optional_name(attribute, "the name")
        self._name_call(_ffi.lib.pz_forget, encoded, _span(start, end), write=write)

    def expire(self, attribute: Optional[str] = None, **write: Any) -> int:
        """Drop from the bytes what the catalog's ``retention`` has ended, of an attribute or of
        all: of how many attributes there was something."""
        return self._count_call(_ffi.lib.pz_expire, values.optional_name(attribute, "the name"),
                                write=write)

    def retract(self, source: str, id: str, **write: Any) -> None:
        """That event never happened. NotFound if the profile no longer keeps it whole."""
        self._name_call(_ffi.lib.pz_retract, values.name(source, "the source"),
                        values.name(id, "the id"), write=write)

    def retract_all(self, attribute: Optional[str] = None, *, start: Moment = None,
                    end: Moment = None, **write: Any) -> int:
        """The same for every event about an attribute within [start, end): how many."""
        encoded = values.optional_name(attribute, "the name")
        return self._count_call(_ffi.lib.pz_retract_all, encoded, _span(start, end), write=write)

    def link(self, other: str, strength: float = 1.0, **write: Any) -> None:
        """This profile and another (its id) are one person."""
        self._name_call(_ffi.lib.pz_link, values.name(other, "the other id"),
                        values.real(strength, "a strength"), write=write)

    def unlink(self, other: str, **write: Any) -> None:
        """They are not. Beats a link that was made without knowing of this."""
        self._name_call(_ffi.lib.pz_unlink, values.name(other, "the other id"), write=write)

    def switch(self, other: str, **write: Any) -> None:
        """Somebody else uses this device from now on: never a link."""
        self._name_call(_ffi.lib.pz_switch, values.name(other, "the other id"), write=write)

    def set_account(self, account: Optional[str], **write: Any) -> None:
        """The account the person belongs to (its id); None: none any more."""
        encoded = values.optional_name(account, "the account")
        self._name_call(_ffi.lib.pz_set_account, encoded, write=write)

    def identify(self, kind: str, value: str, **write: Any) -> None:
        """Note an identifier by which ``Engine.customer`` finds this profile."""
        self._name_call(_ffi.lib.pz_identify, values.name(kind, "the kind"),
                        values.name(value, "the identifier"), write=write)

    def observe(self, event: Any, **write: Any) -> bool:
        """Take an event, a dict. False if it was seen before: then nothing changed."""
        is_new, err = _ffi.c_bool(), _ffi.new_error()
        circumstances = made_write(**write)
        session = self._engine._take()
        with session.lock:
            session.begin()
            made = values.put(session.pool, event, session.keep)
            with self._guard.turn():
                check(_ffi.lib.pz_observe(self._open(), made, circumstances, is_new, err), err)
        return bool(is_new.value)

    def apply(self, operation: Any, **write: Any) -> None:
        """One operation as data: ``["choose", "language", "de", {"channel": "web"}]``."""
        circumstances, err = made_write(**write), _ffi.new_error()
        session = self._engine._take()
        with session.lock:
            session.begin()
            made = values.put(session.pool, operation, session.keep)
            with self._guard.turn():
                check(_ffi.lib.pz_profile_apply(self._open(), made, circumstances, err), err)

    def merge(self, other: Profile) -> None:
        """Join another replica of the same profile into this one; ``other`` stays as it is."""
        if not isinstance(other, Profile):
            raise TypeMismatch(f"a Profile is merged, not {type(other).__name__}")
        if other._engine is not self._engine:
            raise ArgumentError("the profiles are of different engines; hand over the bytes")
        err = _ffi.new_error()
        in_turn_of([self, other], lambda: check(
            _ffi.lib.pz_merge(self._open(), other._open(), err), err))

    def person(self, others: Iterable[Profile]) -> None:
        """Tell a detached profile whom it may have to be seen with; only what links reach is used.
        Its states are shared as they stand now: to see what they have become, call again."""
        people = values.listed(others, "the others")
        for other in people:
            if not isinstance(other, Profile):
                raise TypeMismatch(f"a person is made of Profiles, not {type(other).__name__}")
            if other._engine is not self._engine:
                raise ArgumentError("the profiles are of different engines; hand over the bytes")
        err = _ffi.new_error()

        def tell() -> None:
            pointers = _ffi.handles([other._open() for other in people])
            check(_ffi.lib.pz_profile_person(self._open(), pointers, len(people), err), err)
        in_turn_of([self, *people], tell)


#: Another word for the profile of a person.
Customer = Profile


def in_turn_of(profiles: Iterable[Optional[Profile]], call: Callable[[], Any]) -> Any:
    """Call with the guards of profiles held. None is allowed, and a profile may stand twice."""
    return in_turn([profile._guard for profile in profiles if profile is not None], call)
