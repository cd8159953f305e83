"""A program that uses everything the package has, as its types say it may be used.

    typed_program.py CATALOG

It is run, and read by `mypy --strict`: where a type hint says what is not so, one of the two fails. A test
compares it with the package, so that nothing is left out.
"""
from __future__ import annotations

import datetime
import pathlib
import sys
import tempfile
from typing import Any, Dict, List, Optional, Tuple

import personalize
from personalize import (
    Customer, Decision, Diagnostic, Duration, Engine, Evaluation, Fault, Observed, Outcome, Profile, Program,
    Resolution, Store, Timestamp, UInt)

NOW = datetime.datetime(2026, 3, 20, 12, tzinfo=datetime.timezone.utc)


class Sink:
    """Records go here."""

    def __init__(self) -> None:
        self.taken: List[Dict[str, Any]] = []

    def take(self, record: Dict[str, Any]) -> None:
        self.taken.append(record)

    def erase(self, id: str) -> None:
        self.taken = [record for record in self.taken if record.get("subject") != id]


@personalize.function("(int, int) -> int")
def larger(one: int, other: int) -> int:
    return max(one, other)


def rules() -> None:
    program: Program = personalize.Program(
        "larger(a, b) + twice(a)", {"a": "int", "b": None}, sizes={}, cost_limit=1000,
        functions={"larger": larger, "twice": (lambda n: 2 * n, ["int"], "int")})
    value: int = program(a=1, b=5)
    found: Evaluation = program.evaluate({"a": 1})
    unknowns: Tuple[str, ...] = found.unknowns
    bounds: Tuple[int, Optional[int]] = program.cost
    texts: List[str] = [program.type, program.text, *program.reads, repr(program)]
    assert (value, unknowns, bool(found)) == (7, ("b",), False), (value, unknowns, bounds, texts)
    assert personalize.eval("a + b", {"a": 1}, b=2) == 3
    source = "1 +"
    try:
        personalize.Program(source)
    except personalize.ParseError as error:
        place: Tuple[int, int] = (error.line, error.column)
        shown: str = personalize.excerpt(error, source)
        assert place == (1, 4) and "^" in shown and error.name == "ERR_PARSE", (place, shown)
    kinds: List[Any] = [UInt(1), Duration(5), Timestamp(2026, 3, 20, tzinfo=datetime.timezone.utc)]
    assert personalize.eval("x", x=kinds) == kinds


def verbs(shop: Engine, ann: Profile, bob: Profile) -> None:
    ann.choose("language", "de", at=NOW, now=NOW, channel="web", who="agent:7", durability="lazy")
    ann.reject("language", "fr", now=NOW)
    ann.declare("age", 40, now=NOW)
    ann.infer("category", "roses", 0.9, now=NOW)
    ann.clear("language", now=NOW)
    ann.edit("toolbar", "help", {"pin": 0}, now=NOW)
    ann.set_mode("category", "MANUAL", now=NOW)
    ann.set_level("deep", now=NOW)
    ann.undo("category", now=NOW)
    ann.consent("ads", True, now=NOW)
    changed: int = ann.consent_gpc(False, now=NOW)
    tcf: str = ann.tcf(language="DE")
    changed += ann.consent_tcf(tcf, now=NOW)
    event = {"kind": "view", "source": "web", "id": "1", "time": NOW, "category": "roses"}
    is_new: bool = ann.observe(event, now=NOW)
    ann.retract("web", "1", now=NOW)
    ann.observe({**event, "id": "2"}, now=NOW)
    changed += ann.retract_all("category", start=NOW, end=NOW + datetime.timedelta(days=1), now=NOW)
    ann.forget("category", start=NOW - datetime.timedelta(days=2), end=NOW, now=NOW)
    changed += ann.expire(now=NOW)
    ann.identify("card", "4711", now=NOW)
    ann.apply(["choose", "language", "de"], now=NOW)
    ann.link(bob.id, 0.9, now=NOW)
    ann.unlink(bob.id, now=NOW)
    ann.switch(bob.id, now=NOW)
    ann.set_account(None, now=NOW)
    ann.refresh()
    texts: List[str] = [ann.id, ann.export(2), ann.export_text()]
    assert ann.exists and is_new and all(texts), changed


def detached(shop: Engine, stored: bytes) -> None:
    with shop.decode(stored) as one, shop.view(stored) as other, shop.detached("firm", "account") as firm:
        firm.choose("language", "fr", now=NOW, writer="berlin")
        one.merge(other)
        one.person([])
        found: Resolution = shop.resolve("language", None, account=firm, now=NOW, level="deep")
        assert found and found.tier == "ACCOUNT_CHOICE" and found.confidence is None, found


