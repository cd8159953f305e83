"""The engine of this process, and the writes of a transaction.

One engine serves all threads of a server process. It is opened when it is first needed, which in a
forking server is in the worker. The catalog and the store are named in trytond.conf:

    [personalize]
    catalog = /etc/crm/catalog.json
    store = lmdb:/var/lib/crm/customers

A transaction of Tryton may be rolled back, a profile may not. So what is to be said about a party
waits in the transaction and is written when that has been committed. What would be refused then has
been tried on an empty profile before, and raises in time to roll back.
"""
import logging
import threading

import personalize
from trytond.config import config
from trytond.transaction import Transaction

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_engine = None


def engine():
    global _engine
    with _lock:
        if _engine is None:
            _engine = personalize.open(config.get("personalize", "catalog"),
                                       store=config.get("personalize", "store", default="memory:"))
        return _engine


def _identifier(party_id):
    return f"{Transaction().database.name}/{party_id}"


def customer(party_id):
    """The profile of a party of the database that the transaction is in."""
    return engine().customer("party", _identifier(party_id))


def say(party_id, verb, *arguments, **circumstances):
    """Say something about a party when the transaction has been committed; raise now if it is wrong."""
    getattr(engine().detached("trial"), verb)(*arguments, **circumstances)
    _later(party_id, lambda profile: getattr(profile, verb)(*arguments, **circumstances))


def join(party_id, other_id):
    """Two parties turned out to be one person: what either said holds for both."""
    def link(profile):
        with customer(other_id) as other:
            if other.exists:
                profile.link(other.id)
    _later(party_id, link)


def erase(party_id):
    _later(party_id, lambda profile: profile.exists and engine().erase(profile.id))


def take_over(operations, **circumstances):
    """Say one thing about each of many parties, all in few transactions of the store. What stands already is
    not said again."""
    if operations:
        _writes().batches.append(([[{"party": _identifier(id)}, what] for id, what in operations.items()],
                                  circumstances))


def _take_in(rows, circumstances):
    foreign = []
    for start in range(0, len(rows), personalize.OBSERVE_MANY_MAX):
        some = rows[start:start + personalize.OBSERVE_MANY_MAX]
        for row, result in zip(some, engine().apply_many(some, settled=True, **circumstances)):
            if result.status == personalize.DomainError.status:
                foreign.append(f"party {row[0]['party']}: {result.message}")
            elif result.status:
                logger.warning("party %s: %s", row[0]["party"], result.message)
    if foreign:
        logger.warning("of %d parties %d say what the catalog does not know, such as %s", len(rows), len(foreign),
                       foreign[0])


def _later(party_id, act):
    _writes().queue.append((party_id, act))


def _writes():
    return Transaction().join(_Writes())


class _Writes:
    """What a transaction has to say. One for each, which is why all of them are equal."""

    def __init__(self):
        self.queue = []
        self.batches = []

    def __eq__(self, other):
        return isinstance(other, _Writes) or NotImplemented

    def tpc_begin(self, transaction):
        pass

    def commit(self, transaction):
        pass

    def tpc_vote(self, transaction):
        engine()

    def tpc_finish(self, transaction):
        """The database has committed, so one write that fails is told and takes no other with it."""
        queue, batches = self.queue, self.batches
        self.queue, self.batches = [], []
        for rows, circumstances in batches:
            try:
                _take_in(rows, circumstances)
            except personalize.Error:
                logger.exception("what is on record about %d parties is lost; update the module again", len(rows))
        for party_id, act in queue:
            try:
                with customer(party_id) as profile:
                    act(profile)
            except personalize.Error:
                logger.exception("party %d: what was said is lost", party_id)

    def tpc_abort(self, transaction):
        self.queue, self.batches = [], []
