"""Python objects as values of the library, and back.

    None bool int float str bytes      null bool int double string bytes
    int above 2**63 - 1                uint; UInt(n) is a uint of any size
    datetime (aware)                   timestamp
    timedelta                          duration
    other numbers.Integral (numpy)     int
    list, tuple                        list
    dict                               map, keys of str, int or bool

The library counts nanoseconds and ``datetime`` microseconds: what does not fit comes back as
``Timestamp`` or ``Duration``, subclasses that carry the rest, so that nothing is lost on the way
through Python. An object with a list or a dict in it goes in as JSON text when JSON can say all of
it, since the C parser outruns one ctypes call per item; otherwise item by item.
"""
from __future__ import annotations

import datetime as _dt
import json as _json
import numbers as _numbers
import struct as _struct
import sys as _sys
from collections.abc import Mapping
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from . import _ffi
from .errors import ArgumentError, Error, LimitError, ParseError, TypeMismatch, check

#: Deepest nesting that goes in; the same as PZ_JSON_DEPTH_MAX.
DEPTH_MAX = 512
#: Most items one value may have in all. A small object that holds itself many times over unfolds
#: into a tree of any size; this stops it.
ITEMS_MAX = 1 << 22
#: Most keys of the place of an error, and most characters of each.
PLACE_MAX = 8
KEY_MAX = 40

NULL, BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION, LIST, MAP = range(11)

_UTC = _dt.timezone.utc
_EPOCH = _dt.datetime(1970, 1, 1, tzinfo=_UTC)
# The first and the last moment, counted from there.
_FIRST = _dt.datetime.min.replace(tzinfo=_UTC) - _EPOCH
_LAST = _dt.datetime.max.replace(tzinfo=_UTC) - _EPOCH
_SECOND = _dt.timedelta(seconds=1)
_MICROSECOND = _dt.timedelta(microseconds=1)
_MILLISECOND = _dt.timedelta(milliseconds=1)
_LEN_MAX = 0xFFFFFFFF
# A bool is the first octet of the union.
_BOOL_SHIFT = 0 if _sys.byteorder == "little" else 56


class UInt(int):
    """An int that goes in as a uint whatever its size."""
    __slots__ = ()


class Timestamp(_dt.datetime):
    """A moment with nanoseconds: ``nanosecond`` (0 to 999) counts beyond ``microsecond``.
    Comparing and computing see the microseconds only."""
    nanosecond = 0

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _exact, (*super().__reduce_ex__(protocol)[:2], self.nanosecond)


class Duration(_dt.timedelta):
    """A span with nanoseconds: ``nanosecond`` (0 to 999) counts beyond ``microseconds``."""
    nanosecond = 0

    def __reduce__(self) -> Any:
        return _exact, (Duration, (self.days, self.seconds, self.microseconds), self.nanosecond)


def _exact(kind: Any, arguments: Any, nanosecond: int) -> Any:
    """A Timestamp or Duration out of a copy's or a pickle's parts."""
    made = kind(*arguments)
    made.nanosecond = nanosecond
    return made


#: A moment as it goes in: an aware datetime, milliseconds since 1970, or None for the default.
Moment = Union[_dt.datetime, int, None]


def name(text: Any, what: str = "a name") -> bytes:
    """Text as the NUL-terminated UTF-8 that a ``const char *`` wants."""
    if not isinstance(text, str):
        raise TypeMismatch(f"{what} is a str, not {type(text).__name__}")
    encoded = utf8(text)
    if b"\0" in encoded:
        raise ArgumentError(f"{what} holds no NUL")
    return encoded


def optional_name(text: Any, what: str) -> Optional[bytes]:
    return None if text is None else name(text, what)


def source(text: Any, what: str) -> bytes:
    """A longer text, which may hold anything: a str, or its UTF-8."""
    if isinstance(text, str):
        return utf8(text)
    return octets(text, what, "a str or bytes")


