"""Rules of one's own: a CEL expression compiled once and evaluated many times.

A program is immutable and may be evaluated from any number of threads at once. It needs no engine
and no catalog.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

from . import _ffi, values
from ._handles import Handle, at_death, new_pool
from ._hosts import Functions, Hosts
from .errors import Error, NotFound, ParseError, TypeMismatch, check, from_status

OPEN, UNCHECKED = 1, 2
_NO_BOUND: int = 2**64 - 1

#: A dict from name to type ("int", "list<string>"; None: any), or names alone.
Variables = Union[Mapping[str, Optional[str]], Iterable[str], None]


class Evaluation(NamedTuple):
    """What an evaluation came to. False if that depends on a variable that is not known."""
    value: Any
    unknowns: Tuple[str, ...]  # the names of those variables
    cost: int

    def __bool__(self) -> bool:
        return not self.unknowns


class Program(Handle):
    """A compiled expression.

    ``variables`` declares what it may read: a dict from name to type (``"int"``,
    ``"list<string>"``, ...; None: any), or names alone. Without it every name is allowed and looked
    up when the program is evaluated. ``functions`` are Python functions that it may call, see
    ``personalize.function``; what one raises is raised by the evaluation. ``sizes`` gives the
    greatest length of a variable's lists, maps and texts, for estimates of cost. Mistakes raise
    ParseError or TypeMismatch with line and column; ``unchecked`` leaves those of type to the
    evaluation.
    """
    _instead = "hand over its source"

    def __init__(self, source: Union[str, bytes], variables: Variables = None, *,
                 functions: Optional[Functions] = None, container: Optional[str] = None,
                 result: Optional[str] = None, sizes: Optional[Mapping[str, int]] = None,
                 unchecked: bool = False, cost_limit: int = 0, step_limit: int = 0) -> None:
        encoded = values.source(source, "an expression")
        declared = _declared(variables, values.members(sizes, "the sizes", {}))
        self._hosts = Hosts(functions)
        options = _ffi.ProgramOptions(
            size=_ffi.sizeof(_ffi.ProgramOptions),
            flags=(OPEN if variables is None else 0) | (UNCHECKED if unchecked else 0),
            container=values.optional_name(container, "the container"),
            result=values.optional_name(result, "the result"),
            variables=declared, variable_count=len(declared),
            functions=self._hosts.array, function_count=self._hosts.count,
            cost_limit=values.integer(cost_limit, "a limit of cost", _NO_BOUND),
            step_limit=values.integer(step_limit, "a limit of steps", 2**32 - 1))
        pointer, err = _ffi.c_void_p(), _ffi.new_error()
        check(_ffi.lib.pz_program_compile(_ffi.byref(pointer), encoded, len(encoded), options, err),
              err)
        self._pointer = pointer
        self._names = tuple(variable.name.decode() for variable in declared)
        self._pools: List[Any] = []  # those that no evaluation is using
        at_death(self, _free, pointer, self._pools)

    # ---- evaluating ----

    def __call__(self, variables: Optional[Mapping[str, Any]] = None, /, **more: Any) -> Any:
        """The value: ``rule(price=5)``, ``rule({"order.total": 7})``. A variable that is not given
        is not known; NotFound, with its name in ``unknowns``, if the value depends on it."""
        status, err, found = self._run(variables, more, False)
        if status:
            error = from_status(status, err)
            if isinstance(error, NotFound):
                error.unknowns = found.unknowns
            raise error
        return found.value

    def evaluate(self, variables: Optional[Mapping[str, Any]] = None, /, **more: Any) -> Evaluation:
        """The same as an Evaluation, which has the cost and does not raise for what is unknown."""
        status, err, found = self._run(variables, more, True)
        if status and status != NotFound.status:
            raise from_status(status, err)
        return found

    def _run(self, variables: Optional[Mapping[str, Any]], more: Dict[str, Any],
             wants_cost: bool) -> Tuple[int, Any, Evaluation]:
        given = values.members(variables, "the variables", more)
        for name in given:
            if not isinstance(name, str):
                raise TypeMismatch("the name of a variable is a str")
        try:
            pool = self._pools.pop()
        except IndexError:
            pool = new_pool()
        try:
            keep: List[Any] = []
            err = _ffi.new_error()
            out = _ffi.Evaluation(size=_ffi.sizeof(_ffi.Evaluation), wants_cost=wants_cost)
            made = values.put(pool, given, keep)
            status = self._hosts.ask(False, _ffi.lib.pz_program_eval_map, self._pointer, pool, made,
                                     out, err)
            value = None if status else values.get(out.value)
            unknowns = tuple(self._names[out.unknowns[i]] for i in range(out.unknown_count))
            return status, err, Evaluation(value, unknowns, out.cost)
        finally:
            _ffi.lib.pz_pool_reset(pool)
            self._pools.append(pool)

    # ---- what it is ----

    def _text(self, function: Any) -> str:
        pool, out = new_pool(), _ffi.Str()
        try:
            check(function(self._pointer, pool, out))
            return _ffi.text(out)
        finally:
            _ffi.lib.pz_pool_free(pool)

    @property
    def type(self) -> str:
        """The type of the result, spelled as in the declarations."""
        return self._text(_ffi.lib.pz_program_type)

    @property
    def text(self) -> str:
        """The one canonical spelling of the expression."""
        return self._text(_ffi.lib.pz_program_text)

    @property
    def cost(self) -> Tuple[int, Optional[int]]:
        """What an evaluation costs at least and at most; None: there is no bound."""
        least, most = _ffi.c_uint64(), _ffi.c_uint64()
        _ffi.lib.pz_program_cost(self._pointer, least, most)
        return least.value, None if most.value == _NO_BOUND else most.value

    @property
    def reads(self) -> Tuple[str, ...]:
        """The declared variables that it may read."""
        return tuple(name for index, name in enumerate(self._names)
                     if _ffi.lib.pz_program_reads(self._pointer, index))

    def __repr__(self) -> str:
        return f"<personalize.Program {self.text}>"


def _declared(variables: Variables, sizes: Mapping[str, int]) -> Any:
    """An array of pz_variable; ctypes keeps the texts that it was given."""
    if variables is None:
        variables = {}
    elif isinstance(variables, (str, bytes)) or not hasattr(variables, "__iter__"):
        raise TypeMismatch("variables are a dict from name to type, or a list of names")
    elif not isinstance(variables, Mapping):
        listed = list(variables)
        for one in listed:
            values.name(one, "the name of a variable")
        variables = dict.fromkeys(listed)
    array = (_ffi.Variable * len(variables))()
    for variable, (name, kind) in zip(array, variables.items()):
        variable.name = values.name(name, "the name of a variable")
        variable.type = values.optional_name(kind, "the type of a variable")
        variable.size_max = values.integer(sizes.get(name, 0), "a size", _NO_BOUND)
    return array


def _free(pointer: Any, pools: List[Any]) -> None:
    for pool in pools:
        _ffi.lib.pz_pool_free(pool)
    _ffi.lib.pz_program_unref(pointer)


def excerpt(error: Error, source: Union[str, bytes]) -> str:
    """The line of ``source`` that an error is about, and a caret below its column; "" if it has no
    place."""
    if not isinstance(error, Error):
        raise TypeMismatch(f"an excerpt shows a personalize.Error, not {type(error).__name__}")
    encoded = values.source(source, "the source")
    try:
        encoded.decode()
    except UnicodeDecodeError:
        raise ParseError("the source is not UTF-8") from None
    place = _ffi.new_error()
    place.line, place.column = error.line, error.column
    pool, out = new_pool(), _ffi.Str()
    try:
        check(_ffi.lib.pz_error_excerpt(place, encoded, len(encoded), pool, out))
        return _ffi.text(out)
    finally:
        _ffi.lib.pz_pool_free(pool)
