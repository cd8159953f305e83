"""The party, with what is decided for it.

What the CRM records is a fact: it is declared whenever a party is written. What the customer says of
himself, told to an agent who fills in the form, is a choice, which no import and no fact overrides;
leaving the field empty takes it back.
"""
import logging

import personalize
from trytond.exceptions import UserError
from trytond.model import fields
from trytond.pool import PoolMeta
from trytond.transaction import Transaction

from . import shop

logger = logging.getLogger(__name__)


class Party(metaclass=PoolMeta):
    __name__ = "party.party"

    letter = fields.Function(fields.Char("Letter"), "get_letter")
    letter_reason = fields.Function(fields.Text("Because"), "get_letter")
    chosen_language = fields.Function(fields.Selection([
        (None, ""), ("en", "English"), ("de", "German"), ("fr", "French")], "Customer's language",
        help="What the customer chose. Empty: what is on record counts."),
        "get_chosen_language", setter="set_chosen_language")

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
        cls._declare_known(parties)
        return parties

    @classmethod
    def write(cls, *args):
        super().write(*args)
        cls._declare_known([party for parties in args[::2] for party in parties])

    @classmethod
    def delete(cls, parties):
        ids = [party.id for party in parties]
        super().delete(parties)
        for id in ids:
            shop.erase(id)

    @classmethod
    def _declare_known(cls, parties):
        """Facts. One that the catalog does not allow is no reason to refuse the party."""
        for party in cls.browse(parties):
            if party.lang:
                try:
                    shop.say(party.id, "declare", "language", party.lang.code, channel="crm")
                except personalize.Error as error:
                    logger.info("party %d: %s", party.id, error)
