"""What the tests of the Python binding share.

PZ_LIBRARY names the library whose exports are compared, PZ_SOURCE_DIR the source tree.
"""
import datetime as dt
import os
import pathlib

import personalize

ROOT = pathlib.Path(os.environ.get("PZ_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
CATALOG = ROOT / "tests/data/cases/catalogs/shop.json"
VERBS = ROOT / "tests/data/verbs/catalog.json"
UTC = dt.timezone.utc
NOW = dt.datetime(2026, 3, 20, 12, tzinfo=UTC)
IS_FULL = bool(os.environ.get("PZ_FULL"))


def shop(**options):
    return personalize.open(CATALOG, **options)


def resident_bytes():
    """What the process holds in memory now; None where the system does not say."""
    try:
        pages = pathlib.Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
