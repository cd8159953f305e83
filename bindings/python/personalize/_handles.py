"""Who owns which C handle, and when it may be freed.

An engine must outlive what was made from it: profiles, and the contexts of its threads. Each such
child is a token in the engine's set; the C engine is closed by whoever takes the last token away
after close() was asked for. Every step is one operation on a set or a list, which the interpreter
does not interrupt, and takes no lock: finalizers may run anywhere, also inside of this module.

A session is one thread's context and pool, made at the thread's first question and kept, so that a
warm question allocates nothing in C. ctypes lets other threads run during each call, and finalizers
may ask questions in the middle of one; a session that is in use is therefore never used twice, and
a thread that finds itself in its own makes one for the occasion.

When the interpreter ends nothing is freed: a daemon thread may still be in the middle of a call,
and the system takes the memory back. Every write was in the store when its call returned.
"""
from __future__ import annotations

import threading
import weakref
from typing import Any, Callable, Iterable, List, Set, TypeVar

from . import _ffi
from .errors import StateError, TypeMismatch, check

_T = TypeVar("_T")


class Handle:
    """What owns something in C: a second object that thinks so, too, would free it twice."""
    #: What to hand over instead.
    _instead = ""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeMismatch(f"a handle is not copied or pickled, this {type(self).__name__} neither; "
                           f"{self._instead}")


class EngineHandle:
    """The C engine and the tokens of its children."""

    def __init__(self, pointer: Any) -> None:
        self.pointer = pointer
        self._closers = [pointer]
        self._tokens: Set[object] = set()
        self.is_closing = False

    def add(self, token: object) -> None:
        self._tokens.add(token)
        if self.is_closing:
            self.remove(token)
            raise StateError("the engine is closed")

    def remove(self, token: object) -> None:
        self._tokens.discard(token)
        self._close_if_last()

    def close(self) -> None:
        self.is_closing = True
        self._close_if_last()

    def _close_if_last(self) -> None:
        if self.is_closing and not self._tokens:
            try:
                pointer = self._closers.pop()
            except IndexError:
                return
            _ffi.lib.pz_engine_close(pointer)


def at_death(owner: object, call: Callable[..., Any], *arguments: Any) -> Any:
    """A weakref.finalize that does not run at the end of the interpreter."""
    made: Any = weakref.finalize(owner, call, *arguments)
    made.atexit = False
    return made


def own(owner: object, engine: EngineHandle, free: Callable[[Any], Any],
        pointer: Any) -> Callable[[], Any]:
    """Free ``pointer`` when ``owner`` goes away or the returned function is called, once."""
    token = object()
    try:
        engine.add(token)
    except StateError:
        free(pointer)
        raise
    made: Callable[[], Any] = at_death(owner, _free, engine, token, free, pointer)
    return made


def _free(engine: EngineHandle, token: object, free: Callable[[Any], Any], pointer: Any) -> None:
    free(pointer)
    engine.remove(token)


def new_pool() -> Any:
    pool = _ffi.c_void_p()
    check(_ffi.lib.pz_pool_new(_ffi.byref(pool), None))
    return pool


class Session:
    """A context and a pool, used by one caller at a time: who holds the lock.

    Its users write ``with session.lock:`` themselves, and begin() inside. What a signal raises may
    come between any two steps of Python, also between those of an __enter__ or __exit__ written in
    Python; the interpreter's own locks are taken and given back without one.
    """

    def __init__(self, engine: EngineHandle) -> None:
        self.lock: Any = threading.RLock()
        self.keep: List[Any] = []  # buffers that values borrow until the next question
        self.context, err = _ffi.c_void_p(), _ffi.new_error()
        token = object()
        engine.add(token)
        try:
            check(_ffi.lib.pz_context_new(_ffi.byref(self.context), engine.pointer, err), err)
            try:
                self.pool = new_pool()
            except BaseException:
                _ffi.lib.pz_context_free(self.context)
                raise
        except BaseException:
            engine.remove(token)
            raise
        self.close = at_death(self, _free_session, engine, token, self.context, self.pool)

    def is_mine(self) -> bool:
        """True if this thread is in the middle of a question of this session."""
        return bool(self.lock._is_owned())

    def begin(self) -> None:
        """Forget the question before; for whoever holds the lock."""
        if not self.close.alive:
            raise StateError("the engine is closed")
        self.keep.clear()
        _ffi.lib.pz_pool_reset(self.pool)


def _free_session(engine: EngineHandle, token: object, context: Any, pool: Any) -> None:
    _ffi.lib.pz_context_free(context)
    _ffi.lib.pz_pool_free(pool)
    engine.remove(token)


class Guard:
    """The thread rule of a profile: one at a time. Its own thread may come back only through a
    finalizer, a signal, or a function of the host, in the middle of a call, which is refused rather
    than deadlocked."""

    def __init__(self) -> None:
        self.lock: Any = threading.RLock()

    def turn(self) -> Any:
        """The lock, for ``with guard.turn():``, which cannot keep it when a signal raises."""
        if self.lock._is_owned():
            raise StateError("the profile is in use by the call that this finalizer or function "
                             "interrupts")
        return self.lock


def in_turn(guards: Iterable[Guard], call: Callable[[], _T]) -> _T:
    """Call with several guards held, taken in one order so that threads cannot wait in a circle."""
    distinct = {id(guard): guard for guard in guards}
    locks = [distinct[key].turn() for key in sorted(distinct)]
    try:
        for lock in locks:
            lock.acquire()
        return call()
    finally:
        # None was this thread's before, so all that are go back; what a signal leaves, in turn.
        try:
            for lock in locks:
                if lock._is_owned():
                    lock.release()
        finally:
            for lock in locks:
                if lock._is_owned():
                    lock.release()
