"""libpersonalize: what should this customer get, here and now, and why?

    import personalize

    with personalize.open("shop.json", store="lmdb:customers") as shop:
        ann = shop.customer(email="ann@example.com")
        ann.choose("language", "de")
        hero = shop.decide("home.hero", ann, channel="web")
        print(hero.value, hero.reason, hero.explain())
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, List, Optional, Union

from . import _ffi, values as _values
from ._handles import new_pool as _new_pool
from ._hosts import Functions as _Functions, function
from .decision import Decision, Observed, Resolution
from .engine import OBSERVE_MANY_MAX, Engine, Path as _Path
from .errors import (
    ArgumentError, BusyError, CatalogError, CorruptError, DomainError, Error, EvalError, LateError,
    LimitError, NotFound, OutOfMemory, ParseError, StateError, StoreError, StoreFull, SubjectError,
    TestFailure, TimeError, TypeMismatch, Unsupported, VersionError)
from .errors import check as _check
from .profile import Customer, Profile
from .program import Evaluation, Program, excerpt
from .report import Diagnostic
from .store import Fault, Outcome, Store, open_store
from .values import Duration, Timestamp, UInt

__all__ = [
    "ArgumentError", "BusyError", "CatalogError", "CorruptError", "Customer", "Decision",
    "Diagnostic", "DomainError", "Duration", "Engine", "Error", "EvalError", "Evaluation",
    "Fault", "LateError", "LimitError", "NotFound", "OBSERVE_MANY_MAX", "Observed", "OutOfMemory",
    "Outcome", "Store",
    "ParseError", "Profile", "Program", "Resolution", "StateError", "StoreError", "StoreFull",
    "SubjectError", "TestFailure", "TimeError", "Timestamp", "TypeMismatch", "UInt",
    "Unsupported", "VersionError", "check", "eval", "excerpt", "function", "library_version",
    "open", "open_store"]

#: The version of this package. The library that was loaded says its own: library_version().
__version__ = "0.1.0"


def library_version() -> str:
    """The version of the C library that is loaded."""
    return str(_ffi.lib.pz_version(), "ascii")


def open(catalog: Optional[_Path] = None, *, store: Optional[_Path] = None,
         read_only: bool = False, lazy: bool = False, durability: Optional[str] = None,
         skew_ms: int = 0, store_bytes: int = 0, functions: Optional[_Functions] = None,
         records: Any = None) -> Engine:
    """Open an engine. ``store`` is "memory:" (the default), "lmdb:DIRECTORY" or "redis://HOST".
    ``durability`` says how far a write has gone when its call returns: "durable" (on the disk, the
    default), "grouped" (the same; threads share the wait) or "lazy" (not yet on the disk), for
    which ``lazy=True`` is another word. A catalog can be loaded later, too.
    ``functions`` are Python functions that its rules may call, see ``personalize.function``.
    ``records`` is where decision records go instead of into the store: an object with
    ``take(record)`` and ``erase(id)``."""
    return Engine(catalog, store=store, read_only=read_only, lazy=lazy, durability=durability,
                  skew_ms=skew_ms, store_bytes=store_bytes, functions=functions, records=records)


def check(path: _Path, *, functions: Optional[_Functions] = None) -> List[Diagnostic]:
    """Every mistake and warning of a catalog, and every test in it that fails: a list of
    Diagnostic, empty for a good one. Raises only if the file cannot be read, or a function does."""
    with Engine(functions=functions) as engine:
        try:
            found = engine.load(path)
        except CatalogError as error:
            return list(error.diagnostics)
        return found + engine.test()[2]


def eval(expression: Union[str, bytes], variables: Optional[Mapping[str, Any]] = None, /,
         **more: Any) -> Any:
    """Evaluate one CEL expression: ``eval("a + b", a=1, b=2)``. Variables that are no keywords are
    given as a dict."""
    encoded = _values.source(expression, "an expression")
    names = _values.members(variables, "the variables", more)
    for key in names:
        if not isinstance(key, str):
            raise TypeMismatch("the name of a variable is a str")
    pool = _new_pool()
    keep: List[Any] = []
    try:
        out, err = _ffi.Value(), _ffi.new_error()
        made = _values.put(pool, names, keep)
        _check(_ffi.lib.pz_eval(out, pool, encoded, len(encoded), made, err), err)
        return _values.get(out)
    finally:
        _ffi.lib.pz_pool_free(pool)
