"""Many customers and many events in one call: lists, or JSON Lines, in and out.

The library takes customers as one run of texts with their ends and gives JSON Lines, so that a
hundred thousand customers cost two conversions here and not a hundred thousand calls. A list of
unlike customers (handles among ids, say) is cut into runs of one kind; a long one into calls of at
most PZ_MANY_MAX customers.
"""
from __future__ import annotations

import json
from array import array
from itertools import accumulate, groupby
from typing import (
    TYPE_CHECKING, Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union)

from . import _ffi, values
from .errors import ArgumentError, Error, ParseError, TypeMismatch
from .profile import Profile

if TYPE_CHECKING:
    from .engine import Engine

BY_HANDLE, BY_ID, BY_IDENTIFIER, BY_BYTES = range(4)
WHY, ID = 1, 2
MANY_MAX = 131072

#: One line of an answer, as ``json.loads`` reads it.
Line = Dict[str, Any]


class Run(NamedTuple):
    """Customers of one kind, few enough for one call."""
    by: int
    kind: Optional[str]
    customers: List[Any]


# ---- customers ----

def _kind_of(customer: Any, by: Optional[str]) -> Tuple[int, Optional[str]]:
    if isinstance(customer, str):
        return (BY_ID, None) if by is None else (BY_IDENTIFIER, by)
    if customer is None or isinstance(customer, Profile):
        return BY_HANDLE, None
    if isinstance(customer, (bytes, bytearray, memoryview)):
        return BY_BYTES, None
    if isinstance(customer, dict) and len(customer) == 1:
        kind, = customer
        if isinstance(kind, str):
            return BY_IDENTIFIER, kind
    raise TypeMismatch("a customer is an id, a Profile, the bytes of one, None, or an identifier "
                       f"such as {{\"email\": \"ann@example.com\"}}, not {type(customer).__name__}")


def _plain(customer: Any) -> Any:
    """What is left of a customer once its kind is known."""
    if isinstance(customer, dict):
        customer, = customer.values()
    return customer


def runs(customers: List[Any], by: Optional[str]) -> Iterator[Run]:
    """The customers in their order, cut where their kind changes and where a call is full."""
    of_a_kind: List[Tuple[Tuple[int, Optional[str]], List[Any]]]
    if all(type(customer) is str for customer in customers):
        of_a_kind = [((BY_ID, None) if by is None else (BY_IDENTIFIER, by), customers)]
    elif all(type(customer) is Profile for customer in customers):
        of_a_kind = [((BY_HANDLE, None), customers)]
    else:
        of_a_kind = [(key, [_plain(customer) for customer in group]) for key, group in
                     groupby(customers, key=lambda customer: _kind_of(customer, by))]
    for (number, kind), whole in of_a_kind:
        for start in range(0, len(whole), MANY_MAX):
            yield Run(number, kind, whole[start:start + MANY_MAX])


def _octets(run: Run) -> List[bytes]:
    if run.by == BY_BYTES:
        return [bytes(customer) for customer in run.customers]
    for customer in run.customers:
        if not isinstance(customer, str):
            raise TypeMismatch(f"an identifier is a str, not {type(customer).__name__}")
    return [values.utf8(customer) for customer in run.customers]


def _packed(run: Run) -> Tuple[bytes, Any]:
    """The texts one behind the other, and where each ends."""
    is_text = run.by != BY_BYTES
    try:
        together = "".join(run.customers) if is_text else ""
    except TypeError:
        together = ""
    if together and together.isascii():
        texts, lengths = together.encode(), map(len, run.customers)
    else:
        parts = _octets(run)
        texts, lengths = b"".join(parts), map(len, parts)
    if is_text and b"\0" in texts:
        raise ArgumentError("an id or identifier holds no NUL")
    return texts, array("Q", accumulate(lengths))


