"""Profiles: what each customer chose, what was recorded, what was guessed.

A profile is *stored* (found by ``Engine.customer`` or ``Engine.profile``; every write is one
transaction) or *detached* (made by ``Engine.detached`` or ``Engine.decode``; it lives in memory).
It may be used from any thread; calls on one profile wait for each other.

Every write takes the same keywords: ``at`` (when it happened), ``now`` (the clock), ``expires``,
``channel``, ``who``, and for detached profiles ``writer``. Moments are aware datetimes or ints of
milliseconds since 1970.
"""
import contextlib

from . import _ffi, values
from ._handles import Guard, own
from .errors import ArgumentError, StateError, TypeMismatch, check

PERSON, ACCOUNT, DEVICE = range(3)


def _write(at, now, expires, channel, who, writer):
    """A pz_write; its texts live as long as it does, since ctypes keeps what a field was given."""
    return _ffi.Write(
        _ffi.sizeof(_ffi.Write), 0, values.milliseconds(at), values.milliseconds(now),
        values.milliseconds(expires), None if channel is None else values.name(channel, "channel"),
        None if who is None else values.name(who, "who"),
        None if writer is None else values.name(writer, "writer"))


class Profile:
    """One profile. Close it, use it as a context manager, or let it be collected."""

    def __init__(self, engine, pointer):
        self._engine = engine
        self._guard = Guard()
        self._pointer = pointer
        self._free = own(self, engine._handle, _ffi.lib.pz_profile_free, pointer)
        engine._children.add(self)

    def close(self):
        """Free the handle. A stored profile stays in its store. Closing twice does nothing."""
        with self._guard:
            self._pointer = None
            self._free()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __repr__(self):
        return "<personalize.Profile closed>" if self._pointer is None else \
            f"<personalize.Profile {self.id}>"

    def _open(self):
        if self._pointer is None:
            raise StateError("the profile is closed")
        return self._pointer

    # ---- reading ----

    @property
    def id(self):
        """The id, text of 1 to 64 bytes."""
        with self._guard:
            return _ffi.text(_ffi.lib.pz_profile_id(self._open()))

    @property
    def exists(self):
        """True if the profile has ever been written."""
        with self._guard:
            return _ffi.lib.pz_profile_exists(self._open())

    def refresh(self):
        """Read a stored profile again, as other processes may have changed it."""
        err = _ffi.new_error()
        with self._guard:
            check(_ffi.lib.pz_profile_refresh(self._open(), err), err)

    @property
    def bytes(self):
        """The canonical bytes: equal content, equal bytes."""
        out, err = _ffi.Value(), _ffi.new_error()
        session = self._engine._take()
        try:
            with self._guard:
                check(_ffi.lib.pz_profile_encode(self._open(), session.pool, out, err), err)
            return _ffi.octets(out)
        finally:
            session.done()

    def export(self, indent=0):
        """Everything known, with its provenance, as JSON text."""
        out, err = _ffi.Str(), _ffi.new_error()
        session = self._engine._take()
        try:
            with self._guard:
                check(_ffi.lib.pz_profile_export(self._open(), session.pool, out, indent, err), err)
            return _ffi.text(out)
        finally:
            session.done()

    # ---- writing ----

    def _value_call(self, function, name, value, *rest):
        """function(profile, name, value, rest..., err)"""
        encoded, err = values.name(name, "the name"), _ffi.new_error()
        session = self._engine._take()
        try:
            made = values.put(session.pool, value, session.keep)
            with self._guard:
                check(function(self._open(), encoded, made, *rest, err), err)
        finally:
            session.done()

    def choose(self, attribute, value, *, at=None, now=None, expires=None, channel=None, who=None,
               writer=None):
        """The customer's own choice. It stands above everything but law and contract."""
        self._value_call(_ffi.lib.pz_choose, attribute, value,
                         _write(at, now, expires, channel, who, writer))

    def reject(self, attribute, value, *, at=None, now=None, expires=None, channel=None, who=None,
               writer=None):
        """"Not this value": no weaker tier answers it until it is chosen or cleared."""
        self._value_call(_ffi.lib.pz_reject, attribute, value,
                         _write(at, now, expires, channel, who, writer))

    def declare(self, attribute, value, *, at=None, now=None, expires=None, channel=None, who=None,
                writer=None):
        """A recorded fact: an import, a form, an agent on the customer's behalf."""
        self._value_call(_ffi.lib.pz_declare, attribute, value,
                         _write(at, now, expires, channel, who, writer))

    def infer(self, attribute, value, confidence, *, at=None, now=None, expires=None, channel=None,
              who=None, writer=None):
        """A host's own model hands in a value with its confidence, 0 to 1."""
        if isinstance(confidence, bool) or not isinstance(confidence, (int, float)):
            raise TypeMismatch("a confidence is a number between 0 and 1")
        self._value_call(_ffi.lib.pz_infer, attribute, value, float(confidence),
                         _write(at, now, expires, channel, who, writer))

    def clear(self, attribute, *, at=None, now=None, expires=None, channel=None, who=None,
              writer=None):
        """Take back the choice and the rejections of an attribute."""
        encoded, err = values.name(attribute, "the name"), _ffi.new_error()
        write = _write(at, now, expires, channel, who, writer)
        with self._guard:
            check(_ffi.lib.pz_clear(self._open(), encoded, write, err), err)

    def identify(self, kind, value, *, at=None, now=None, expires=None, channel=None, who=None,
                 writer=None):
        """Note an identifier by which ``Engine.customer`` finds this profile."""
        kind, value = values.name(kind, "the kind"), values.name(value, "the identifier")
        err = _ffi.new_error()
        write = _write(at, now, expires, channel, who, writer)
        with self._guard:
            check(_ffi.lib.pz_identify(self._open(), kind, value, write, err), err)

    def observe(self, event, *, at=None, now=None, expires=None, channel=None, who=None,
                writer=None):
        """Take an event, a dict. False if it was seen before: then nothing changed."""
        is_new, err = _ffi.c_bool(), _ffi.new_error()
        write = _write(at, now, expires, channel, who, writer)
        session = self._engine._take()
        try:
            made = values.put(session.pool, event, session.keep)
            with self._guard:
                check(_ffi.lib.pz_observe(self._open(), made, write, is_new, err), err)
        finally:
            session.done()
        return is_new.value

    def apply(self, operation, *, at=None, now=None, expires=None, channel=None, who=None,
              writer=None):
        """One operation as data: ``["choose", "language", "de", {"channel": "web"}]``."""
        write, err = _write(at, now, expires, channel, who, writer), _ffi.new_error()
        session = self._engine._take()
        try:
            made = values.put(session.pool, operation, session.keep)
            with self._guard:
                check(_ffi.lib.pz_profile_apply(self._open(), made, write, err), err)
        finally:
            session.done()

    def merge(self, other):
        """Join another replica of the same profile into this one; ``other`` stays as it is."""
        if not isinstance(other, Profile):
            raise TypeMismatch(f"a Profile is merged, not {type(other).__name__}")
        if other._engine is not self._engine:
            raise ArgumentError("the profiles are of different engines; hand over the bytes")
        err = _ffi.new_error()
        with guards(self, other):
            check(_ffi.lib.pz_merge(self._open(), other._open(), err), err)


#: Another word for the profile of a person.
Customer = Profile


def guards(*profiles):
    """Guards of several profiles, entered in one order so that threads cannot wait in a circle.
    None is allowed, and a profile may stand twice."""
    distinct = {id(profile): profile for profile in profiles if profile is not None}
    if len(distinct) == 1:
        return next(iter(distinct.values()))._guard
    stack = contextlib.ExitStack()
    try:
        for key in sorted(distinct):
            stack.enter_context(distinct[key]._guard)
    except BaseException:
        stack.close()
        raise
    return stack
