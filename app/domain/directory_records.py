"""What a source may say of an account or a member, and what is said to it when it may not.

A sentence about a bad value names its column and never repeats the value: it ends up in logs.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from app.domain.errors import Invalid
from app.storage.accounts import AccountStatus
from app.storage.base import can_be_stored
from app.storage.directory import AccountRecord, MemberRecord
from app.storage.members import MemberStatus

Fields = Mapping[str, Any]

LONGEST_ID = 200
LONGEST_TEXT = 500
ACCOUNT_STATUSES = [status.value for status in AccountStatus]
MEMBER_STATUSES = [status.value for status in MemberStatus]


def account_record(fields: Fields) -> AccountRecord:
    """Return the account that the fields tell; raise Invalid for the first that is wrong."""
    return AccountRecord(
        id=id_of(fields),
        name=_text(fields, "name"),
        domain=_text(fields, "domain"),
        plan=_text(fields, "plan"),
        status=_choice(fields, "status", ACCOUNT_STATUSES),
        impersonation_allowed=_flag(fields, "impersonation_allowed"),
        created_at=point(fields, "created_at"),
    )


def member_record(fields: Fields) -> MemberRecord:
    """Return the member that the fields tell; raise Invalid for the first that is wrong."""
    return MemberRecord(
        id=id_of(fields),
        account_id=id_of(fields, "account_id"),
        name=_text(fields, "name"),
        email=_email(fields),
        role=_text(fields, "role"),
        status=_choice(fields, "status", MEMBER_STATUSES),
        protected=_flag(fields, "protected"),
        created_at=point(fields, "created_at"),
    )


def id_of(fields: Fields, name: str = "id") -> str:
    """Return the id in the fields; raise Invalid for one that could stand in no address."""
    text = _text(fields, name)
    # A browser takes dots out of a path, and the site itself cuts it at a slash. The trail hashes
    # ids as ASCII (docs/audit-trail.md): a session about another id could not be recorded.
    if (
        len(text) > LONGEST_ID
        or not (text.isascii() and text.isprintable())
        or set(text) & {" ", "/"}
        or text in {".", ".."}
    ):
        raise Invalid(
            f"{name} must have {LONGEST_ID} ASCII characters at most, without blanks and slashes."
        )
    return text


def point(fields: Fields, name: str) -> datetime:
    """Return a point in time, a datetime or ISO 8601 text, in UTC; without a zone it means UTC."""
    value = fields.get(name)
    try:
        if not isinstance(value, str | date):
            raise ValueError("neither a time nor text")
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    # The first and the last day of the calendar lie outside it in some zones.
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{name} is no point in time such as 2026-03-02T09:00:00Z.") from error


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if value is None or value == "":
        raise Invalid(f"{name} is missing.")
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"{name} is no text.")
    if len(value) > LONGEST_TEXT:
        raise Invalid(f"{name} is longer than {LONGEST_TEXT} characters.")
    # Bytes that are no UTF-8 come as half characters.
    if "\0" in value or not (value.isascii() or can_be_stored(value)):
        raise Invalid(f"{name} holds what is no text: a zero byte, or bytes that are not UTF-8.")
    return value


def _email(fields: Fields) -> str:
    value = _text(fields, "email")
    if "@" not in value:
        raise Invalid("email is no e-mail address.")
    return value


def _choice(fields: Fields, name: str, choices: Iterable[str]) -> str:
    value = _text(fields, name)
    if value not in choices:
        raise Invalid(f"{name} is none of {', '.join(choices)}.")
    return value


def _flag(fields: Fields, name: str) -> bool:
    """A boolean, or 0 or 1 from a database that has none; a text such as "no" would be true."""
    value = fields.get(name)
    if value not in (0, 1):
        raise Invalid(f"{name} is neither true nor false.")
    return bool(value)
