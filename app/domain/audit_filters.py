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
from app.storage.listed_members import ListedMember, search_members
from app.storage.members import Member, account_members_with_email, members_with_email

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


@dataclass(frozen=True)
class _Sight:
    """What whoever asks may see: all there is, or what belongs to one account."""

    db: Session
    account_id: str | None

    def covers(self, account_id: str) -> bool:
        return self.account_id in (None, account_id)

    def has_events(self, column: str, value: str) -> bool:
        return has_events(self.db, column, value, account_id=self.account_id)

    def members_like(self, text: str) -> Sequence[Member | ListedMember]:
        """Return those with that address, else those whom a search finds."""
        within = self.account_id
        same_address = (
            account_members_with_email(self.db, within, text)
            if within
            else members_with_email(self.db, text)
        )
        return (
            same_address or search_members(self.db, text=text, cursor=None, account_id=within).rows
        )

    def accounts_like(self, text: str) -> Sequence[Account]:
        return search_accounts(self.db, text=text, cursor=None, account_id=self.account_id).rows


def filters_of(
    db: Session, address: Mapping[str, str], *, account_id: str | None = None
) -> AuditFilters:
    """Return the filters that an address names.

    Whoever may see one account alone, `account_id`, is shown the events of that one, and learns
    from what is wrong of nobody else.
    """
    sight = _Sight(db, account_id)
    given = given_in(address)
    filters = AuditFilters(given)
    wanted: dict[str, Any] = {"account_id": account_id} if account_id else {}
    for name, (column, read) in READERS.items():
        if not given[name]:
            continue
        try:
            found = read(sight, _short(given[name]))
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


def _actor(sight: _Sight, text: str) -> _Read:
    if sight.db.get(Admin, text):
        return _Read(text)
    if sight.has_events("actor_id", text):
        return _Read(text, chip=text)
    raise _Wrong(f"There is no admin with the id {_quoted(text)}.")


def _subject(sight: _Sight, text: str) -> _Read:
    member = sight.db.get(Member, text)
    if member is not None and not sight.covers(member.account_id):
        member = None
    if member is None and sight.has_events("subject_id", text):
        return _Read(text, chip=text)
    found = [member] if member else sight.members_like(text)
    if len(found) == 1:
        return _Read(found[0].id, chip=f"{found[0].name} of {found[0].account.name}")
    choices = [Choice(one.id, one.name, f"{one.email}, {one.account.name}") for one in found]
    raise _none_or_several("member", text, choices)


def _account(sight: _Sight, text: str) -> _Read:
    account = sight.db.get(Account, text) if sight.covers(text) else None
    if account is None and sight.has_events("account_id", text):
        return _Read(text, chip=text)
    found = [account] if account else sight.accounts_like(text)
    if len(found) == 1:
        return _Read(found[0].id, chip=found[0].name)
    choices = [Choice(one.id, one.name, one.domain) for one in found]
    raise _none_or_several("account", text, choices)


def _none_or_several(noun: str, text: str, choices: Sequence[Choice]) -> _Wrong:
    if not choices:
        return _Wrong(f"No {noun} has the id or name {_quoted(text)}, or one like it.")
    more = " The first of them are these." if len(choices) > MOST_CHOICES else ""
    return _Wrong(f"Several {noun}s fit {_quoted(text)}. Choose one.{more}", choices[:MOST_CHOICES])


def _impersonation(sight: _Sight, text: str) -> _Read:
    session = sight.db.get(Impersonation, text)
    if session and sight.covers(session.account_id):
        return _Read(text, chip=f"{session.impersonator.name} as {session.target.name}")
    if sight.has_events("impersonation_id", text):
        return _Read(text, chip=text)
    raise _Wrong(f"There is no session with the id {_quoted(text)}.")


def _action(_sight: _Sight, text: str) -> _Read:
    if text not in set(AuditAction):
        raise _Wrong(f"Nothing that is recorded is called {_quoted(text)}.")
    return _Read(text)


def _outcome(_sight: _Sight, text: str) -> _Read:
    if text not in set(Outcome):
        raise _Wrong(f"An outcome is {', '.join(Outcome)}, but never {_quoted(text)}.")
    return _Read(text)


def _since(_sight: _Sight, text: str) -> _Read:
    return _Read(datetime.combine(_day(text), time.min, UTC))


def _until(_sight: _Sight, text: str) -> _Read:
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


def _text(_sight: _Sight, text: str) -> _Read:
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
