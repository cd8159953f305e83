"""The engine: one catalog in force, one store of profiles, and the questions.

An engine may be used from any number of threads. Each thread keeps a context of its own inside, so
that questions need nothing but a name, a customer and the circumstances.
"""
from __future__ import annotations

import os
import threading
import weakref
from array import array
from collections.abc import Mapping
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from . import _ffi, _many, values
from ._handles import EngineHandle, Guard, Handle, Session, at_death
from ._hosts import Functions, Hosts
from .decision import Decision, Observed, Resolution
from .errors import (
    ArgumentError, CatalogError, Error, LimitError, StateError, TypeMismatch, Unsupported, check,
    from_status)
from .profile import (
    ACCOUNT, DEVICE, PERSON, Profile, durability_of, in_turn_of, made_write)
from .report import Diagnostic, take
from .store import Outcome, Progress, Store, follow, without_password
from .values import Moment

READ_ONLY = 1
REPLAY = 1
SETTLED = 1
#: Flags by the number of a durability: of engines, of observe_many.
_ENGINE_FLAGS = (0, 0, 4, 2)
_OBSERVE_FLAGS = (0, 2, 4, 8)
ERASE_ALONE = 1
OBSERVE_MANY_MAX = 65536
#: Records that are read in one call.
RECORDS_EACH = 1024
#: Greatest length of a record's note.
NOTE_MAX = 256
_SUBJECTS = {"person": PERSON, "account": ACCOUNT, "device": DEVICE}

#: A file.
Path = Union[str, "os.PathLike[str]"]
#: Circumstances that are no keyword.
Context = Union[Mapping[str, Any], Tuple[()]]
#: JSON Lines, or a list.
Lines = Union[str, bytes, Iterable[Any]]
#: Every layer of one attribute, and what batches give: a dict by attribute for each customer.
Layers = List[Dict[str, Any]]
Inspections = List[Dict[str, Layers]]
Resolutions = List[Dict[str, Resolution]]
#: An answer as the caller wants it: a list of dicts, or JSON Lines.
Answers = Any


def path_of(path: Any, what: str) -> bytes:
    try:
        return values.name(os.fspath(path), what)
    except TypeError:
        raise TypeMismatch(f"{what} is a str or a path, not {type(path).__name__}") from None


def _resolution(out: Any) -> Resolution:
    return Resolution(
        values.get(out.value), out.tier.decode(), out.reason.decode(),
        out.confidence if out.has_confidence else None, _ffi.text(out.channel), _ffi.text(out.who),
        values.moment(out.at_ms), out.is_resolved, values.get(out.members) or {})


def module_of(store: Optional[bytes]) -> Any:
    """The store that is a library of its own, where the address asks for it."""
    if store is None or not store.startswith(b"redis:"):
        return None
    try:
        return _ffi.redis_module()
    except (ImportError, AttributeError) as error:
        raise Unsupported("a store on Redis needs libpersonalize-redis, which could not be loaded; "
                          "put it beside libpersonalize, or set PERSONALIZE_REDIS_LIBRARY to its "
                          f"full path. Tried: {error}") from None