def questions(shop: Engine, ann: Profile) -> None:
    hero: Decision = shop.decide("hero", ann, now=NOW, channel="web", context={"country": "FR"})
    again: Decision = shop.decide_for("hero", "email", "ann@example.com", now=NOW, channel="web", country="FR")
    texts: List[str] = [hero.name, hero.reason, hero.rule, hero.id, hero.explain(), repr(hero), hero._repr_html_()]
    maps: List[Dict[str, Any]] = [hero.reasons(), hero.to_dict(), hero.record]
    confidence: float = hero.confidence
    assert hero.bytes == again.bytes and not hero.impure and confidence <= 1 and maps, texts
    assert shop.value("hero", ann, now=NOW, channel="web", country="FR") == hero.value
    answer: Resolution = shop.resolve("language", ann, now=NOW)
    at: Optional[datetime.datetime] = answer.at
    assert at is not None and answer.is_resolved and answer.members == {}
    layers: List[Dict[str, Any]] = shop.inspect("language", ann) + shop.inspect_privileged("language", ann)
    many: List[Dict[str, Resolution]] = shop.resolve_many(["language"], [ann, None])
    each: List[Dict[str, List[Dict[str, Any]]]] = shop.inspect_many(["language"], [ann])
    segments: List[str] = shop.segments(ann, now=NOW)
    person: Dict[str, Any] = shop.person(ann, now=NOW)
    assert layers and many[0]["language"].value == "de" and each and person["id"] == ann.id, segments
    rows: List[Dict[str, Any]] = shop.decide_many(["hero"], [ann, None, ann.id, ann.bytes, {"email": "ann@example.com"}],
                                                  why=True, id=True, now=NOW)
    lines: str = shop.answer_many("language", None, jsonl=True)
    rows += shop.segments_many(["ann@example.com"], by="email")
    assert len(rows) == 6 and lines.endswith("\n")


def records(shop: Engine, ann: Profile) -> None:
    hero = shop.decide("hero", ann)
    number: Optional[int] = shop.record(hero, note="letter", anonymous=False, value=True, durability="durable")
    numbers: List[Optional[int]] = shop.record_many([hero, hero.record])
    kept: List[Dict[str, Any]] = shop.records(start=1, limit=10, subject=ann.id)
    gone: int = shop.expire_records(datetime.datetime.now(datetime.timezone.utc))
    assert number == 1 and numbers == [2, 3] and len(kept) == 3 and gone <= 3, (number, numbers, kept, gone)


def stores(shop: Engine, folder: str) -> None:
    found: List[Observed] = shop.observe_many(
        [{"kind": "view", "source": "s", "id": "2", "time": NOW, "customer": {"email": "cem@example.com"}}], now=NOW)
    found += shop.apply_many('["dora", ["declare", "age", 5]]', settled=True, channel="crm")
    assert all(one.status == 0 and one.is_new and not one.message for one in found), found
    ids: List[str] = shop.ids()
    assert len(ids) == len(shop) and shop.profile(ids[0]).id == ids[0]
    told: List[Tuple[int, int]] = []
    with shop.store() as here, personalize.open_store(f"lmdb:{folder}/copy", lazy=True) as there:
        outcome: Outcome = here.copy_to(there, progress=lambda done, total: told.append((done, total)))
        faults: List[Fault] = [*outcome.faults, *here.verify().faults]
        info: Dict[str, Any] = there.info()
        store: Store = there
        assert not faults and info["profiles"] == len(ids) and repr(store), faults
    with personalize.open_store(f"lmdb:{folder}/copy") as copied:
        copied.backup(f"lmdb:{folder}/backup")
    with personalize.open_store(f"lmdb:{folder}/backup") as backup:
        backup.restore(f"lmdb:{folder}/back")
    with personalize.open_store(f"lmdb:{folder}/back") as back:
        back.compact()
    swept: Outcome = shop.expire(now=NOW)
    erased: int = shop.erase(ids[0], alone=True)
    assert swept and erased == 1


def main(path: str) -> None:
    rules()
    catalog = pathlib.Path(path)
    warnings: List[Diagnostic] = personalize.check(catalog)
    assert not warnings and personalize.library_version() == personalize.__version__
    with tempfile.TemporaryDirectory() as folder, \
            personalize.open(catalog, store=f"lmdb:{folder}/shop", durability="grouped", functions=[larger]) as shop:
        ann: Customer = shop.customer(email="ann@example.com")
        bob: Profile = shop.customer("email", "bob@example.com")
        bob.choose("language", "fr", now=NOW)
        verbs(shop, ann, bob)
        detached(shop, ann.bytes)
        questions(shop, ann)
        records(shop, ann)
        stores(shop, folder)
        hash: str = shop.catalog_hash
        shop.load_text(catalog.read_text(encoding="utf-8"), "again")
        warnings += shop.load(catalog)
        tests: Tuple[int, int, List[Diagnostic]] = shop.test()
        assert shop.catalog_hash == hash and tests[1:] == (0, []), tests
        ann.close()
    sink = Sink()
    with personalize.open(catalog, records=sink, skew_ms=1000) as other:
        who = other.customer(email="x")
        who.choose("language", "de")
        other.record(other.decide("hero", who))
        assert len(sink.taken) == 1
        other.erase(who.id)
        assert sink.taken == []
    try:
        with personalize.open() as empty:
            empty.load_text("{")
    except personalize.CatalogError as error:
        mistakes: List[Diagnostic] = list(error.diagnostics)
        assert mistakes[0].line == 1 and error.line == 1
    print("the types are true")


if __name__ == "__main__":
    main(sys.argv[1])
