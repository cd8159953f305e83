"""Parties are customers: what they are decided to get, why, and what they chose."""
from trytond.pool import Pool

from . import party


def register():
    Pool.register(party.Party, module="personalize", type_="model")
    Pool.register(party.Replace, module="personalize", type_="wizard")
