"""What an address says about which events are wanted, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from textwrap import shorten
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Outcome
from app.storage.accounts import Account, search_accounts
from app.storage.admins import Admin
from app.storage.audit_search import EventFilters, has_events
from app.storage.impersonations import Impersonation
from app.storage.listed_members import search_members
from app.storage.members import Member, members_with_email

LONGEST = 200
LONGEST_QUOTE = 60
MOST_CHOICES = 8
TYPED = frozenset({"text", "subject", "account"})
# Who, whom and where have no field once they are known: a name says more than an id.
CHIPS = {"actor": "Admin", "subject": "Member", "account": "Account", "impersonation": "Session"}


@dataclass(frozen=True)
class Choice:
    """One of several that may be meant: its id, its name, and what tells it from the others."""

    id: str
    name: str
    more: str


@dataclass
class AuditFilters:
    """The filters of one address.

    `given` holds them by name as they were written; who was found stands there by id. `wrong` has
    a sentence for each of them that cannot be used, `choices` what it may mean, and `chips` what
    to call those that have no field.
    """

    given: dict[str, str]
    wanted: EventFilters = field(default_factory=EventFilters)
    wrong: dict[str, str] = field(default_factory=dict)
    choices: dict[str, Sequence[Choice]] = field(default_factory=dict)
    chips: dict[str, str] = field(default_factory=dict)

    @property
    def filled(self) -> dict[str, str]:
        """Those that hold something, by name and in one order."""
        return {name: self.given[name] for name in READERS if self.given[name]}

    @property
    def labelled_chips(self) -> list[tuple[str, str, str]]:
        """The chips, each with the name of its filter and with the word for it."""
        return [(name, CHIPS[name], text) for name, text in self.chips.items()]

    @property
    def query(self) -> str:
        """The filters as an address has them, in one order; empty for none."""
        return self.query_with()

    def query_with(self, **changed: str) -> str:
        """Return the query with some of the filters changed; an empty one is left out."""
        given = {**self.given, **changed}
        return urlencode([(name, given[name]) for name in READERS if given[name]])


class _Wrong(Exception):
    """A filter cannot be used; the message is for its reader."""

    def __init__(self, sentence: str, choices: Sequence[Choice] = ()) -> None:
        super().__init__(sentence)
        self.choices = choices


@dataclass(frozen=True)
class _Read:
    """What a filter wants, and what to call it where no field shows it."""

    value: Any
    chip: str = ""


def filters_of(db: Session, address: Mapping[str, str]) -> AuditFilters:
    """Return the filters that an address names."""
    given = given_in(address)
    filters = AuditFilters(given)
    wanted: dict[str, Any] = {}
    for name, (column, read) in READERS.items():
        if not given[name]:
            continue
        try:
            found = read(db, _short(given[name]))
        except _Wrong as wrong:
            filters.wrong[name] = str(wrong)
            filters.choices[name] = wrong.choices
            # The other fields offer what can be had, and could not show what cannot.
            given[name] = given[name] if name in TYPED else ""
        else:
            wanted[column] = found.value
            if found.chip:
                # From here on the links name the one who was found.
                filters.chips[name], given[name] = found.chip, found.value
    filters.wanted = EventFilters(**wanted)
    if "since" in wanted and wanted.get("until") and wanted["since"] >= wanted["until"]:
        filters.wrong["until"] = "The last day is before the first."
    return filters


def given_in(address: Mapping[str, str]) -> dict[str, str]:
    """Return what an address gives for each filter, as it is used; empty for what it does not."""
    return {name: address.get(name, "").replace("\0", "").strip() for name in READERS}


def _actor(db: Session, text: str) -> _Read:
    if db.get(Admin, text):
        return _Read(text)
    if has_events(db, "actor_id", text):
        return _Read(text, chip=text)
    raise _Wrong(f"There is no admin with the id {_quoted(text)}.")


def _subject(db: Session, text: str) -> _Read:
    member = db.get(Member, text)
    if member is None and has_events(db, "subject_id", text):
        return _Read(text, chip=text)
    same_address = members_with_email(db, text)
    found = [member] if member else same_address or search_members(db, text=text, cursor=None).rows
    if len(found) == 1:
        return _Read(found[0].id, chip=f"{found[0].name} of {found[0].account.name}")
    choices = [Choice(one.id, one.name, f"{one.email}, {one.account.name}") for one in found]
    raise _none_or_several("member", text, choices)


def _account(db: Session, text: str) -> _Read:
    account = db.get(Account, text)
    if account is None and has_events(db, "account_id", text):
        return _Read(text, chip=text)
    found = [account] if account else search_accounts(db, text=text, cursor=None).rows
    if len(found) == 1:
        return _Read(found[0].id, chip=found[0].name)
    choices = [Choice(one.id, one.name, one.domain) for one in found]
    raise _none_or_several("account", text, choices)


def _none_or_several(noun: str, text: str, choices: Sequence[Choice]) -> _Wrong:
    if not choices:
        return _Wrong(f"No {noun} has the id or name {_quoted(text)}, or one like it.")
    more = " The first of them are these." if len(choices) > MOST_CHOICES else ""
    return _Wrong(f"Several {noun}s fit {_quoted(text)}. Choose one.{more}", choices[:MOST_CHOICES])


def _impersonation(db: Session, text: str) -> _Read:
    session = db.get(Impersonation, text)
    if session:
        return _Read(text, chip=f"{session.impersonator.name} as {session.target.name}")
    if has_events(db, "impersonation_id", text):
        return _Read(text, chip=text)
    raise _Wrong(f"There is no session with the id {_quoted(text)}.")


def _action(_db: Session, text: str) -> _Read:
    if text not in set(AuditAction):
        raise _Wrong(f"Nothing that is recorded is called {_quoted(text)}.")
    return _Read(text)


def _outcome(_db: Session, text: str) -> _Read:
    if text not in set(Outcome):
        raise _Wrong(f"An outcome is {', '.join(Outcome)}, but never {_quoted(text)}.")
    return _Read(text)


def _since(_db: Session, text: str) -> _Read:
    return _Read(datetime.combine(_day(text), time.min, UTC))


def _until(_db: Session, text: str) -> _Read:
    day = _day(text)
    # "To the 5th" includes the 5th. After the last day there is, nothing is left out.
    end = None if day == date.max else datetime.combine(day + timedelta(days=1), time.min, UTC)
    return _Read(end)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # Other ways to write it would not show in the field.
    if day is None or day.isoformat() != text:
        raise _Wrong(f"{_quoted(text)} is no day. Write it like 2026-03-31.")
    return day


def _quoted(text: str) -> str:
    return f"“{shorten(text, LONGEST_QUOTE, placeholder='…')}”"


def _text(_db: Session, text: str) -> _Read:
    return _Read(text)


def _short(text: str) -> str:
    # What was asked for is recorded in full, and nobody's name is longer.
    if len(text) > LONGEST:
        raise _Wrong(f"Keep it under {LONGEST} characters.")
    return text


# By name, in the order that a query has them: the filter that each becomes, and what reads it.
READERS = {
    "text": ("text", _text),
    "actor": ("actor_id", _actor),
    "subject": ("subject_id", _subject),
    "account": ("account_id", _account),
    "impersonation": ("impersonation_id", _impersonation),
    "action": ("action", _action),
    "outcome": ("outcome", _outcome),
    "since": ("since", _since),
    "until": ("until", _until),
}
