"""Accounts and members by the million: the same ones each time, whatever the machine."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from random import Random

from app.demo import names
from app.storage.accounts import AccountStatus
from app.storage.directory import AccountRecord, MemberRecord
from app.storage.members import MemberStatus

SEED = 20_261_120
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 1000
# One in fifty members is in the one account that outgrew all others, where there is room for it.
LARGEST_SHARE = 50
# The other accounts have up to so many times the members of the smallest.
SPREAD = 9

PLANS, PLAN_WEIGHTS = ("free", "team", "business", "enterprise"), (45, 35, 15, 5)
ROLES, ROLE_WEIGHTS = ("admin", "editor", "viewer"), (8, 52, 40)
STATUSES = (MemberStatus.ACTIVE, MemberStatus.INVITED, MemberStatus.DEACTIVATED)
STATUS_WEIGHTS = (86, 7, 7)
SUSPENDED_SHARE, FORBIDDEN_SHARE, PROTECTED_SHARE = 0.02, 0.05, 0.01


def accounts(count: int) -> Iterator[AccountRecord]:
    """Yield so many accounts."""
    for number in range(count):
        chance = _chance("account", number)
        name, domain = names.company(number)
        suspended = chance.random() < SUSPENDED_SHARE
        yield AccountRecord(
            id=_id(chance),
            name=name,
            domain=domain,
            plan=chance.choices(PLANS, PLAN_WEIGHTS)[0],
            status=AccountStatus.SUSPENDED if suspended else AccountStatus.ACTIVE,
            impersonation_allowed=chance.random() >= FORBIDDEN_SHARE,
            created_at=_moment(chance),
        )


def members(account_count: int, count: int) -> Iterator[MemberRecord]:
    """Yield so many members of so many accounts."""
    for account, size in zip(accounts(account_count), sizes(account_count, count), strict=True):
        yield from _members_of(account, size)


def sizes(account_count: int, count: int) -> list[int]:
    """Return how many of so many members each of the accounts has."""
    if not account_count:
        return []
    chance = _chance("sizes", account_count)
    weights = [chance.randint(1, SPREAD) for _ in range(account_count - 1)]
    others, whole = count - count // LARGEST_SHARE, max(sum(weights), 1)
    # What each would have up to and with it, rounded: so the whole comes out right.
    shares = [others * weight // whole for weight in accumulate(weights, initial=0)]
    smaller = [last - first for first, last in pairwise(shares)]
    return [count - sum(smaller), *smaller]


def _members_of(account: AccountRecord, size: int) -> Iterator[MemberRecord]:
    chance = _chance("members", account.id)
    for number in range(size):
        name, local = names.person(chance)
        # Somebody active owns the account.
        owns = number == 0
        yield MemberRecord(
            id=_id(chance),
            account_id=account.id,
            name=name,
            # The number keeps two of one name apart.
            email=f"{local}.{number + 1}@{account.domain}",
            role="owner" if owns else chance.choices(ROLES, ROLE_WEIGHTS)[0],
            status=STATUSES[0] if owns else chance.choices(STATUSES, STATUS_WEIGHTS)[0],
            protected=chance.random() < PROTECTED_SHARE,
            created_at=_moment(chance),
        )


def _chance(what: str, which: object) -> Random:
    # Each account has a chance of its own, so that no part depends on how many others there are.
    return Random(f"{SEED} {what} {which}")  # noqa: S311 - the same data each time is the point


def _id(chance: Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _moment(chance: Random) -> datetime:
    return BEGAN + timedelta(seconds=chance.randrange(DAYS * 86_400))
