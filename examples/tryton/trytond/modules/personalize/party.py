"""The party, with what is decided for it.

What the CRM records is a fact: it is declared whenever a party is written. What the customer says of
himself, told to an agent who fills in the form, is a choice, which no import and no fact overrides;
leaving the field empty takes it back.
"""
import logging
import time

import personalize
from sql import Null
from trytond.exceptions import UserError
from trytond.model import fields
from trytond.pool import Pool, PoolMeta
from trytond.transaction import Transaction

from . import shop

logger = logging.getLogger(__name__)
LONG_AGO = 1  # milliseconds since 1970


class Party(metaclass=PoolMeta):
    __name__ = "party.party"

    letter = fields.Function(fields.Char("Letter"), "get_letter")
    letter_reason = fields.Function(fields.Text("Because"), "get_letter")
    chosen_language = fields.Function(fields.Selection([
        (None, ""), ("en", "English"), ("de", "German"), ("fr", "French")], "Customer's language",
        help="What the customer chose. Empty: what is on record counts."),
        "get_chosen_language", setter="set_chosen_language")

    @classmethod
    def __register__(cls, module_name):
        """The parties that are there when the module is activated, and whenever it is updated."""
        super().__register__(module_name)
        shop.take_over(_languages_on_record(), channel="crm")

    @classmethod
    def get_letter(cls, parties, names):
        answers = {name: {} for name in names}
        for party in parties:
            with shop.customer(party.id) as profile:
                letter = shop.engine().decide("letter", profile, channel="mail")
                told = {"letter": letter.value, "letter_reason": letter.explain()}
            for name in names:
                answers[name][party.id] = told[name]
        return answers

    def get_chosen_language(self, name):
        with shop.customer(self.id) as profile:
            found = shop.engine().resolve("language", profile)
        return found.value if found.tier == "CHOICE" else None

    @classmethod
    def set_chosen_language(cls, parties, name, value):
        who = f"user:{Transaction().user}"
        for party in parties:
            try:
                if value:
                    shop.say(party.id, "choose", "language", value, channel="crm", who=who)
                else:
                    shop.say(party.id, "clear", "language", channel="crm", who=who)
            except personalize.Error as error:
                raise UserError(str(error)) from error

    @classmethod
    def create(cls, vlist):
        parties = super().create(vlist)
        for party in parties:
            party.tell_language(None)
        return parties

    @classmethod
    def write(cls, *args):
        written = [party for parties, values in zip(args[::2], args[1::2])
                   if "lang" in values or "langs" in values for party in parties]
        before = [(party.id, party.lang) for party in cls.browse(written)]
        super().write(*args)
        for id, lang in before:
            cls(id).tell_language(lang)

    @classmethod
    def delete(cls, parties):
        ids = [party.id for party in parties]
        super().delete(parties)
        for id in ids:
            shop.erase(id)

    def tell_language(self, before):
        """The language on record is a fact; one that is there no more has expired."""
        is_told = self.lang and _declare_language(self.id, self.lang)
        if before and not is_told:
            _declare_language(self.id, before, expires=LONG_AGO)


def _languages_on_record():
    """Operations by party. Read by SQL, for other modules may not have their columns yet. A party that was
    replaced is left out, whose language is its successor's affair; of several languages the oldest counts."""
    pool = Pool()
    party, language, lang = (pool.get(name).__table__() for name in ("party.party", "party.party.lang", "ir.lang"))
    cursor = Transaction().connection.cursor()
    cursor.execute(*party.join(language, condition=language.party == party.id)
                   .join(lang, condition=language.lang == lang.id)
                   .select(party.id, lang.code, where=party.replaced_by == Null, order_by=language.id.desc))
    return {id: ["declare", "language", code] for id, code in cursor.fetchall()}


def _declare_language(party_id, lang, **circumstances):
    """Whether it is said. A language that is none of the catalog's is no reason to refuse the party;
    whatever else is wrong would lose the fact, and is one."""
    try:
        shop.say(party_id, "declare", "language", lang.code, channel="crm", **circumstances)
    except personalize.DomainError as error:
        logger.info("party %d: %s", party_id, error)
        return False
    return True


class Replace(metaclass=PoolMeta):
    __name__ = "party.replace"

    def transition_replace(self):
        """The party that stays gets what the customer said as the other, not what was on its record."""
        source, destination = self.ask.source, self.ask.destination
        before = source.lang
        state = super().transition_replace()
        now = int(time.time() * 1000)
        if before:
            _declare_language(source.id, before, at=now, expires=LONG_AGO)
        # An expired fact hides the older ones of the whole person: the one that stays is said anew.
        if destination.lang:
            _declare_language(destination.id, destination.lang, at=now + 1)
        shop.join(destination.id, source.id)
        return state