def octets(data: Any, what: str, wanted: str = "bytes") -> bytes:
    """Bytes, or what is like them; of a number ``bytes()`` would make as many zeros."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeMismatch(f"{what} is {wanted}, not {type(data).__name__}")
    return bytes(data)


def integer(number: Any, what: str, most: int, least: int = 0) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeMismatch(f"{what} is an int, not {type(number).__name__}")
    if not least <= number <= most:
        raise ArgumentError(f"{what} is between {least} and {most}")
    return int(number)


def real(number: Any, what: str) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise TypeMismatch(f"{what} is a number, not {type(number).__name__}")
    try:
        return float(number)
    except OverflowError:
        raise ArgumentError(f"{what} is beyond what a double can hold") from None


def truth(flag: Any, what: str) -> bool:
    """A bool and nothing else: "no" is true to Python."""
    if not isinstance(flag, bool):
        raise TypeMismatch(f"{what} is True or False, not {type(flag).__name__}")
    return flag


def members(mapping: Any, what: str, more: Mapping[str, Any]) -> Dict[str, Any]:
    """A dict with names for keys, and keywords besides."""
    if mapping is None or mapping == ():
        return dict(more)
    if not isinstance(mapping, Mapping):
        raise TypeMismatch(f"{what} are a dict, not {type(mapping).__name__}")
    return {**mapping, **more}


def listed(iterable: Any, what: str) -> List[Any]:
    """A list of what an iterable gives; a text is none."""
    if isinstance(iterable, (str, bytes)) or not hasattr(iterable, "__iter__"):
        raise TypeMismatch(f"{what} are a list, not {type(iterable).__name__}")
    return list(iterable)


def utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ParseError(f"the text has a lone surrogate at {error.start}, which is no character"
                         ) from None


def milliseconds(moment: Moment) -> int:
    """A moment for at, now or expires: None (the default), an aware datetime, or an int of
    milliseconds since 1970. 0 is refused: to the library it would mean the default."""
    if moment is None:
        return 0
    if isinstance(moment, _dt.datetime):
        moment = _since(moment) // _MILLISECOND
    elif isinstance(moment, bool) or not isinstance(moment, int):
        raise TypeMismatch("a moment is an aware datetime or an int of milliseconds since 1970, "
                           f"not {type(moment).__name__}")
    if moment == 0:
        raise ArgumentError("the moment 1970-01-01T00:00:00Z cannot be given; it stands for the "
                            "default")
    if not -1 << 63 <= moment < 1 << 63:
        raise LimitError("the moment is beyond 64 bits of milliseconds")
    return moment


def moment(ms: int) -> Optional[_dt.datetime]:
    """Milliseconds since 1970 as a datetime; None for 0."""
    return _EPOCH + ms * _MILLISECOND if ms else None


def _since(when: _dt.datetime) -> _dt.timedelta:
    """The time since 1970 of an aware datetime."""
    if when.tzinfo is None or when.utcoffset() is None:
        raise TypeMismatch("a datetime without a time zone is no moment; give it a tzinfo")
    since = when - _EPOCH
    if not _FIRST <= since <= _LAST:
        raise LimitError(f"{when.isoformat()} is not in the years 1 to 9999 of UTC")
    return since


# ---- in ----

def put(pool: Any, value: Any, keep: List[Any]) -> Any:
    """Make ``value`` a pz_value. It lives as long as ``pool``'s content and the list ``keep``,
    which receives the buffers it borrows. An error says where in the value it is:
    ``[57]['total']``."""
    kind = type(value)
    try:
        if (kind is dict or kind is list or kind is tuple) and _is_json(value, 0, [0]):
            try:
                return parse(pool, _json.dumps(value).encode())
            except ParseError:
                pass  # its line and column are those of a text that nobody has seen
        return _put(pool, value, keep, 0, [0])
    except RecursionError:
        raise LimitError("nested deeper than Python's stack has room for") from None
    except Error as error:
        _tell_place(error)
        raise


def _note_place(error: Error, key: Any) -> None:
    """Note that an error came from the item or member ``key``; the innermost first."""
    error.__dict__.setdefault("_keys", []).append(key)


def _tell_place(error: Error) -> None:
    """Put the place that was noted before the message."""
    keys = error.__dict__.pop("_keys", ())
    if keys:
        end = "..." if len(keys) > PLACE_MAX else ""
        place = "".join(f"[{key!r:.{KEY_MAX}}]" for key in keys[:-PLACE_MAX - 1:-1])
        error._place(place + end)


def parse(pool: Any, text: bytes) -> Any:
    """Read JSON text."""
    out, err = _ffi.Value(), _ffi.new_error()
    check(_ffi.lib.pz_value_parse(pool, out, text, len(text), 0, err), err)
    return out


def _count(count: List[int], depth: int) -> None:
    count[0] += 1
    if count[0] > ITEMS_MAX:
        raise LimitError(f"more than {ITEMS_MAX} items in one value")
    if depth > DEPTH_MAX:
        raise LimitError(f"nested deeper than {DEPTH_MAX} levels, or holding itself")


def _is_json(value: Any, depth: int, count: List[int]) -> bool:
    """Whether JSON text says exactly this value."""
    _count(count, depth)
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-0x8000000000000000 <= value <= 0xFFFFFFFFFFFFFFFF)
    if kind is float:
        return bool(value - value == 0.0)
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not _is_json(item, depth + 1, count):
                return False
        return True
    if kind is list or kind is tuple:
        for item in value:
            if not _is_json(item, depth + 1, count):
                return False
        return True
    return False


def _put(pool: Any, value: Any, keep: List[Any], depth: int, count: List[int]) -> Any:
    """One stack frame a level: Python's own limit is 1000."""
    _count(count, depth)
    for kind, make in _SCALARS:
        if isinstance(value, kind):
            return make(value, keep)
    out = _ffi.Value()
    # Tuples of what is there now: nothing that runs meanwhile can lengthen them.
    if isinstance(value, (list, tuple)):
        parts = tuple(value)
        array = (_ffi.Value * len(parts))()
        for index, item in enumerate(parts):
            try:
                array[index] = _put(pool, item, keep, depth + 1, count)
            except Error as error:
                _note_place(error, index)
                raise
        check(_ffi.lib.pz_pool_list(pool, out, array, len(parts)))
    elif isinstance(value, Mapping):
        pairs = tuple(value.items())
        entries = (_ffi.Entry * len(pairs))()
        for index, (key, item) in enumerate(pairs):
            if not isinstance(key, (str, int)):
                raise TypeMismatch("the key of a map is a str, an int or a bool, not "
                                   f"{type(key).__name__}")
            try:
                entries[index].key = _put(pool, key, keep, depth + 1, count)
                entries[index].value = _put(pool, item, keep, depth + 1, count)
            except Error as error:
                _note_place(error, key)
                raise
        check(_ffi.lib.pz_pool_map(pool, out, entries, len(pairs)))
    else:
        raise TypeMismatch(f"{type(value).__name__} is no value{_remedy(value)}: None, bool, int, "
                           "float, str, bytes, datetime, timedelta, list, tuple and dict are")
    return out


