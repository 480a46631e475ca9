"""What a push may say, and which row it is about: ids, and names that nobody else may have."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session

from app.domain.directory_records import LONGEST_TEXT, account_record, id_of, member_record
from app.domain.errors import Conflict, Invalid
from app.storage import pushed
from app.storage.accounts import Account, AccountStatus
from app.storage.base import new_id
from app.storage.directory import AccountRecord, MemberRecord
from app.storage.folding import fold
from app.storage.members import Member, MemberStatus
from app.storage.pushed import Row

# SCIM keeps this word for itself (RFC 7643, 3.1).
RESERVED = "bulkId"
EXTERNAL_ID_TAKEN = "There is one with this externalId already."
USER_NAME_TAKEN = "There is a member with this userName in the account already."


@dataclass(frozen=True)
class Push:
    """What a pusher tells of an account or a member.

    `fields` are those of its record, but for the id, the status and when it was created.
    `external_id` is what the pusher calls it, None for nothing; `user_name` is a member's alone.
    """

    fields: Mapping[str, Any]
    active: bool
    external_id: str | None
    user_name: str = ""

    @property
    def account_id(self) -> str:
        """The account of a member."""
        return str(self.fields["account_id"])


def record_of(
    push: Push, kind: type[Row], *, id_: str, before: Row | None, now: datetime
) -> AccountRecord | MemberRecord:
    """Return what the directory is to hold; raise Invalid for the first field that is wrong."""
    fields = {**push.fields, "id": id_, "created_at": before.created_at if before else now}
    if kind is Account:
        standing = AccountStatus.ACTIVE if push.active else AccountStatus.SUSPENDED
        return account_record({**fields, "status": standing.value})
    # Whoever is invited counts as active for a pusher, and stays invited.
    is_invited = before is not None and before.status == MemberStatus.INVITED
    active = MemberStatus.INVITED if is_invited else MemberStatus.ACTIVE
    status = active if push.active else MemberStatus.DEACTIVATED
    return member_record({**fields, "status": status.value})


def columns_of(push: Push, record: AccountRecord | MemberRecord) -> dict[str, str | None]:
    """Return what is kept beside the record; raise Invalid for a name that is too long."""
    external_id = None if push.external_id == record.id else push.external_id or ""
    if len(external_id or "") > LONGEST_TEXT or len(push.user_name) > LONGEST_TEXT:
        raise Invalid(f"externalId and userName have {LONGEST_TEXT} characters at most.")
    columns = {"external_id": external_id}
    if isinstance(record, MemberRecord):
        if not push.user_name.strip():
            raise Invalid("userName is missing.")
        name = None if push.user_name == record.email else push.user_name
        columns |= {"user_name": name, "user_name_key": None if name is None else fold(name)}
    return columns


def removed_before(db: Session, kind: type[Row], push: Push) -> Row | None:
    """Return the row that comes back with this push, None for a new one; raise Conflict.

    Who has an externalId is known by that alone; who has none by the userName in the account.
    """
    found = pushed.with_external_id(db, kind, push.external_id) if push.external_id else []
    if found and found[0].removed_at is None:
        raise Conflict(EXTERNAL_ID_TAKEN)
    if kind is Member:
        same_name = pushed.with_user_name(db, push.account_id, push.user_name)
        if same_name and same_name[0].removed_at is None:
            raise Conflict(USER_NAME_TAKEN)
        if not push.external_id:
            found = cast("list[Row]", same_name)
    return found[0] if found else None


def id_for(db: Session, kind: type[Row], external_id: str | None) -> str:
    """Return the id of a new row: what the pusher calls it, if that is free; else a random one.

    Raises Invalid for an externalId that could stand in no address.
    """
    if not external_id:
        return new_id()
    id_ = id_of({"externalId": external_id}, "externalId")
    if not id_.isascii():
        # The chain of the trail is over ids as ASCII.
        raise Invalid("externalId must be ASCII, as it becomes the id of what is added.")
    return new_id() if RESERVED in id_ or pushed.is_taken(db, kind, id_) else id_


def check_free(db: Session, row: Row, push: Push) -> None:
    """Raise Conflict for a name that the push gives to the row and another row has.

    Files and databases may have told of two with one name: that must keep nobody from
    deactivating either.
    """
    if push.external_id and push.external_id != pushed.external_id_of(row):
        called = pushed.with_external_id(db, type(row), push.external_id)
        if any(one.removed_at is None for one in called if one.id != row.id):
            raise Conflict(EXTERNAL_ID_TAKEN)
    if isinstance(row, Member) and _is_renamed(row, push):
        named = pushed.with_user_name(db, push.account_id, push.user_name)
        if any(one.removed_at is None for one in named if one.id != row.id):
            raise Conflict(USER_NAME_TAKEN)


def _is_renamed(member: Member, push: Push) -> bool:
    before = member.account_id, fold(pushed.user_name_of(member))
    return before != (push.account_id, fold(push.user_name))


def check_account(db: Session, account_id: str, before: Account | Member | None) -> None:
    """Raise Invalid for a member who comes to an account that is not there."""
    stays = isinstance(before, Member) and before.account_id == account_id
    if not stays and pushed.find(db, Account, account_id) is None:
        raise Invalid(f"There is no account with the id {account_id}.")
