"""``python -m personalize``: the ``personalize`` command.

It is looked for beside this package's files (a wheel), two folders up (a build tree), then on PATH.
"""
from __future__ import annotations

import os
import shutil
import signal
import sys
from typing import Iterator, Optional

NAME = "personalize"


def _places() -> Iterator[str]:
    here = os.path.dirname(os.path.abspath(__file__))
    yield os.path.join(here, "command", NAME)
    yield os.path.join(os.path.dirname(os.path.dirname(here)), NAME)


def command() -> Optional[str]:
    """The path of the command; None where it is not installed."""
    for path in _places():
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    found = shutil.which(NAME)
    # A script that a wheel has put on PATH leads here again.
    return found if found and os.path.realpath(found) != os.path.realpath(sys.argv[0]) else None


def main() -> int:
    """Become the command; return only where there is none."""
    path = command()
    if path is None:
        print("personalize: the command is not installed beside this package nor on PATH",
              file=sys.stderr)
        return 127
    sys.stdout.flush()
    sys.stderr.flush()
    if hasattr(signal, "SIGPIPE"):  # Python ignores it, and what is ignored is handed on
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execv(path, [NAME, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
