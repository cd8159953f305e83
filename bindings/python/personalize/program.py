"""Rules of one's own: a CEL expression compiled once and evaluated many times.

A program is immutable and may be evaluated from any number of threads at once. It needs no engine
and no catalog. Functions of the host are left to C: a call back into Python for each of them would
cost more than the rule.
"""
from collections.abc import Mapping
from typing import Any, NamedTuple, Optional, Tuple
import weakref

from . import _ffi, values
from ._handles import new_pool
from .errors import NotFound, TypeMismatch, check, from_status

OPEN, UNCHECKED = 1, 2
_NO_BOUND = 2**64 - 1


class Evaluation(NamedTuple):
    """What an evaluation came to. False if that depends on a variable that is not known."""
    value: Any
    unknowns: Tuple[str, ...]  # the names of those variables
    cost: int

    def __bool__(self):
        return not self.unknowns


class Program:
    """A compiled expression.

    ``variables`` declares what it may read: a dict from name to type (``"int"``,
    ``"list<string>"``, ...; None: any), or names alone. Without it every name is allowed and looked
    up when the program is evaluated. ``sizes`` gives the greatest length of a variable's lists,
    maps and texts, for estimates of cost. Mistakes raise ParseError or TypeMismatch with line and
    column; ``unchecked`` leaves those of type to the evaluation.
    """

    def __init__(self, source, variables=None, *, container=None, result=None, sizes=None,
                 unchecked=False, cost_limit=0, step_limit=0):
        encoded = values.utf8(source) if isinstance(source, str) else bytes(source)
        declared = _declared(variables, sizes or {})
        options = _ffi.ProgramOptions(
            size=_ffi.sizeof(_ffi.ProgramOptions),
            flags=(OPEN if variables is None else 0) | (UNCHECKED if unchecked else 0),
            container=None if container is None else values.name(container, "the container"),
            result=None if result is None else values.name(result, "the result"),
            variables=declared, variable_count=len(declared),
            cost_limit=cost_limit, step_limit=step_limit)
        pointer, err = _ffi.c_void_p(), _ffi.new_error()
        check(_ffi.lib.pz_program_compile(_ffi.byref(pointer), encoded, len(encoded), options, err),
              err)
        self._pointer = pointer
        self._names = tuple(variable.name.decode() for variable in declared)
        self._pools = []  # those that no evaluation is using
        weakref.finalize(self, _free, pointer, self._pools)

    # ---- evaluating ----

    def __call__(self, variables=None, /, **more):
        """The value: ``rule(price=5)``, ``rule({"order.total": 7})``. A variable that is not given
        is not known; NotFound, with its name in ``unknowns``, if the value depends on it."""
        status, err, found = self._run(variables, more, False)
        if status:
            error = from_status(status, err)
            if isinstance(error, NotFound):
                error.unknowns = found.unknowns
            raise error
        return found.value

    def evaluate(self, variables=None, /, **more):
        """The same as an Evaluation, which has the cost and does not raise for what is unknown."""
        status, err, found = self._run(variables, more, True)
        if status and status != NotFound.status:
            raise from_status(status, err)
        return found

    def _run(self, variables, more, wants_cost):
        given = dict(variables or (), **more)
        try:
            pool = self._pools.pop()
        except IndexError:
            pool = new_pool()
        try:
            keep, err = [], _ffi.new_error()
            out = _ffi.Evaluation(size=_ffi.sizeof(_ffi.Evaluation), wants_cost=wants_cost)
            made = values.put(pool, given, keep)
            status = _ffi.lib.pz_program_eval_map(self._pointer, pool, made, out, err)
            value = None if status else values.get(out.value)
            unknowns = tuple(self._names[out.unknowns[i]] for i in range(out.unknown_count))
            return status, err, Evaluation(value, unknowns, out.cost)
        finally:
            _ffi.lib.pz_pool_reset(pool)
            self._pools.append(pool)

    # ---- what it is ----

    def _text(self, function):
        pool, out = new_pool(), _ffi.Str()
        try:
            check(function(self._pointer, pool, out))
            return _ffi.text(out)
        finally:
            _ffi.lib.pz_pool_free(pool)

    @property
    def type(self):
        """The type of the result, spelled as in the declarations."""
        return self._text(_ffi.lib.pz_program_type)

    @property
    def text(self):
        """The one canonical spelling of the expression."""
        return self._text(_ffi.lib.pz_program_text)

    @property
    def cost(self) -> Tuple[int, Optional[int]]:
        """What an evaluation costs at least and at most; None: there is no bound."""
        least, most = _ffi.c_uint64(), _ffi.c_uint64()
        _ffi.lib.pz_program_cost(self._pointer, least, most)
        return least.value, None if most.value == _NO_BOUND else most.value

    @property
    def reads(self):
        """The declared variables that it may read."""
        return tuple(name for index, name in enumerate(self._names)
                     if _ffi.lib.pz_program_reads(self._pointer, index))

    def __repr__(self):
        return f"<personalize.Program {self.text}>"


def _declared(variables, sizes):
    """An array of pz_variable; ctypes keeps the texts that it was given."""
    if variables is None:
        variables = {}
    elif isinstance(variables, str):
        raise TypeMismatch("variables are a dict from name to type, or a list of names")
    elif not isinstance(variables, Mapping):
        variables = dict.fromkeys(variables)
    array = (_ffi.Variable * len(variables))()
    for variable, (name, kind) in zip(array, variables.items()):
        variable.name = values.name(name, "the name of a variable")
        variable.type = None if kind is None else values.name(kind, "the type of a variable")
        variable.size_max = sizes.get(name, 0)
    return array


def _free(pointer, pools):
    for pool in pools:
        _ffi.lib.pz_pool_free(pool)
    _ffi.lib.pz_program_unref(pointer)


def excerpt(error, source):
    """The line of ``source`` that an error is about, and a caret below its column; "" if it has no
    place."""
    encoded = values.utf8(source) if isinstance(source, str) else bytes(source)
    place = _ffi.new_error()
    place.line, place.column = error.line, error.column
    pool, out = new_pool(), _ffi.Str()
    try:
        check(_ffi.lib.pz_error_excerpt(place, encoded, len(encoded), pool, out))
        return _ffi.text(out)
    finally:
        _ffi.lib.pz_pool_free(pool)
