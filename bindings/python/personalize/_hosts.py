"""Functions written in Python that C calls back: by rules, and to take decision records.

A rule's function is called in the middle of a question, on the thread that asks. What it raises
cannot travel through C, so it is parked with the question, the rule is told that it failed, every
later call of the same question fails at once, and when the question comes back the exception is
raised there, with its traceback.

Within one question about a catalog a function is called once with the same arguments: the rules
are evaluated again to explain a decision, and an explanation that asked the world anew could
contradict it.
"""
from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, TypeVar, Union

from . import _ffi, values
from .errors import EvalError, LimitError, OutOfMemory, StoreError, TypeMismatch, check

#: Questions that functions may ask inside of questions, one in another.
DEPTH_MAX = 16

_Call = TypeVar("_Call", bound=Callable[..., Any])
#: What ``functions`` may be: a dict from name to a function declared by ``function()``, to
#: ``(callable, parameters, result)``, to ``(callable, signature)``, or to a list of these
#: (overloads); or an iterable of functions declared by ``function()``.
Functions = Union[Mapping[str, Any], Iterable[Callable[..., Any]]]


def function(signature: str, name: Optional[str] = None) -> Callable[[_Call], _Call]:
    """Declare a Python function for rules::

        @personalize.function("(string, int) -> bool")
        def in_stock(item, count): ...

    ``"string.(int) -> bool"`` is called as ``x.f(n)``. The name is the function's own, or
    ``name``, which may be dotted. The function itself stays as it is.
    """
    values.name(signature, "a signature")
    if name is not None:
        values.name(name, "the name of a function")

    def declare(call: _Call) -> _Call:
        if not callable(call):
            raise TypeMismatch(f"a function is callable, {type(call).__name__} is not")
        call.personalize_signature = signature  # type: ignore[attr-defined]
        call.personalize_name = name or call.__name__  # type: ignore[attr-defined]
        return call
    return declare


class Question:
    """One question in the course of being answered."""
    __slots__ = ("error", "seen", "depth")

    def __init__(self, is_remembered: bool, outer: Optional[Question]) -> None:
        self.error: Optional[BaseException] = None
        self.seen: Optional[Dict[Any, Any]] = {} if is_remembered else None
        self.depth: int = outer.depth + 1 if outer else 1
        if self.depth > DEPTH_MAX:
            raise LimitError(f"functions that ask rules that call functions, {DEPTH_MAX} deep")


_asking = threading.local()


class Hosts:
    """An array of pz_function, with all that it needs kept alive. Whoever holds the C object that
    was made with it holds this."""

    def __init__(self, functions: Optional[Functions]) -> None:
        declared = list(_declared(functions))
        self.count = len(declared)
        self.array = (_ffi.Function * self.count)()
        self._callbacks: List[Any] = []
        self._sink: Any = None
        for made, (name, signature, call) in zip(self.array, declared):
            callback = _ffi.HOST_FN(_trampoline(call))
            self._callbacks.append(callback)
            made.name = values.name(name, "the name of a function")
            made.signature = values.name(signature, "a signature")
            made.call = _ffi.cast(callback, _ffi.c_void_p)

    def sink(self, sink: Any) -> Any:
        """A pz_record_sink around an object with ``take(record)`` and ``erase(id)``."""
        if sink is None:
            return None
        if not callable(getattr(sink, "take", None)) or not callable(getattr(sink, "erase", None)):
            raise TypeMismatch("a sink of records has the methods take(record) and erase(id)")
        self._sink = sink
        take, erase = _ffi.TAKE_FN(_taker(sink)), _ffi.ERASE_FN(_eraser(sink))
        self._callbacks += [take, erase]
        return _ffi.RecordSink(_ffi.sizeof(_ffi.RecordSink), None,
                               _ffi.cast(take, _ffi.c_void_p), _ffi.cast(erase, _ffi.c_void_p))

    def ask(self, is_remembered: bool, call: Callable[..., Any], *arguments: Any) -> Any:
        """``call(*arguments)``, in which functions may be called; what one raised is raised here."""
        if not self.count and not self._sink:
            return call(*arguments)
        outer: Optional[Question] = getattr(_asking, "question", None)
        question = Question(is_remembered, outer)
        try:
            _asking.question = question
            return call(*arguments)
        finally:
            _asking.question = outer
            if question.error is not None:
                error, question.error = question.error, None
                try:
                    raise error
                finally:
                    del error, question  # they hold this frame


