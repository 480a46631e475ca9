"""Merge fields: the {{ first_name }} in a template, marked, listed, and filled with samples."""

import re
from dataclasses import dataclass

FIELD = re.compile(r"\{\{\s*([a-z][a-z0-9_]{0,39})\s*\}\}")

SAMPLES = {
    "amount": "€ 249.00",
    "card_ending": "4242",
    "company": "Northwind Paper",
    "date": "3 March",
    "days_left": "5",
    "delivery_date": "Friday, 6 March",
    "due_date": "17 March",
    "event_date": "Thursday, 12 March, 16:00",
    "event_name": "Getting more out of your data",
    "first_name": "Noor",
    "full_name": "Noor Haddad",
    "invoice_number": "2026-0147",
    "last_name": "Haddad",
    "order_number": "A-10482",
    "order_total": "€ 86.40",
    "plan": "Team",
    "product_name": "Standing desk, oak",
    "ticket_number": "58213",
    "tracking_number": "3S-7KQ-20914",
    "trial_end": "31 March",
}


@dataclass(frozen=True)
class Piece:
    """A stretch of a template: plain text, or one merge field."""

    text: str
    field: str | None = None


def pieces(text: str) -> list[Piece]:
    found: list[Piece] = []
    end = 0
    for match in FIELD.finditer(text):
        if match.start() > end:
            found.append(Piece(text[end : match.start()]))
        found.append(Piece(match.group(), match[1]))
        end = match.end()
    if end < len(text):
        found.append(Piece(text[end:]))
    return found


def fields_in(*texts: str) -> list[str]:
    """Each field once, in the order in which they appear."""
    return list(dict.fromkeys(match[1] for text in texts for match in FIELD.finditer(text)))


def sample_of(field: str, account_name: str) -> str:
    """What could stand there; the account's own name is known already."""
    if field == "account_name":
        return account_name
    return SAMPLES.get(field, field.replace("_", " "))


def fill_with_samples(text: str, account_name: str) -> str:
    return FIELD.sub(lambda match: sample_of(match[1], account_name), text)
