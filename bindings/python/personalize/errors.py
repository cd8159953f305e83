"""Exceptions: one class per status, all of them ``personalize.Error``.

Each also inherits the built-in exception that a Python programmer would expect in its place, so
that ``except ValueError`` or ``except LookupError`` does what it says.
"""
from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple, Type

from . import _ffi


class Error(Exception):
    """What the library refused. ``status`` is the number of the code, ``name`` its name,
    ``line`` and ``column`` count from 1 and are 0 where the error has no place."""
    status = 0

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column

    @property
    def name(self) -> str:
        return str(_ffi.lib.pz_status_name(self.status), "utf-8")

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}" if self.line else self.message

    def _place(self, where: str) -> None:
        """Say first where the mistake is."""
        self.message = f"{where}: {self.message}"
        self.args = (self.message,)

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.message, self.line, self.column), self.__dict__


class ArgumentError(Error, ValueError):
    """An argument is missing, out of range or of the wrong kind."""
    status = -1


class OutOfMemory(Error, MemoryError):
    status = -2


class ParseError(Error, ValueError):
    """The text is not well formed."""
    status = -3


class TypeMismatch(Error, TypeError):
    """The value is not of the declared type."""
    status = -4


class DomainError(Error, ValueError):
    """The value is outside the declared domain."""
    status = -5


class NotFound(Error, LookupError):
    """The catalog or the store knows no such thing; of a program, ``unknowns`` are the variables
    that its value depends on and that were not given."""
    status = -6
    unknowns: Tuple[str, ...] = ()


class LimitError(Error, OverflowError):
    """A declared limit would be exceeded."""
    status = -7


class TimeError(Error, ValueError):
    """The claimed time lies beyond now and the allowed skew."""
    status = -8


class LateError(Error):
    """The event is older than the horizon."""
    status = -9


class SubjectError(Error, ValueError):
    """The profiles belong to different subjects."""
    status = -10


class CatalogError(Error, ValueError):
    """The catalog has mistakes; ``diagnostics`` lists them all."""
    status = -11
    diagnostics: Sequence[Any] = ()

    def __str__(self) -> str:
        return self.message  # begins with file and place


class CorruptError(Error):
    """The stored bytes are damaged."""
    status = -12


class VersionError(Error):
    """Another version wrote this, or expects it."""
    status = -13


class StoreError(Error, OSError):
    """The system refused an input or output operation."""
    status = -14


class StoreFull(Error, OSError):
    """No space is left where the store lives."""
    status = -15


class BusyError(Error):
    """The resource is in use; try again."""
    status = -16


class EvalError(Error, ArithmeticError):
    """The expression failed."""
    status = -17


class StateError(Error, RuntimeError):
    """The handle is closed, read-only, or has no catalog."""
    status = -18


class Unsupported(Error, NotImplementedError):
    """This build or this backend cannot do that."""
    status = -19


class TestFailure(Error, AssertionError):
    """A test of the catalog failed."""
    __test__ = False  # not a test case, whatever pytest makes of the name
    status = -20


BY_STATUS: Dict[int, Type[Error]] = {
    kind.status: kind
    for kind in (ArgumentError, OutOfMemory, ParseError, TypeMismatch, DomainError, NotFound,
                 LimitError, TimeError, LateError, SubjectError, CatalogError, CorruptError,
                 VersionError, StoreError, StoreFull, BusyError, EvalError, StateError,
                 Unsupported, TestFailure)
}


def from_status(status: int, error: Optional[Any] = None) -> Error:
    """The exception for a status, with what ``error`` (an _ffi.Error) says about it."""
    kind = BY_STATUS.get(status, Error)
    if error is None or not error.message:
        made = kind(_ffi.lib.pz_status_text(status).decode())
    else:
        made = kind(error.message.decode(), error.line, error.column)
    made.status = status
    return made


def check(status: int, error: Optional[Any] = None) -> None:
    """Raise unless ``status`` is PZ_OK."""
    if status:
        raise from_status(status, error)