def _declared(functions: Optional[Functions]) -> Iterable[Tuple[str, str, Callable[..., Any]]]:
    if functions is None:
        return
    if isinstance(functions, Mapping):
        for name, given in functions.items():
            for one in given if isinstance(given, list) else [given]:
                yield (name, *_signed(name, one))
        return
    if isinstance(functions, (str, bytes)) or not hasattr(functions, "__iter__"):
        raise TypeMismatch("functions are a dict by name, or a list of functions that "
                           "personalize.function() has declared")
    for call in functions:
        if not hasattr(call, "personalize_name"):
            raise TypeMismatch(f"{call!r} is not declared: put @personalize.function(signature) "
                               "above it, or give a dict by name")
        yield (call.personalize_name, *_signed(call.personalize_name, call))


def _signed(name: str, given: Any) -> Tuple[str, Callable[..., Any]]:
    """Signature and callable of one way to call a function."""
    if callable(given) and hasattr(given, "personalize_signature"):
        return given.personalize_signature, given
    if isinstance(given, tuple) and len(given) == 2 and callable(given[0]):
        return given[1], given[0]
    if isinstance(given, tuple) and len(given) == 3 and callable(given[0]):
        call, parameters, result = given
        if isinstance(parameters, (list, tuple)) and \
                all(isinstance(part, str) for part in (*parameters, result)):
            return f"({', '.join(parameters)}) -> {result}", call
    raise TypeMismatch(f"the function {name!r} is given as (callable, [\"int\", ...], \"bool\") or "
                       "(callable, \"(int, ...) -> bool\")")


def _key(call: Callable[..., Any], given: List[Any]) -> Any:
    """What tells two calls apart: 1, 1.0 and True are one key to Python, and not to rules; and a
    callable need not be hashable."""
    return id(call), _frozen(given)


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return "list", tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return "map", tuple((_frozen(key), _frozen(item)) for key, item in value.items())
    if isinstance(value, float):
        return "float", repr(value)
    return type(value), value, getattr(value, "nanosecond", 0)


def _called(question: Optional[Question], call: Callable[..., Any], given: List[Any]) -> Any:
    if question is None or question.seen is None:
        return call(*given)
    key = _key(call, given)
    if key not in question.seen:
        question.seen[key] = call(*given)
    return question.seen[key]


def _trampoline(call: Callable[..., Any]) -> Callable[..., int]:
    def run(payload: Any, pool: Any, arguments: Any, count: int, out: Any, err: Any) -> int:
        question: Optional[Question] = getattr(_asking, "question", None)
        if question is not None and question.error is not None:
            return EvalError.status
        keep: List[Any] = []
        try:
            given = [values.get(arguments[index]) for index in range(count)]
            made = values.put(pool, _called(question, call, given), keep)
            check(_ffi.lib.pz_pool_copy(pool, out, made))
            return 0
        except BaseException as error:
            _tell(err, error)
            if question is not None:
                question.error = error
            return OutOfMemory.status if isinstance(error, MemoryError) else EvalError.status
        finally:
            question = None  # it may hold an error that holds this frame
    return run


def _parked(call: Callable[[], Any]) -> int:
    """Call; what it raises is parked with the question, and the operation of the store fails."""
    question: Optional[Question] = getattr(_asking, "question", None)
    try:
        call()
        return 0
    except BaseException as error:
        if question is not None:
            question.error = error
        return StoreError.status
    finally:
        question = None


def _taker(sink: Any) -> Callable[[Any, Any], int]:
    return lambda payload, record: _parked(lambda: sink.take(values.get(record)))


def _eraser(sink: Any) -> Callable[[Any, Any], int]:
    return lambda payload, id: _parked(lambda: sink.erase(_ffi.text(id)))


def _tell(err: Any, error: BaseException) -> None:
    """The message of a pz_error, cut at a character, and without the NUL that would end it."""
    try:
        said = f"{type(error).__name__}: {error}"
    except Exception:
        said = type(error).__name__
    encoded = said.replace("\0", " ").encode("utf-8", "replace")[:500]
    err.contents.message = encoded.decode("utf-8", "ignore").encode()