def _remedy(value: Any) -> str:
    """What to hand over in place of a value that may mean more than one thing."""
    import decimal
    import enum
    import fractions
    import os
    import uuid
    if isinstance(value, enum.Enum):
        return ", its .value may be one"
    if isinstance(value, _dt.date):
        return ", a datetime with a time zone is one, and so is its isoformat()"
    if isinstance(value, (decimal.Decimal, fractions.Fraction)):
        return ", float() or str() of it is one"
    if isinstance(value, (uuid.UUID, os.PathLike)):
        return ", str() of it is one"
    if isinstance(value, (set, frozenset)):
        return ", sorted() or list() of it is one"
    if hasattr(type(value), "tolist"):
        return ", its .tolist() may be one"
    return ""


def unknown_name(what: str, name: str, known: Sequence[str]) -> str:
    import difflib
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else f", only {', '.join(known)}"
    return f"{what} has no {name!r}{hint}"


def _put_null(value: Any, keep: List[Any]) -> Any:
    return _ffi.Value()


def _put_bool(value: Any, keep: List[Any]) -> Any:
    return _ffi.lib.pz_value_bool(value)


def _put_int(value: int, keep: List[Any]) -> Any:
    if isinstance(value, UInt) or value > 0x7FFFFFFFFFFFFFFF:
        if 0 <= value <= 0xFFFFFFFFFFFFFFFF:
            return _ffi.lib.pz_value_uint(value)
    elif value >= -0x8000000000000000:
        return _ffi.lib.pz_value_int(value)
    raise LimitError(f"{value} is beyond 64 bits")


