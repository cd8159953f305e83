"""Looking after a store: what is in it, whether it is sound, copies, backups, making it smaller.

None of this needs a catalog. A Store is opened by its address with ``open_store()``, beside engines
that go on using it, or borrowed from an engine with ``Engine.store()``, the one way to a store in
memory. Copying joins profiles and never overwrites.
"""
from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from . import _ffi, values
from ._handles import Guard, Handle, at_death, in_turn, own
from .errors import BY_STATUS, CorruptError, StateError, TypeMismatch, check, from_status

if TYPE_CHECKING:
    from .engine import Engine

READ_ONLY, LAZY = 1, 2
AFRESH = 1
KINDS = ("", "DAMAGED", "VERSION", "MISPLACED", "UNFINDABLE", "DANGLING", "STRAY", "STREAM",
         "ENTRY", "REFUSED", "MARK")

#: Called as ``progress(done, total)``; total 0: not known. What it raises ends the call.
Progress = Callable[[int, int], Any]


class Fault(NamedTuple):
    """One thing that is wrong with a store."""
    kind: str  # "DAMAGED", "DANGLING", ...
    key: str
    identifier: Tuple[str, ...]  # kind and value; () where none
    status: str  # what reading it came to, such as "ERR_CORRUPT"
    message: str


class Outcome(NamedTuple):
    """What a call came to. False if faults were found."""
    is_resumed: bool
    is_whole: bool
    profiles: int
    added: int
    joined: int
    unchanged: int
    erased: int
    left_out: int
    rewritten: int
    entries: int
    bytes_before: int
    bytes_after: int
    faults: List[Fault]

    def __bool__(self) -> bool:
        return not self.faults


class _Watch:
    """A pz_store_watch, and what its callbacks were told."""

    def __init__(self, progress: Optional[Progress], wants_faults: bool, afresh: bool) -> None:
        if progress is not None and not callable(progress):
            raise TypeMismatch(f"progress is callable, {type(progress).__name__} is not")
        self.faults: List[Fault] = []
        self.failure: List[BaseException] = []
        self._progress = progress
        self._keep = [_ffi.PROGRESS_FN(self._told), _ffi.FAULT_FN(self._found)]
        self.made = _ffi.StoreWatch(
            _ffi.sizeof(_ffi.StoreWatch), AFRESH if values.truth(afresh, "afresh") else 0,
            _ffi.cast(self._keep[0], _ffi.c_void_p) if progress else None,
            _ffi.cast(self._keep[1], _ffi.c_void_p) if wants_faults else None, None)

    def _parked(self, call: Callable[[], Any]) -> int:
        try:
            call()
            return 0
        except BaseException as error:  # carried through C, raised behind it
            self.failure.append(error)
            return StateError.status

    def _told(self, payload: Any, progress: Any) -> int:
        tell = self._progress
        if tell is None:
            return 0
        done, total = progress.contents.done, progress.contents.total
        return self._parked(partial(tell, done, total))

    def _found(self, payload: Any, fault: Any) -> int:
        return self._parked(lambda: self.faults.append(_fault(fault.contents)))


def _fault(fault: Any) -> Fault:
    kind = KINDS[fault.kind] if 0 < fault.kind < len(KINDS) else str(fault.kind)
    name = BY_STATUS[fault.status]("").name if fault.status in BY_STATUS else "OK"
    whole = _ffi.text_octets(fault.identifier).decode(errors="replace")
    return Fault(kind, _ffi.text_octets(fault.key).decode(errors="replace"),
                 tuple(whole.split("\x1f")) if whole else (), name,
                 (fault.message or b"").decode(errors="replace"))


def follow(call: Callable[..., int], progress: Optional[Progress], wants_faults: bool,
           afresh: bool) -> Outcome:
    """call(watch, outcome, err) -> status"""
    watch = _Watch(progress, wants_faults, afresh)
    out = _ffi.StoreOutcome(size=_ffi.sizeof(_ffi.StoreOutcome))
    err = _ffi.new_error()
    status = call(watch.made, out, err)
    if watch.failure:
        raise watch.failure[0]
    if status and not (status == CorruptError.status and wants_faults and watch.faults):
        raise from_status(status, err)
    return Outcome._make([*(getattr(out, name) for name in Outcome._fields[:-1]), watch.faults])


def _options(read_only: bool, lazy: bool, store_bytes: int, address: Optional[bytes]) -> Any:
    from .engine import module_of
    return _ffi.StoreOptions(
        size=_ffi.sizeof(_ffi.StoreOptions),
        flags=(READ_ONLY if read_only else 0) | (LAZY if lazy else 0),
        store_bytes=values.integer(store_bytes, "the size of a store", 2**63 - 1),
        module=module_of(address))


