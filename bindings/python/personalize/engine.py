"""The engine: one catalog in force, one store of profiles, and the questions.

An engine may be used from any number of threads. Each thread keeps a context of its own inside, so
that questions need nothing but a name, a customer and the circumstances.
"""
import os
import threading
import weakref

from . import _ffi, values
from ._handles import EngineHandle, Session
from .decision import Decision, Observed, Resolution
from .errors import ArgumentError, CatalogError, StateError, TypeMismatch, check, from_status
from .profile import ACCOUNT, DEVICE, PERSON, Profile, guards, made_write
from .report import take

READ_ONLY, LAZY = 1, 2
REPLAY = 1
ERASE_ALONE = 1
OBSERVE_MANY_MAX = 65536
_SUBJECTS = {"person": PERSON, "account": ACCOUNT, "device": DEVICE}


def _path(path, what):
    try:
        return values.name(os.fspath(path), what)
    except TypeError:
        raise TypeMismatch(f"{what} is a str or a path, not {type(path).__name__}") from None


def _resolution(out):
    return Resolution(
        values.get(out.value), out.tier.decode(), out.reason.decode(),
        out.confidence if out.has_confidence else None, _ffi.text(out.channel), _ffi.text(out.who),
        values.moment(out.at_ms), out.is_resolved, values.get(out.members) or {})