class Engine(Handle):
    """Made by ``personalize.open()``. Close it, or use it as a context manager."""
    _instead = "open one in the other process, by the same catalog and store"

    def __init__(self, catalog: Optional[Path] = None, *, store: Optional[Path] = None,
                 read_only: bool = False, lazy: bool = False,
                 durability: Optional[str] = None, skew_ms: int = 0, store_bytes: int = 0,
                 functions: Optional[Functions] = None, records: Any = None) -> None:
        # Held by the engine alone: whoever calls them asks through it, and a function that knows
        # the engine then keeps nothing alive that the collector could not find.
        self._hosts = Hosts(functions)
        if lazy and durability is None:
            durability = "lazy"
        address = None if store is None else path_of(store, "the store")
        self._where = "memory:" if address is None else address.decode()
        options = _ffi.EngineOptions(
            size=_ffi.sizeof(_ffi.EngineOptions),
            flags=(READ_ONLY if read_only else 0) | _ENGINE_FLAGS[durability_of(durability)],
            store=address, skew_ms=values.integer(skew_ms, "the allowed skew", 2**63 - 1),
            store_bytes=values.integer(store_bytes, "the size of a store", 2**63 - 1),
            module=module_of(address), functions=self._hosts.array,
            function_count=self._hosts.count)
        sink = self._hosts.sink(records)
        if sink is not None:
            options.records = _ffi.pointer(sink)
        pointer, err = _ffi.c_void_p(), _ffi.new_error()
        check(_ffi.lib.pz_engine_open(_ffi.byref(pointer), options, err), err)
        self._handle = EngineHandle(pointer)
        self._closer = at_death(self, self._handle.close)
        self._children: weakref.WeakSet[Any] = weakref.WeakSet()  # open profiles and stores
        self._sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        self._local = threading.local()
        self._lock = threading.RLock()  # of the two sets
        self._process = os.getpid()
        _engines.add(self)
        if catalog is not None:
            try:
                self.load(catalog)
            except BaseException:
                self.close()
                raise

    # ---- lifetime ----

    def close(self) -> None:
        """Close the engine and every profile that is still open. Closing twice does nothing.
        Answers stay: they borrow nothing. Waits for calls that other threads are in. A function
        that a rule calls cannot close the engine: StateError."""
        if not self._closer.alive:
            return
        with self._lock:
            profiles, sessions = list(self._children), list(self._sessions)
        if any(session.is_mine() for session in sessions) or \
                any(profile._guard.lock._is_owned() for profile in profiles):
            raise StateError("the engine is in use by the call that closes it")
        self._handle.is_closing = True
        with self._lock:
            profiles, sessions = list(self._children), list(self._sessions)
        for profile in profiles:
            profile.close()
        # After a fork a lock may be held by a thread that is not here: its session is left alone.
        is_forked = os.getpid() != self._process
        for session in sessions:
            if not is_forked or session.lock.acquire(blocking=False):
                with session.lock:
                    session.close()
        self._closer()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._handle.is_closing:
            return "<personalize.Engine, closed>"
        try:
            catalog = f"catalog {self.catalog_hash[:8]}"
        except StateError:
            catalog = "without a catalog"
        return f"<personalize.Engine {without_password(self._where)}, {catalog}>"

    def _after_fork(self) -> None:
        """Locks that other threads held belong to nobody in a child."""
        self._lock = threading.RLock()
        for profile in list(self._children):
            profile._guard = Guard()

    def _take(self) -> Session:
        """A session that this thread is not using: enter its lock and begin() it."""
        if self._handle.is_closing:
            raise StateError("the engine is closed")
        session: Optional[Session] = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = Session(self._handle)
            with self._lock:
                self._sessions.add(session)
        return Session(self._handle) if session.is_mine() else session

    # ---- the catalog ----

    def _loaded(self, function: Any, *arguments: Any) -> List[Diagnostic]:
        session = self._take()
        with session.lock:
            session.begin()
            report, err = _ffi.c_void_p(), _ffi.new_error()
            status = function(self._handle.pointer, *arguments, _ffi.byref(report), err)
            diagnostics = take(report)
        if status:
            error = from_status(status, err)
            if isinstance(error, CatalogError):
                error.diagnostics = diagnostics
            raise error
        return diagnostics

    def load(self, path: Path) -> List[Diagnostic]:
        """Put the catalog in a file in force and return its warnings. One with mistakes is refused
        as a whole: CatalogError, whose ``diagnostics`` are all of them."""
        return self._loaded(_ffi.lib.pz_engine_load, path_of(path, "the catalog"))

    def load_text(self, text: Union[str, bytes], name: str = "catalog") -> List[Diagnostic]:
        """The same from text in memory; ``name`` stands for the file in diagnostics."""
        encoded = values.source(text, "a catalog")
        return self._loaded(_ffi.lib.pz_engine_load_text, values.name(name), encoded, len(encoded))

    def test(self) -> Tuple[int, int, List[Diagnostic]]:
        """Run the tests that the catalog carries: (passed, failed, diagnostics)."""
        session = self._take()
        with session.lock:
            session.begin()
            report, err = _ffi.c_void_p(), _ffi.new_error()
            passed, failed = _ffi.c_uint32(), _ffi.c_uint32()
            status = self._hosts.ask(False, _ffi.lib.pz_engine_test, self._handle.pointer,
                                     _ffi.byref(report), passed, failed, err)
            diagnostics = take(report)
        if status and not failed.value:
            raise from_status(status, err)
        return passed.value, failed.value, diagnostics

    @property
    def catalog_hash(self) -> str:
        """Content hash of the catalog in force, 32 hexadecimal digits."""
        session = self._take()
        with session.lock:
            session.begin()
            out = _ffi.new_buffer(33)
            check(_ffi.lib.pz_engine_catalog_hash(self._handle.pointer, out))
            return str(out.value, "ascii")

    # ---- profiles ----

    def _profile(self, function: Any, *arguments: Any, viewed: Optional[bytes] = None) -> Profile:
        session = self._take()
        with session.lock:
            session.begin()
            pointer, err = _ffi.c_void_p(), _ffi.new_error()
            check(function(_ffi.byref(pointer), self._handle.pointer, *arguments, err), err)
            with self._lock:
                return Profile(self, pointer, viewed)

    def customer(self, kind: Optional[str] = None, value: Optional[str] = None, /,
                 **identifier: str) -> Profile:
        """The profile of the customer with an identifier, found or new:
        ``shop.customer(email="ann@example.com")`` or ``shop.customer("email", "ann@...")``."""
        if kind is None and len(identifier) == 1:
            (kind, value), = identifier.items()
        elif kind is None or identifier:
            raise ArgumentError("one identifier is needed, such as email=\"ann@example.com\"")
        return self._profile(_ffi.lib.pz_customer, values.name(kind, "the kind"),
                             values.name(value, "the identifier"))

    def profile(self, id: str) -> Profile:
        """A stored profile by its id; NotFound."""
        return self._profile(_ffi.lib.pz_profile_open, values.name(id, "the id"))

    def detached(self, id: str, subject: str = "person") -> Profile:
        """An empty profile in memory, of a "person", an "account" or a "device"."""
        if not isinstance(subject, str) or subject not in _SUBJECTS:
            raise ArgumentError(f"a subject is one of {', '.join(_SUBJECTS)}")
        return self._profile(_ffi.lib.pz_profile_new, _SUBJECTS[subject],
                             values.name(id, "the id"))

    def decode(self, data: bytes) -> Profile:
        """A detached profile from ``Profile.bytes``."""
        data = values.octets(data, "the bytes of a profile")
        return self._profile(_ffi.lib.pz_profile_decode, data, len(data))

    def view(self, data: bytes) -> Profile:
        """A detached profile that answers from ``Profile.bytes`` without decoding them, until it is
        written to. Bytes from outside: check them once with ``decode``."""
        data = values.octets(data, "the bytes of a profile")
        return self._profile(_ffi.lib.pz_profile_view, data, len(data), viewed=data)

    def ids(self) -> List[str]:
        """The ids of all stored profiles, in their order, over one snapshot."""
        session = self._take()
        with session.lock:
            session.begin()
            out, err = _ffi.Value(), _ffi.new_error()
            check(_ffi.lib.pz_profile_ids(self._handle.pointer, session.pool, out, err), err)
            return list(values.get(out))

    def __len__(self) -> int:
        """How many profiles the store holds."""
        session = self._take()
        with session.lock:
            session.begin()
            out, err = _ffi.c_uint64(), _ffi.new_error()
            check(_ffi.lib.pz_profile_count(self._handle.pointer, out, err), err)
            return int(out.value)

    def __bool__(self) -> bool:
        return True

    def observe_many(self, events: Lines, *, now: Moment = None,
                     replay: bool = False,
                     durability: Optional[str] = None) -> List[Observed]:
        """Take many events, of any customers, in one transaction: a list of dicts, or JSON Lines.
        Each event names its customer by the member "customer", an identifier of that kind, or
        ``{"email": "ann@example.com"}``. Returns one Observed per event."""
        moment = values.milliseconds(now)
        flags = (REPLAY if replay else 0) | _OBSERVE_FLAGS[durability_of(durability)]
        return self._take_in(events, "events", lambda made, count, results, err:
                             _ffi.lib.pz_observe_many(self._handle.pointer, made, count, moment,
                                                      flags, results, err))

    def apply_many(self, rows: Lines, *, settled: bool = False, **write: Any) -> List[Observed]:
        """Carry out many rows of operations, of any customers, in one transaction: a list of
        lists, or JSON Lines. A row is the customer, as an event names one, then operations as of
        ``Profile.apply``: ``["4711", ["declare", "city", "Bonn"]]``. All of a row or none of it is
        carried out. With ``settled`` a row that says what stands already changes nothing, so a
        table may be taken in again. Returns one Observed per row; ``is_new``: it changed
        something."""
        circumstances = made_write(**write)
        return self._take_in(rows, "rows", lambda made, count, results, err:
                             _ffi.lib.pz_apply_many(self._handle.pointer, made, count,
                                                    circumstances, SETTLED if settled else 0,
                                                    results, err))

    def _take_in(self, given: Lines, what: str, call: Callable[..., Any]) -> List[Observed]:
        session = self._take()
        with session.lock:
            session.begin()
            keep: List[Any] = []  # as long as this call
            made, count = _many.events(session.pool, given, keep, what)
            results = (_ffi.Observed * count)()
            for result in results:
                result.size = _ffi.sizeof(_ffi.Observed)
            err = _ffi.new_error()
            check(call(made, count, results, err), err)
        return [Observed(result.status, result.is_new, result.message.decode())
                for result in results]

    # ---- questions ----

    def _check_own(self, profile: Any) -> None:
        if profile is None:
            return
        if not isinstance(profile, Profile):
            raise TypeMismatch(f"a customer is a Profile or None, not {type(profile).__name__}")
        if profile._engine is not self:
            raise ArgumentError("the profile is of another engine")

    def _begin(self, session: Session, err: Any, now: Moment, level: Optional[str],
               circumstances: Dict[str, Any]) -> None:
        """Begin the session's context and tell it the circumstances."""
        lib, context = _ffi.lib, session.context
        check(lib.pz_context_begin(context, values.milliseconds(now), err), err)
        for key, value in circumstances.items():
            try:
                made = values.put(session.pool, value, session.keep)
            except Error as error:
                error._place(f"circumstance {key!r}")
                raise
            check(lib.pz_context_set(context, values.name(key, "a key"), made, err), err)
        if level is not None:
            check(lib.pz_context_level(context, values.name(level, "the level"), err), err)

    def _ask(self, answer: Callable[[Session, Any, Any], Any], customer: Optional[Profile],
             now: Moment, account: Optional[Profile], level: Optional[str], context: Context,
             more: Dict[str, Any]) -> Any:
        """answer(session, profile, err) in a context that was begun."""
        self._check_own(customer)
        self._check_own(account)
        more = values.members(context, "circumstances", more)
        session = self._take()
        with session.lock:
            session.begin()
            err = _ffi.new_error()
            self._begin(session, err, now, level, more)
            ask = self._hosts.ask
            if account is None:
                if customer is None:
                    return ask(True, answer, session, None, err)
                with customer._guard.turn():
                    return ask(True, answer, session, customer._open(), err)

            def both() -> Any:
                side = account._open() if account else None
                check(_ffi.lib.pz_context_account(session.context, side, err), err)
                return ask(True, answer, session, customer._open() if customer else None, err)
            return in_turn_of([customer, account], both)

    def _ask_many(self, answer: Callable[[Session, Any, Any], List[Any]], attributes: List[str],
                  customers: List[Optional[Profile]], now: Moment, account: Optional[Profile],
                  level: Optional[str], context: Context,
                  more: Dict[str, Any]) -> List[Dict[str, Any]]:
        """answer(session, batch, err), a list profile by profile; as one dict per customer."""
        encoded = [values.name(name, "the attribute") for name in attributes]
        for profile in (*customers, account):
            self._check_own(profile)
        more = values.members(context, "circumstances", more)
        session = self._take()
        with session.lock:
            session.begin()
            err = _ffi.new_error()
            self._begin(session, err, now, level, more)

            def all_of_them() -> List[Any]:
                if account is not None:
                    check(_ffi.lib.pz_context_account(session.context, account._open(), err), err)
                batch = _ffi.Batch(
                    _ffi.sizeof(_ffi.Batch), len(customers),
                    _ffi.handles([profile and profile._open() for profile in customers]),
                    _ffi.names(encoded), len(encoded))
                found: List[Any] = self._hosts.ask(True, answer, session, batch, err)
                return found
            answers = iter(in_turn_of([*customers, account], all_of_them))
            return [{name: next(answers) for name in attributes} for _ in customers]

    def decide(self, name: str, customer: Optional[Profile] = None, /, *,
               now: Moment = None, account: Optional[Profile] = None,
               level: Optional[str] = None, context: Context = (), **more: Any) -> Decision:
        """Decide. ``customer`` None: for nobody in particular. Circumstances are keywords, or the
        dict ``context`` for keys such as "now" that are no keyword. ``level`` is the host's own
        level of personalization for this request."""
        encoded = values.name(name, "the decision")

        def answer(session: Session, profile: Any, err: Any) -> Any:
            pointer = _ffi.c_void_p()
            check(_ffi.lib.pz_decide(_ffi.byref(pointer), session.context, profile, encoded, err),
                  err)
            return Decision(name, session, pointer)
        found: Decision = self._ask(answer, customer, now, account, level, context, more)
        return found

    def decide_for(self, name: str, kind: Optional[str] = None, value: Optional[str] = None, /, *,
                   now: Moment = None, account: Optional[Profile] = None,
                   level: Optional[str] = None, context: Context = (), **more: Any) -> Decision:
        """Decide about the customer with an identifier, in one call and without a handle: for a
        page. ``kind`` None: ``value`` is the id of a profile; both None, or a customer nobody
        knows: nobody in particular."""
        encoded = values.name(name, "the decision")
        of_kind = values.optional_name(kind, "the kind")
        of_value = values.optional_name(value, "the identifier")

        def answer(session: Session, profile: Any, err: Any) -> Any:
            pointer = _ffi.c_void_p()
            check(_ffi.lib.pz_decide_for(_ffi.byref(pointer), session.context, of_kind, of_value,
                                         encoded, err), err)
            return Decision(name, session, pointer)
        found: Decision = self._ask(answer, None, now, account, level, context, more)
        return found

    def value(self, name: str, customer: Optional[Profile] = None, /, *,
              now: Moment = None, account: Optional[Profile] = None,
              level: Optional[str] = None, context: Context = (), **more: Any) -> Any:
        """What ``decide`` would put in ``value``, and nothing else: for the hot path."""
        encoded = values.name(name, "the decision")

        def answer(session: Session, profile: Any, err: Any) -> Any:
            pointer = _ffi.c_void_p()
            check(_ffi.lib.pz_decide(_ffi.byref(pointer), session.context, profile, encoded, err),
                  err)
            return values.get(_ffi.lib.pz_decision_value(pointer))
        return self._ask(answer, customer, now, account, level, context, more)

    def resolve(self, attribute: str, customer: Optional[Profile] = None, /, *,
                now: Moment = None, account: Optional[Profile] = None,
                level: Optional[str] = None, context: Context = (), **more: Any) -> Resolution:
        """Resolve one attribute: the strongest live answer."""
        encoded = values.name(attribute, "the attribute")

        def answer(session: Session, profile: Any, err: Any) -> Any:
            out = _ffi.Resolution(size=_ffi.sizeof(_ffi.Resolution))
            check(_ffi.lib.pz_resolve(out, session.context, profile, encoded, err), err)
            return _resolution(out)
        found: Resolution = self._ask(answer, customer, now, account, level, context, more)
        return found

    def resolve_many(self, attributes: Iterable[str], customers: Iterable[Optional[Profile]], /, *,
                     now: Moment = None, account: Optional[Profile] = None,
                     level: Optional[str] = None, context: Context = (),
                     **more: Any) -> Resolutions:
        """Resolve several attributes of several customers: one dict of Resolutions by attribute for
        each customer, in their order. None among the customers is nobody in particular."""
        asked = list(dict.fromkeys(values.listed(attributes, "attributes")))
        people = values.listed(customers, "customers")

        def answer(session: Session, batch: Any, err: Any) -> List[Any]:
            count = len(asked) * len(people)
            out = (_ffi.Resolution * (count + 1))()  # one more, so that there is a first
            out[0].size = _ffi.sizeof(_ffi.Resolution)
            check(_ffi.lib.pz_resolve_many(out, session.context, batch, err), err)
            return [_resolution(out[i]) for i in range(count)]
        return self._ask_many(answer, asked, people, now, account, level, context, more)

    def _inspect(self, function: Any, attribute: str, customer: Optional[Profile], now: Moment,
                 account: Optional[Profile], level: Optional[str], context: Context,
                 more: Dict[str, Any]) -> Any:
        encoded = values.name(attribute, "the attribute")

        def answer(session: Session, profile: Any, err: Any) -> Any:
            out = _ffi.Value()
            check(function(out, session.context, profile, encoded, err), err)
            return values.get(out)
        return self._ask(answer, customer, now, account, level, context, more)

    def inspect(self, attribute: str, customer: Optional[Profile] = None, /, *,
                now: Moment = None, account: Optional[Profile] = None,
                level: Optional[str] = None, context: Context = (), **more: Any) -> Layers:
        """Every layer of one attribute, strongest first, as dicts."""
        return list(self._inspect(_ffi.lib.pz_inspect, attribute, customer, now, account, level,
                                  context, more))

    def inspect_privileged(self, attribute: str, customer: Optional[Profile] = None, /, *,
                           now: Moment = None, account: Optional[Profile] = None,
                           level: Optional[str] = None, context: Context = (),
                           **more: Any) -> Layers:
        """The same with the layers that masks and missing consents hide: for operators alone, since
        it tells that data exists."""
        return list(self._inspect(_ffi.lib.pz_inspect_privileged, attribute, customer, now,
                                  account, level, context, more))

    def inspect_many(self, attributes: Iterable[str], customers: Iterable[Optional[Profile]], /, *,
                     now: Moment = None, account: Optional[Profile] = None,
                     level: Optional[str] = None, context: Context = (),
                     **more: Any) -> Inspections:
        """Inspect several attributes of several customers: one dict by attribute for each customer.
        """
        asked = list(dict.fromkeys(values.listed(attributes, "attributes")))
        people = values.listed(customers, "customers")

        def answer(session: Session, batch: Any, err: Any) -> List[Any]:
            count = len(asked) * len(people)
            out = (_ffi.Value * (count + 1))()
            check(_ffi.lib.pz_inspect_many(out, session.context, batch, err), err)
            return [values.get(out[i]) for i in range(count)]
        return self._ask_many(answer, asked, people, now, account, level, context, more)

    def person(self, customer: Profile, /, *, now: Moment = None) -> Dict[str, Any]:
        """Who the person behind a profile is: members, links that stand, links that are refused
        and why, accounts. A dict."""
        def answer(session: Session, profile: Any, err: Any) -> Any:
            out = _ffi.Value()
            check(_ffi.lib.pz_person(out, session.context, profile, err), err)
            return values.get(out)
        if customer is None:
            raise TypeMismatch("a person is asked for by a Profile, not None")
        return dict(self._ask(answer, customer, now, None, None, (), {}))

    def erase(self, id: str, *, alone: bool = False, **write: Any) -> int:
        """Erase a person from the store, or only the profile named: how many profiles went."""
        erased, err = _ffi.c_uint32(), _ffi.new_error()
        session = self._take()
        with session.lock:
            session.begin()
            encoded, circumstances = values.name(id, "the id"), made_write(**write)
            status = self._hosts.ask(False, _ffi.lib.pz_erase, self._handle.pointer, encoded,
                                     circumstances, ERASE_ALONE if alone else 0, erased, err)
            check(status, err)
            return int(erased.value)

    def expire(self, *, progress: Optional[Progress] = None, **write: Any) -> Outcome:
        """Drop from every stored profile what the catalog's ``retention`` has ended. The outcome
        tells how many ``profiles`` there were, how many were ``rewritten``, and the ``faults``."""
        session = self._take()
        with session.lock:
            session.begin()
            circumstances = made_write(**write)
            return follow(lambda watch, out, err: int(_ffi.lib.pz_expire_all(
                self._handle.pointer, circumstances, watch, out, err)), progress, True, False)

    def segments(self, customer: Optional[Profile] = None, /, *,
                 now: Moment = None, account: Optional[Profile] = None,
                 level: Optional[str] = None, context: Context = (), **more: Any) -> List[str]:
        """The names of all segments the customer is in."""
        def answer(session: Session, profile: Any, err: Any) -> Any:
            out = _ffi.Value()
            check(_ffi.lib.pz_segments(out, session.context, profile, err), err)
            return values.get(out)
        return list(self._ask(answer, customer, now, account, level, context, more))

    def store(self) -> Store:
        """The engine's store, to look after it; closed with the engine."""
        session = self._take()
        with session.lock:
            session.begin()
            pointer = _ffi.c_void_p(_ffi.lib.pz_engine_store(self._handle.pointer))
            with self._lock:
                return Store(pointer, self, self._where)

    # ---- records of decisions ----

    def record(self, decision: Decision, *, note: Optional[str] = None, value: bool = True,
               anonymous: bool = False, now: Moment = None,
               durability: Optional[str] = None) -> Optional[int]:
        """Keep one decision: its record goes into the store, or to the sink. Returns its number,
        None where it was not kept (the person has been erased, or a sink took it). ``note`` is a
        word of your own; without ``value`` what was decided is left out, ``anonymous`` leaves out
        about whom."""
        if not isinstance(decision, Decision):
            raise TypeMismatch(f"a Decision is recorded, not {type(decision).__name__}")
        record = decision.record
        if note is not None:
            if len(values.name(note, "a note")) > NOTE_MAX:
                raise LimitError(f"a note has at most {NOTE_MAX} octets")
            record["note"] = note
        left_out = (() if value else ("value",)) + (("subject", "members") if anonymous else ())
        kept = {key: item for key, item in record.items() if key not in left_out}
        return self.record_many([kept], now=now, durability=durability)[0]

    def record_many(self, records: Lines, *, now: Moment = None,
                    durability: Optional[str] = None) -> List[Optional[int]]:
        """Keep many decisions in one transaction: Decisions, the dicts of ``Decision.record``, or
        JSON Lines of these. The number of each; None for what was not kept."""
        if not isinstance(records, (str, bytes)):
            records = [one.record if isinstance(one, Decision) else one
                       for one in values.listed(records, "records")]
        write = made_write(now=now, durability=durability)
        session = self._take()
        with session.lock:
            session.begin()
            keep: List[Any] = []  # as long as this call
            made, count = _many.events(session.pool, records, keep)
            numbers = array("Q", bytes(8 * count))
            room, err = _ffi.numbers(numbers) if count else None, _ffi.new_error()
            check(self._hosts.ask(False, _ffi.lib.pz_record_many, self._handle.pointer, made, count,
                                  write, room, err), err)
            return [number or None for number in numbers]

    def records(self, *, start: int = 1, limit: int = 0, subject: Optional[str] = None,
                id: Optional[str] = None) -> List[Dict[str, Any]]:
        """The records in the store from number ``start`` on, at most ``limit`` (0: all), about the
        profile ``subject`` or of the decision ``id`` if given: dicts with "number"."""
        wanted = values.integer(limit, "a limit", 2**64 - 1) or 2**64
        query = _ffi.RecordQuery(
            _ffi.sizeof(_ffi.RecordQuery), 0, values.integer(start, "a number", 2**64 - 1), 0,
            values.optional_name(subject, "the subject"), values.optional_name(id, "the id"))
        found: List[Dict[str, Any]] = []
        session = self._take()
        with session.lock:
            is_last = False
            while not is_last:
                session.begin()
                query.limit = min(wanted - len(found), RECORDS_EACH)
                out, err = _ffi.Value(), _ffi.new_error()
                check(_ffi.lib.pz_record_list(self._handle.pointer, query, session.pool, out, err),
                      err)
                found += values.get(out)
                is_last = out.len < query.limit or len(found) == wanted
                if not is_last:
                    setattr(query, "from", found[-1]["number"] + 1)
        return found

    def expire_records(self, before: Moment = None) -> int:
        """Remove the records of decisions before a moment; None: those whose retention, which the
        catalog declares, has passed. How many went."""
        removed, err = _ffi.c_uint64(), _ffi.new_error()
        moment = values.milliseconds(before)
        session = self._take()
        with session.lock:
            session.begin()
            check(_ffi.lib.pz_records_expire(self._handle.pointer, moment, removed, err), err)
            return int(removed.value)

    # ---- many customers at once ----

    def _ask_lines(self, function: Any, names: Optional[Sequence[bytes]], customers: Any,
                   by: Optional[str], flags: int, jsonl: bool, now: Moment,
                   account: Optional[Profile], level: Optional[str], context: Context,
                   more: Dict[str, Any]) -> Answers:
        """Ask, run by run. ``names`` None: one line for each customer."""
        self._check_own(account)
        more = values.members(context, "circumstances", more)
        each = 1 if names is None else len(names)
        runs = list(_many.runs(_many.customers_of(self, customers, by), by))
        texts: List[bytes] = []
        found: List[_many.Line] = []
        session = self._take()
        with session.lock:
            session.begin()
            err = _ffi.new_error()
            for run in runs:
                many, keep = _many.asked(run, list(names or ()), flags)
                numbers = None if jsonl else _many.numbered(run, each, flags)
                if numbers:
                    many.numbers = _ffi.room_for_numbers(numbers)
                self._begin(session, err, now, level, more)
                text = self._run(function, session, run, many, account, err)
                if jsonl:
                    texts.append(text)
                else:
                    found += _many.spread(text, run, each, numbers) if numbers else \
                        _many.read(text)
        return b"".join(texts).decode() if jsonl else found

    def _run(self, function: Any, session: Session, run: _many.Run, many: Any,
             account: Optional[Profile], err: Any) -> bytes:
        people = run.customers if run.by == _many.BY_HANDLE else []
        for profile in people:
            self._check_own(profile)

        def ask() -> bytes:
            if account is not None:
                check(_ffi.lib.pz_context_account(session.context, account._open(), err), err)
            if people:
                addresses = array(_ffi.ADDRESS, [who._open().value if who else 0 for who in people])
                many.profiles = _ffi.addresses(addresses)
            out = _ffi.Str()
            _ffi.lib.pz_pool_reset(session.pool)
            check(self._hosts.ask(True, function, out, session.context, session.pool, many, err),
                  err)
            return _ffi.text_octets(out)
        text: bytes = in_turn_of([*people, account], ask)
        return text

    def decide_many(self, names: Union[str, Iterable[str]], customers: Optional[Lines] = None, /, *,
                    by: Optional[str] = None, why: bool = False, id: bool = False,
                    jsonl: bool = False, now: Moment = None, account: Optional[Profile] = None,
                    level: Optional[str] = None, context: Context = (), **more: Any) -> Answers:
        """Decide for many customers in one call: a list of dicts, one for each customer and name,
        customer by customer, or with ``jsonl`` the same as JSON Lines.

        ``customers`` are ids, with ``by="email"`` identifiers of that kind, identifiers such as
        ``{"email": "ann@example.com"}``, Profiles, the bytes of profiles, or None for nobody in
        particular; or JSON Lines of these; without it, everybody in the store. Each dict has
        "customer", "decision", "value", "reason", "rule" and "confidence", with ``why`` the
        sentences of ``Decision.explain()`` and with ``id`` the decision's id; one about whom
        nothing can be said has "error" and "status" in their place. Values are as JSON has them: a
        timestamp is a text."""
        flags = (_many.WHY if why else 0) | (_many.ID if id else 0)
        return self._ask_lines(_ffi.lib.pz_decide_many, _names(names, "a decision"),
                               customers, by, flags, jsonl, now, account, level, context, more)

    def answer_many(self, attributes: Union[str, Iterable[str]],
                    customers: Optional[Lines] = None, /, *, by: Optional[str] = None,
                    jsonl: bool = False, now: Moment = None, account: Optional[Profile] = None,
                    level: Optional[str] = None, context: Context = (), **more: Any) -> Answers:
        """Resolve attributes of many customers: a list of dicts (or JSON Lines) with "customer",
        "attribute", "value", "tier", "reason" and where they exist "confidence", "channel", "who"
        and "at". ``customers`` as in ``decide_many``. For Profiles there is ``resolve_many``, whose
        values are Python's own."""
        return self._ask_lines(_ffi.lib.pz_answer_many,
                               _names(attributes, "an attribute"), customers, by, 0, jsonl, now,
                               account, level, context, more)

    def segments_many(self, customers: Optional[Lines] = None, /, *, by: Optional[str] = None,
                      jsonl: bool = False, now: Moment = None, account: Optional[Profile] = None,
                      level: Optional[str] = None, context: Context = (), **more: Any) -> Answers:
        """The segments of many customers: a list of dicts (or JSON Lines) with "customer" and
        "segments". ``customers`` as in ``decide_many``."""
        return self._ask_lines(_ffi.lib.pz_segments_many, None, customers, by, 0, jsonl,
                               now, account, level, context, more)


def _names(names: Union[str, Iterable[str]], what: str) -> List[bytes]:
    if isinstance(names, str):
        names = [names]
    return [values.name(name, what) for name in values.listed(names, f"the names of {what}")]


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


def _after_fork() -> None:
    for engine in list(_engines):
        engine._after_fork()


os.register_at_fork(after_in_child=_after_fork)