def open_store(address: Any, *, read_only: bool = False, lazy: bool = False,
               store_bytes: int = 0) -> Store:
    """Open a store by its address, without catalog or clock."""
    from .engine import path_of
    encoded = path_of(address, "the store")
    pointer, err = _ffi.c_void_p(), _ffi.new_error()
    options = _options(read_only, lazy, store_bytes, encoded)
    check(_ffi.lib.pz_store_open(_ffi.byref(pointer), encoded, options, err), err)
    return Store(pointer, None, encoded.decode(errors="replace"))


def without_password(where: str) -> str:
    """An address as it may be shown: what stands before an @ is nobody's business."""
    scheme, colon, rest = where.partition("://")
    return f"{scheme}{colon}{rest.rpartition('@')[2]}" if colon else where


class Store(Handle):
    """One store. Close it, use it as a context manager, or let it be collected."""
    _instead = "hand over its address"

    def __init__(self, pointer: Any, engine: Optional[Engine], where: str) -> None:
        self._engine = engine
        self._where = where
        self._guard = Guard()
        self._pointer: Optional[Any] = pointer
        self._free: Callable[[], Any] = \
            at_death(self, _ffi.lib.pz_store_close, pointer) if engine is None else \
            own(self, engine._handle, _ffi.lib.pz_store_close, pointer)
        if engine is not None:
            engine._children.add(self)

    def close(self) -> None:
        """Close the store; one that is borrowed stays open for its engine. Closing twice does
        nothing."""
        with self._guard.turn():
            self._pointer = None
            self._free()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._pointer is None:
            return "<personalize.Store, closed>"
        return f"<personalize.Store {without_password(self._where)}>"

    def _open(self) -> Any:
        if self._pointer is None:
            raise StateError("the store is closed")
        return self._pointer

    def info(self) -> Dict[str, Any]:
        """What there is to know: backend, writer, how many profiles, identifiers, bytes, ..."""
        out, err = _ffi.StoreInfo(size=_ffi.sizeof(_ffi.StoreInfo)), _ffi.new_error()
        with self._guard.turn():
            check(_ffi.lib.pz_store_info_read(self._open(), out, err), err)
        found = {name: getattr(out, name) for name, *_ in out._fields_ if name != "size"}
        return {**found, "backend": out.backend.decode(), "writer": out.writer.decode()}

    def _run(self, function: Any, progress: Optional[Progress], wants_faults: bool, afresh: bool,
             *arguments: Any, other: Optional[Store] = None) -> Outcome:
        """function(store, arguments..., watch, outcome, err)"""
        def run(*rest: Any) -> int:
            more = () if other is None else (other._open(),)
            return int(function(self._open(), *more, *arguments, *rest))
        guards = [self._guard, *([] if other is None else [other._guard])]
        return follow(lambda *rest: in_turn(guards, lambda: run(*rest)), progress, wants_faults,
                      afresh)

    def verify(self, *, progress: Optional[Progress] = None) -> Outcome:
        """Look at everything, changing nothing. ``faults`` are what was found; none: sound."""
        return self._run(_ffi.lib.pz_store_verify, progress, True, False)

    def copy_to(self, other: Store, *, leave_out: bool = False, afresh: bool = False,
                progress: Optional[Progress] = None) -> Outcome:
        """Copy everything into another store, which keeps what it has. With ``leave_out`` what
        cannot be copied is left out and told in ``faults``."""
        if not isinstance(other, Store):
            raise TypeMismatch(f"a Store is copied into, not {type(other).__name__}")
        return self._run(_ffi.lib.pz_store_copy, progress, values.truth(leave_out, "leave_out"),
                         afresh, other=other)

    def _anew(self, function: Any, address: Any, leave_out: bool, afresh: bool,
              progress: Optional[Progress]) -> Outcome:
        from .engine import path_of
        encoded = path_of(address, "the address")
        return self._run(function, progress, values.truth(leave_out, "leave_out"), afresh, encoded,
                         _options(False, False, 0, encoded))

    def backup(self, address: Any, *, leave_out: bool = False, afresh: bool = False,
               progress: Optional[Progress] = None) -> Outcome:
        """Copy the store to a place where none is; from LMDB to LMDB it is one snapshot."""
        return self._anew(_ffi.lib.pz_store_backup, address, leave_out, afresh, progress)

    def restore(self, address: Any, *, leave_out: bool = False, afresh: bool = False,
                progress: Optional[Progress] = None) -> Outcome:
        """Make a store out of this backup, where none is. It writes under an id of its own."""
        return self._anew(_ffi.lib.pz_store_restore, address, leave_out, afresh, progress)

    def compact(self, *, progress: Optional[Progress] = None) -> Outcome:
        """Make the store smaller. BusyError: somebody else has it open."""
        return self._run(_ffi.lib.pz_store_compact, progress, False, False)