def _put_integral(value: Any, keep: List[Any]) -> Any:
    return _put_int(int(value), keep)


def _put_float(value: float, keep: List[Any]) -> Any:
    return _ffi.lib.pz_value_double(value)


def _put_str(value: str, keep: List[Any]) -> Any:
    encoded = utf8(value)
    _check_len(encoded)
    keep.append(encoded)
    return _ffi.lib.pz_value_strn(encoded, len(encoded))


def _put_bytes(value: Any, keep: List[Any]) -> Any:
    encoded = bytes(value)
    _check_len(encoded)
    keep.append(encoded)
    return _ffi.lib.pz_value_bytes(encoded, len(encoded))


def _check_len(sized: bytes) -> None:
    if len(sized) > _LEN_MAX:
        raise LimitError(f"longer than {_LEN_MAX}")


def _put_datetime(value: _dt.datetime, keep: List[Any]) -> Any:
    seconds, rest = divmod(_since(value), _SECOND)
    nanos = rest // _MICROSECOND * 1000 + getattr(value, "nanosecond", 0)
    return _ffi.Value(TIMESTAMP, nanos, seconds)


def _put_timedelta(value: _dt.timedelta, keep: List[Any]) -> Any:
    ns = value // _MICROSECOND * 1000 + getattr(value, "nanosecond", 0)
    if not -1 << 63 <= ns < 1 << 63:
        raise LimitError("the span is beyond 64 bits of nanoseconds, about 292 years")
    return _ffi.lib.pz_value_duration_ns(ns)


_SCALARS: Any = (
    (str, _put_str), (bool, _put_bool), (int, _put_int), (float, _put_float),
    (type(None), _put_null), (_dt.datetime, _put_datetime), (_dt.timedelta, _put_timedelta),
    ((bytes, bytearray, memoryview), _put_bytes), (_numbers.Integral, _put_integral))


# ---- out ----

def get(value: Any) -> Any:
    """A pz_value as a Python object that borrows nothing."""
    try:
        return _get(value)
    except RecursionError:
        raise LimitError("nested deeper than Python's stack has room for") from None


def _get(value: Any) -> Any:
    kind = value.kind
    if kind == LIST:
        items = []
        for item in _ffi.items(value):  # a comprehension would be a stack frame more a level
            items.append(_get(item))
        return items
    if kind == MAP:
        entry_of = _ffi.lib.pz_value_entry
        found: Dict[Any, Any] = {}
        for index in range(value.len):
            entry = entry_of(value, index)
            found[_get(entry.key)] = _get(entry.value)
        if len(found) != value.len:
            raise TypeMismatch("the map has keys that are one key to Python, such as 1 and true")
        return found
    make = _GET.get(kind)
    if make is None:
        raise TypeMismatch("a value that only a rule can hold, such as a type or an address")
    return make(value)


def _get_double(value: Any) -> Any:
    return _struct.unpack("d", _struct.pack("q", value.bits))[0]


def _get_timestamp(value: Any) -> _dt.datetime:
    micros, nanos = divmod(value.len, 1000)
    when = _EPOCH + _dt.timedelta(seconds=value.bits, microseconds=micros)
    if not nanos:
        return when
    exact = Timestamp(when.year, when.month, when.day, when.hour, when.minute, when.second,
                      when.microsecond, _UTC)
    exact.nanosecond = nanos
    return exact


def _get_duration(value: Any) -> _dt.timedelta:
    micros, nanos = divmod(value.bits, 1000)
    if not nanos:
        return _dt.timedelta(microseconds=micros)
    exact = Duration(microseconds=micros)
    exact.nanosecond = nanos
    return exact


_GET: Dict[int, Callable[[Any], Any]] = {
    NULL: lambda value: None,
    BOOL: lambda value: bool(value.bits >> _BOOL_SHIFT & 0xFF),
    INT: lambda value: value.bits,
    UINT: lambda value: UInt(value.bits & 0xFFFFFFFFFFFFFFFF),
    DOUBLE: _get_double,
    STRING: lambda value: _ffi.octets(value).decode(),
    BYTES: _ffi.octets,
    TIMESTAMP: _get_timestamp,
    DURATION: _get_duration,
}