class Engine:
    """Made by ``personalize.open()``. Close it, or use it as a context manager."""

    def __init__(self, catalog=None, *, store=None, read_only=False, lazy=False, skew_ms=0,
                 store_bytes=0):
        options = _ffi.EngineOptions(
            size=_ffi.sizeof(_ffi.EngineOptions),
            flags=(READ_ONLY if read_only else 0) | (LAZY if lazy else 0),
            store=None if store is None else _path(store, "the store"),
            skew_ms=skew_ms, store_bytes=store_bytes)
        pointer, err = _ffi.c_void_p(), _ffi.new_error()
        check(_ffi.lib.pz_engine_open(_ffi.byref(pointer), options, err), err)
        self._handle = EngineHandle(pointer)
        self._closer = weakref.finalize(self, self._handle.close)
        self._children = weakref.WeakSet()  # open profiles
        self._sessions = weakref.WeakSet()
        self._local = threading.local()
        self._lock = threading.RLock()  # of the two sets
        self._process = os.getpid()
        if catalog is not None:
            try:
                self.load(catalog)
            except BaseException:
                self.close()
                raise

    # ---- lifetime ----

    def close(self):
        """Close the engine and every profile that is still open. Closing twice does nothing.
        Answers stay: they borrow nothing. Waits for calls that other threads are in."""
        if self._handle.is_closing:
            return
        self._handle.is_closing = True
        with self._lock:
            profiles, sessions = list(self._children), list(self._sessions)
        for profile in profiles:
            profile.close()
        # After a fork a lock may be held by a thread that is not here: its session is left alone.
        is_forked = os.getpid() != self._process
        for session in sessions:
            if session.lock.acquire(blocking=not is_forked):
                session.close()
                session.lock.release()
        self._closer()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _take(self):
        """A session that nobody else uses, to be given back by its done()."""
        if self._handle.is_closing:
            raise StateError("the engine is closed")
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = Session(self._handle)
            with self._lock:
                self._sessions.add(session)
        if not session.lock.acquire(blocking=False):
            session = Session(self._handle)
            session.lock.acquire()
        if not session.close.alive:
            session.lock.release()
            raise StateError("the engine is closed")
        _ffi.lib.pz_pool_reset(session.pool)
        return session

    # ---- the catalog ----

    def _loaded(self, function, *arguments):
        session = self._take()
        try:
            report, err = _ffi.c_void_p(), _ffi.new_error()
            status = function(self._handle.pointer, *arguments, _ffi.byref(report), err)
            diagnostics = take(report)
        finally:
            session.done()
        if status:
            error = from_status(status, err)
            if isinstance(error, CatalogError):
                error.diagnostics = diagnostics
            raise error
        return diagnostics

    def load(self, path):
        """Put the catalog in a file in force and return its warnings. One with mistakes is refused
        as a whole: CatalogError, whose ``diagnostics`` are all of them."""
        return self._loaded(_ffi.lib.pz_engine_load, _path(path, "the catalog"))

    def load_text(self, text, name="catalog"):
        """The same from text in memory; ``name`` stands for the file in diagnostics."""
        encoded = values.utf8(text) if isinstance(text, str) else bytes(text)
        return self._loaded(_ffi.lib.pz_engine_load_text, values.name(name), encoded, len(encoded))

    def test(self):
        """Run the tests that the catalog carries: (passed, failed, diagnostics)."""
        session = self._take()
        try:
            report, err = _ffi.c_void_p(), _ffi.new_error()
            passed, failed = _ffi.c_uint32(), _ffi.c_uint32()
            status = _ffi.lib.pz_engine_test(self._handle.pointer, _ffi.byref(report), passed,
                                             failed, err)
            diagnostics = take(report)
        finally:
            session.done()
        if status and not failed.value:
            raise from_status(status, err)
        return passed.value, failed.value, diagnostics

    @property
    def catalog_hash(self):
        """Content hash of the catalog in force, 32 hexadecimal digits."""
        session = self._take()
        try:
            out = _ffi.new_buffer(33)
            check(_ffi.lib.pz_engine_catalog_hash(self._handle.pointer, out))
            return out.value.decode()
        finally:
            session.done()

    # ---- profiles ----

    def _profile(self, function, *arguments):
        session = self._take()
        try:
            pointer, err = _ffi.c_void_p(), _ffi.new_error()
            check(function(_ffi.byref(pointer), self._handle.pointer, *arguments, err), err)
            with self._lock:
                return Profile(self, pointer)
        finally:
            session.done()

    def customer(self, kind=None, value=None, /, **identifier):
        """The profile of the customer with an identifier, found or new:
        ``shop.customer(email="ann@example.com")`` or ``shop.customer("email", "ann@...")``."""
        if kind is None and len(identifier) == 1:
            (kind, value), = identifier.items()
        elif kind is None or identifier:
            raise ArgumentError("one identifier is needed, such as email=\"ann@example.com\"")
        return self._profile(_ffi.lib.pz_customer, values.name(kind, "the kind"),
                             values.name(value, "the identifier"))

    def profile(self, id):
        """A stored profile by its id; NotFound."""
        return self._profile(_ffi.lib.pz_profile_open, values.name(id, "the id"))

    def detached(self, id, subject="person"):
        """An empty profile in memory, of a "person", an "account" or a "device"."""
        if subject not in _SUBJECTS:
            raise ArgumentError(f"a subject is one of {', '.join(_SUBJECTS)}")
        return self._profile(_ffi.lib.pz_profile_new, _SUBJECTS[subject],
                             values.name(id, "the id"))

    def decode(self, data):
        """A detached profile from ``Profile.bytes``."""
        data = bytes(data)
        return self._profile(_ffi.lib.pz_profile_decode, data, len(data))

    def view(self, data):
        """A detached profile that answers from ``Profile.bytes`` without decoding them, until it is
        written to. Bytes from outside: check them once with ``decode``."""
        data = bytes(data)
        profile = self._profile(_ffi.lib.pz_profile_view, data, len(data))
        profile._viewed = data  # the handle reads from here
        return profile

    def ids(self):
        """The ids of all stored profiles, in their order, over one snapshot."""
        found, failure = [], []

        def visit(payload, profile):
            try:
                found.append(_ffi.text(_ffi.lib.pz_profile_id(profile)))
                return 0
            except BaseException as error:  # carried through C, raised behind it
                failure.append(error)
                return ArgumentError.status

        session = self._take()
        try:
            err = _ffi.new_error()
            status = _ffi.lib.pz_each_profile(self._handle.pointer, _ffi.PROFILE_FN(visit), None,
                                              err)
        finally:
            session.done()
        if failure:
            raise failure[0]
        check(status, err)
        return found

    def __len__(self):
        """How many profiles the store holds."""
        session = self._take()
        try:
            out, err = _ffi.c_uint64(), _ffi.new_error()
            check(_ffi.lib.pz_profile_count(self._handle.pointer, out, err), err)
            return out.value
        finally:
            session.done()

    def __bool__(self):
        return True

    def observe_many(self, events, *, now=None, replay=False):
        """Take many events, of any customers, in one transaction. Each event names its customer by
        the member "customer". Returns one Observed per event."""
        events = list(events)
        session = self._take()
        try:
            made = values.put(session.pool, events, session.keep)
            results = (_ffi.Observed * len(events))()
            for result in results:
                result.size = _ffi.sizeof(_ffi.Observed)
            err = _ffi.new_error()
            check(_ffi.lib.pz_observe_many(
                self._handle.pointer, _ffi.items(made) or None, len(events),
                values.milliseconds(now), REPLAY if replay else 0, results, err), err)
        finally:
            session.done()
        return [Observed(result.status, result.is_new, result.message.decode())
                for result in results]

    # ---- questions ----

    def _check_own(self, profile):
        if profile is None:
            return
        if not isinstance(profile, Profile):
            raise TypeMismatch(f"a customer is a Profile or None, not {type(profile).__name__}")
        if profile._engine is not self:
            raise ArgumentError("the profile is of another engine")

    def _begin(self, session, err, now, level, circumstances):
        """Begin the session's context and tell it the circumstances."""
        lib, context = _ffi.lib, session.context
        check(lib.pz_context_begin(context, values.milliseconds(now), err), err)
        for members in circumstances:
            for key, value in members.items():
                made = values.put(session.pool, value, session.keep)
                check(lib.pz_context_set(context, values.name(key, "a key"), made, err), err)
        if level is not None:
            check(lib.pz_context_level(context, values.name(level, "the level"), err), err)

    def _ask(self, answer, customer, now, account, level, context, more):
        """answer(session, profile, err) in a context that was begun."""
        self._check_own(customer)
        self._check_own(account)
        session = self._take()
        try:
            err = _ffi.new_error()
            self._begin(session, err, now, level, (context, more))
            if account is None:
                if customer is None:
                    return answer(session, None, err)
                with customer._guard:
                    return answer(session, customer._open(), err)
            with guards(customer, account):
                check(_ffi.lib.pz_context_account(session.context, account._open(), err), err)
                return answer(session, None if customer is None else customer._open(), err)
        finally:
            session.done()

    def _ask_many(self, answer, attributes, customers, now, account, level, context, more):
        """answer(session, batch, err), a list profile by profile; as one dict per customer."""
        encoded = [values.name(name, "the attribute") for name in attributes]
        for profile in (*customers, account):
            self._check_own(profile)
        session = self._take()
        try:
            err = _ffi.new_error()
            self._begin(session, err, now, level, (context, more))
            with guards(*customers, account):
                if account is not None:
                    check(_ffi.lib.pz_context_account(session.context, account._open(), err), err)
                batch = _ffi.Batch(
                    _ffi.sizeof(_ffi.Batch), len(customers),
                    _ffi.handles([profile and profile._open() for profile in customers]),
                    _ffi.names(encoded), len(encoded))
                answers = iter(answer(session, batch, err))
                return [{name: next(answers) for name in attributes} for _ in customers]
        finally:
            session.done()

    def decide(self, name, customer=None, /, *, now=None, account=None, level=None, context=(),
               **more):
        """Decide. ``customer`` None: for nobody in particular. Circumstances are keywords, or the
        dict ``context`` for keys such as "now" that are no keyword. ``level`` is the host's own
        level of personalization for this request."""
        encoded = values.name(name, "the decision")

        def answer(session, profile, err):
            pointer = _ffi.c_void_p()
            check(_ffi.lib.pz_decide(_ffi.byref(pointer), session.context, profile, encoded, err),
                  err)
            return Decision(name, session, pointer)
        return self._ask(answer, customer, now, account, level, dict(context), more)

    def value(self, name, customer=None, /, *, now=None, account=None, level=None, context=(),
              **more):
        """What ``decide`` would put in ``value``, and nothing else: for the hot path."""
        encoded = values.name(name, "the decision")

        def answer(session, profile, err):
            pointer = _ffi.c_void_p()
            check(_ffi.lib.pz_decide(_ffi.byref(pointer), session.context, profile, encoded, err),
                  err)
            return values.get(_ffi.lib.pz_decision_value(pointer))
        return self._ask(answer, customer, now, account, level, dict(context), more)

    def resolve(self, attribute, customer=None, /, *, now=None, account=None, level=None,
                context=(), **more):
        """Resolve one attribute: the strongest live answer."""
        encoded = values.name(attribute, "the attribute")

        def answer(session, profile, err):
            out = _ffi.Resolution(size=_ffi.sizeof(_ffi.Resolution))
            check(_ffi.lib.pz_resolve(out, session.context, profile, encoded, err), err)
            return _resolution(out)
        return self._ask(answer, customer, now, account, level, dict(context), more)

    def resolve_many(self, attributes, customers, /, *, now=None, account=None, level=None,
                     context=(), **more):
        """Resolve several attributes of several customers: one dict of Resolutions by attribute for
        each customer, in their order. None among the customers is nobody in particular."""
        attributes, customers = list(dict.fromkeys(attributes)), list(customers)

        def answer(session, batch, err):
            count = len(attributes) * len(customers)
            out = (_ffi.Resolution * (count + 1))()  # one more, so that there is a first
            out[0].size = _ffi.sizeof(_ffi.Resolution)
            check(_ffi.lib.pz_resolve_many(out, session.context, batch, err), err)
            return [_resolution(out[i]) for i in range(count)]
        return self._ask_many(answer, attributes, customers, now, account, level, dict(context),
                              more)

    def _inspect(self, function, attribute, customer, now, account, level, context, more):
        encoded = values.name(attribute, "the attribute")

        def answer(session, profile, err):
            out = _ffi.Value()
            check(function(out, session.context, profile, encoded, err), err)
            return values.get(out)
        return self._ask(answer, customer, now, account, level, dict(context), more)

    def inspect(self, attribute, customer=None, /, *, now=None, account=None, level=None,
                context=(), **more):
        """Every layer of one attribute, strongest first, as dicts."""
        return self._inspect(_ffi.lib.pz_inspect, attribute, customer, now, account, level, context,
                             more)

    def inspect_privileged(self, attribute, customer=None, /, *, now=None, account=None, level=None,
                           context=(), **more):
        """The same with the layers that masks and missing consents hide: for operators alone, since
        it tells that data exists."""
        return self._inspect(_ffi.lib.pz_inspect_privileged, attribute, customer, now, account,
                             level, context, more)

    def inspect_many(self, attributes, customers, /, *, now=None, account=None, level=None,
                     context=(), **more):
        """Inspect several attributes of several customers: one dict by attribute for each customer.
        """
        attributes, customers = list(dict.fromkeys(attributes)), list(customers)

        def answer(session, batch, err):
            count = len(attributes) * len(customers)
            out = (_ffi.Value * (count + 1))()
            check(_ffi.lib.pz_inspect_many(out, session.context, batch, err), err)
            return [values.get(out[i]) for i in range(count)]
        return self._ask_many(answer, attributes, customers, now, account, level, dict(context),
                              more)

    def person(self, customer, /, *, now=None):
        """Who the person behind a profile is: members, links that stand, links that are refused
        and why, accounts. A dict."""
        def answer(session, profile, err):
            out = _ffi.Value()
            check(_ffi.lib.pz_person(out, session.context, profile, err), err)
            return values.get(out)
        return self._ask(answer, customer, now, None, None, {}, {})

    def erase(self, id, *, alone=False, **write):
        """Erase a person from the store, or only the profile named: how many profiles went."""
        erased, err = _ffi.c_uint32(), _ffi.new_error()
        session = self._take()
        try:
            check(_ffi.lib.pz_erase(self._handle.pointer, values.name(id, "the id"),
                                    made_write(**write), ERASE_ALONE if alone else 0, erased, err),
                  err)
            return erased.value
        finally:
            session.done()

    def segments(self, customer=None, /, *, now=None, account=None, level=None, context=(),
                 **more):
        """The names of all segments the customer is in."""
        def answer(session, profile, err):
            out = _ffi.Value()
            check(_ffi.lib.pz_segments(out, session.context, profile, err), err)
            return values.get(out)
        return self._ask(answer, customer, now, account, level, dict(context), more)
