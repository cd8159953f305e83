"""Reports: every mistake of a catalog at its place, with the remedy."""
from __future__ import annotations

from typing import Any, List, NamedTuple

from . import _ffi
from .errors import check

WARNING, ERROR = 1, 2


class Diagnostic(NamedTuple):
    """One mistake or warning. Lines and columns count from 1, columns in characters."""
    severity: str  # "error" or "warning"
    file: str
    line: int
    column: int
    length: int
    path: str
    message: str
    suggestion: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}"


def take(report: Any) -> List[Diagnostic]:
    """The diagnostics of a pz_report (a c_void_p, NULL allowed), which is freed."""
    lib = _ffi.lib
    try:
        found = []
        entry = _ffi.Diagnostic(size=_ffi.sizeof(_ffi.Diagnostic))
        for index in range(lib.pz_report_count(report)):
            check(lib.pz_report_get(report, index, entry))
            found.append(Diagnostic(
                "error" if entry.severity == ERROR else "warning", entry.file.decode(), entry.line,
                entry.column, entry.length, entry.path.decode(), entry.message.decode(),
                entry.suggestion.decode(), entry.source.decode(errors="replace")))
        return found
    finally:
        lib.pz_report_free(report)