def asked(run: Run, names: List[bytes], flags: int) -> Tuple[Any, List[Any]]:
    """A pz_many, and what has to stay while it is used. Handles are told by the caller, who holds
    their guards."""
    many = _ffi.Many(size=_ffi.sizeof(_ffi.Many), flags=flags, by=run.by,
                     count=len(run.customers), names=_ffi.names(names), name_count=len(names))
    if run.by == BY_HANDLE:
        return many, []
    texts, ends = _packed(run)
    many.texts = texts
    many.ends = _ffi.numbers(ends) if ends else None
    many.kind = values.optional_name(run.kind, "the kind")
    return many, [texts, ends]


def customers_of(engine: Engine, customers: Any, by: Optional[str]) -> List[Any]:
    """None: everybody in the store. Text: JSON Lines, each an id, an identifier as an object of one
    member, or an object that has "customer"."""
    if by is not None:
        values.name(by, "the kind")
    if customers is None:
        return list(engine.ids())
    if isinstance(customers, (str, bytes)):
        return [_customer_of(line, number) for number, line in lines(customers)]
    return values.listed(customers, "customers")


def _customer_of(line: bytes, number: int) -> Any:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"this is no JSON: {getattr(error, 'msg', error)}", number,
                         getattr(error, "colno", 1)) from None
    if isinstance(given, dict) and "customer" in given:
        given = given["customer"]
    is_named = given is None or isinstance(given, str) or (
        isinstance(given, dict) and len(given) == 1 and
        all(isinstance(value, str) for value in given.values()))
    if not is_named:
        raise TypeMismatch("a line names its customer by an id, by {\"email\": \"...\"}, or by the "
                           "member \"customer\"", number, 1)
    return given


# ---- lines ----

def lines(text: Union[str, bytes]) -> Iterator[Tuple[int, bytes]]:
    """The lines of JSON Lines that are not blank, with their numbers from 1."""
    encoded = values.source(text, "JSON Lines")
    for number, line in enumerate(encoded.split(b"\n"), 1):
        if line.strip():
            yield number, line


def read(text: bytes) -> List[Line]:
    """Lines as dicts. A line feed stands between lines and in no JSON text."""
    if not text:
        return []
    found: List[Line] = json.loads(b"[" + text[:-1].replace(b"\n", b",") + b"]")
    return found


def numbered(run: Run, lines_each: int, flags: int) -> Optional[Any]:
    """Room for the numbers of a run's lines, where many are alike and the customers are what they
    were asked by; else None."""
    if flags or run.by not in (BY_ID, BY_IDENTIFIER) or not lines_each:
        return None
    return array("I", bytes(4 * len(run.customers) * lines_each))


def spread(text: bytes, run: Run, lines_each: int, numbers: Any) -> List[Line]:
    """A dict for each number, from the unlike lines."""
    unlike = [{"customer": None, **line} for line in read(text)]
    copies: List[Callable[[Any], Any]] = [
        _copied if any(isinstance(value, (list, dict)) for value in line.values()) else dict.copy
        for line in unlike]
    customers = run.customers if lines_each == 1 else \
        [customer for customer in run.customers for _ in range(lines_each)]
    made = []
    for customer, number in zip(customers, numbers):
        line = copies[number](unlike[number])  # half the time of a new dict
        line["customer"] = customer
        made.append(line)
    return made


def _copied(value: Any) -> Any:
    """A copy that shares no list or dict with what it is a copy of."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def events(pool: Any, given: Any, keep: List[Any], what: str = "events") -> Tuple[Any, int]:
    """Events or rows as an array of pz_value, and how many: a list, or JSON Lines."""
    if not isinstance(given, (str, bytes)):
        listed = values.listed(given, what)
        made = values.put(pool, listed, keep)
        return _ffi.items(made) or None, len(listed)
    found = list(lines(given))
    array_of = (_ffi.Value * len(found))()
    for index, (number, line) in enumerate(found):
        try:
            array_of[index] = values.parse(pool, line)
        except Error as error:
            error.line += number - 1
            raise
    return array_of, len(found)
