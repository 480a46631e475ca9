"""Demo data: believable, awkward on purpose, and the same each time.

The files in `demo_data` hold what a person would want to read or change; this module spreads
it over two years. Each account has a chance of its own, so that editing one moves no other.
"""

import csv
import random
import tomllib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.product.database import Base
from app.product.merge_fields import fill_with_samples
from app.product.models.accounts import Account, AccountStatus
from app.product.models.activity import Action, Activity
from app.product.models.members import Member, MemberStatus, Role
from app.product.models.templates import Template, TestSend
from app.product.passwords import hash_password

# For demo people only, and printed on purpose.
PASSWORD = "understudy-demo"  # noqa: S105
SEED = 20_261_120
NAMESPACE = uuid.UUID("6f0f3a0e-5b3c-4d43-9a54-0c1f5c3d2b11")
DATA = Path(__file__).parent / "demo_data"

# Out of a hundred members who are nobody special.
ROLES = {Role.ADMIN: 8, Role.EDITOR: 52, Role.VIEWER: 40}
STATUSES = {MemberStatus.ACTIVE: 86, MemberStatus.INVITED: 7, MemberStatus.DEACTIVATED: 7}
PROTECTED_SHARE = 0.01
SEEN_SHARE = 0.9
FIRST_AUTHOR_SHARE = 0.4

Row = dict[str, Any]


@dataclass(frozen=True)
class DemoData:
    """All rows, in the order in which foreign keys want them."""

    accounts: list[Row] = field(default_factory=list)
    members: list[Row] = field(default_factory=list)
    templates: list[Row] = field(default_factory=list)
    test_sends: list[Row] = field(default_factory=list)
    activity: list[Row] = field(default_factory=list)


def is_loaded(db: Session) -> bool:
    return bool(db.scalar(select(func.count(Account.id))))


def load(db: Session, *, now: datetime, on_account: Callable[[], object] = lambda: None) -> None:
    data = build(now=now, on_account=on_account)
    tables: tuple[tuple[type[Base], list[Row]], ...] = (
        (Account, data.accounts),
        (Member, data.members),
        (Template, data.templates),
        (TestSend, data.test_sends),
        (Activity, data.activity),
    )
    for table, rows in tables:
        db.execute(insert(table), rows)


def count_accounts() -> int:
    return len(_read_table("accounts.tsv"))


def build(*, now: datetime, on_account: Callable[[], object] = lambda: None) -> DemoData:
    data = DemoData()
    names = _read_toml("names.toml")
    templates = _read_toml("templates.toml")["templates"]
    special = _read_table("members.tsv")
    # One hash for all: fifteen hundred of them would take a minute.
    password_hash = hash_password(PASSWORD)
    for line in _read_table("accounts.tsv"):
        chance = random.Random(f"{SEED} {line['domain']}")  # noqa: S311
        builder = _AccountBuilder(line, chance, now, password_hash)
        builder.add_special_members(row for row in special if row["account"] == line["domain"])
        builder.add_members([names[region] for region in line["names"].split(",")])
        if line["status"] == AccountStatus.ACTIVE:
            builder.add_templates(templates)
        builder.put_into(data)
        on_account()
    return data


class _AccountBuilder:
    """The rows of one account."""

    def __init__(
        self, line: dict[str, str], chance: random.Random, now: datetime, password_hash: str
    ) -> None:
        self._chance = chance
        self._now = now
        self._password_hash = password_hash
        self._size = int(line["members"])
        self._domain = line["domain"]
        self._data = DemoData()
        self._account = _account_row(line, now)
        self._data.accounts.append(self._account)

    def put_into(self, data: DemoData) -> None:
        for name in vars(data):
            getattr(data, name).extend(getattr(self._data, name))

    def add_special_members(self, lines: Iterable[dict[str, str]]) -> None:
        for line in lines:
            self._add_member(
                line["name"],
                line["email"],
                role=line["role"],
                status=line["status"],
                protected=line["protected"] == "yes",
            )

    def add_members(self, regions: list[Row]) -> None:
        """Fill the account up to its size; somebody active owns it."""
        taken = {member["email"] for member in self._data.members}
        if all(member["role"] != Role.OWNER for member in self._data.members):
            name, email = self._pick_person(regions, taken)
            self._add_member(name, email, role=Role.OWNER, status=MemberStatus.ACTIVE)
        while len(self._data.members) < self._size:
            name, email = self._pick_person(regions, taken)
            status = self._weighted(STATUSES)
            protected = status == MemberStatus.ACTIVE and self._chance.random() < PROTECTED_SHARE
            role = self._weighted(ROLES)
            self._add_member(name, email, role=role, status=status, protected=protected)

    def add_templates(self, templates: list[Row]) -> None:
        certain = [each for each in templates if self._domain in each.get("always_in", ())]
        others = [each for each in templates if each not in certain and "only_there" not in each]
        count = max(self._chance.randint(3, 8) - len(certain), 0)
        for template in certain + self._chance.sample(others, count):
            self._add_template(template)

    def _add_member(
        self, name: str, email: str, *, role: str, status: str, protected: bool = False
    ) -> None:
        created = self._between(self._account["created_at"], self._now)
        is_here = status == MemberStatus.ACTIVE and self._chance.random() < SEEN_SHARE
        self._data.members.append(
            {
                "id": _id("member", self._domain, email),
                "account_id": self._account["id"],
                "name": name,
                "email": email,
                "role": role,
                "status": status,
                "protected": protected,
                "password_hash": self._password_hash,
                "created_at": created,
                "updated_at": self._between(created, self._now),
                "last_seen_at": self._between(created, self._now) if is_here else None,
            }
        )

    def _add_template(self, template: Row) -> None:
        author, editor = self._pick_author(), self._pick_author()
        written = self._between(self._account["created_at"], self._now)
        changed = self._between(written, self._now)
        row = {
            "id": _id("template", self._domain, template["name"]),
            "account_id": self._account["id"],
            "name": template["name"],
            "subject": template["subject"],
            "body": template["body"].strip("\n"),
            "updated_at": changed,
            "updated_by_id": editor["id"],
        }
        self._data.templates.append(row)
        self._add_activity(Action.TEMPLATE_CREATED, author, row, written)
        self._add_activity(Action.TEMPLATE_CHANGED, editor, row, changed)
        for _ in range(self._chance.randint(0, 2)):
            self._add_test_send(row, editor, self._between(changed, self._now))

    def _add_test_send(self, template: Row, member: Row, sent: datetime) -> None:
        self._data.test_sends.append(
            {
                "id": _id("test send", template["id"], sent.isoformat()),
                "template_id": template["id"],
                "recipient": member["email"],
                "subject": fill_with_samples(template["subject"], self._account["name"]),
                "body": fill_with_samples(template["body"], self._account["name"]),
                "sent_at": sent,
                "sent_by_id": member["id"],
            }
        )
        self._add_activity(Action.TEST_SENT, member, template, sent)

    def _add_activity(self, action: Action, member: Row, template: Row, happened: datetime) -> None:
        self._data.activity.append(
            {
                "id": _id("activity", action, template["id"], happened.isoformat()),
                "account_id": self._account["id"],
                "happened_at": happened,
                "action": action,
                "member_id": member["id"],
                "member_name": member["name"],
                "template_id": template["id"],
                "subject_name": template["name"],
                "impersonator_id": None,
                "impersonator_name": None,
                "impersonation_id": None,
            }
        )

    def _pick_person(self, regions: list[Row], taken: set[str]) -> tuple[str, str]:
        region = self._chance.choice(regions)
        given, family = self._chance.choice(region["given"]), self._chance.choice(region["family"])
        parts = (family[0], given[0]) if region.get("family_first") else (given[0], family[0])
        name = ("" if region.get("joined") else " ").join(parts)
        local = f"{given[1]}.{family[1]}"
        # Two people of one name are told apart by a number, as everywhere.
        numbers = ["", *(str(number) for number in range(2, self._size + 2))]
        email = next(e for n in numbers if (e := f"{local}{n}@{self._domain}") not in taken)
        taken.add(email)
        return name, email

    def _pick_author(self) -> Row:
        authors = [
            member
            for member in self._data.members
            if member["status"] == MemberStatus.ACTIVE and member["role"] != Role.VIEWER
        ]
        # The first one writes most: where there is somebody well known, it is she.
        if self._chance.random() < FIRST_AUTHOR_SHARE:
            return authors[0]
        return self._chance.choice(authors)

    def _weighted(self, weights: dict[Any, int]) -> str:
        return str(self._chance.choices([*weights], [*weights.values()])[0])

    def _between(self, start: datetime, end: datetime) -> datetime:
        """Some second in between; the first one where there is none."""
        seconds = int((end - start).total_seconds())
        return start + timedelta(seconds=self._chance.randint(0, max(seconds - 1, 0)))


def _account_row(line: dict[str, str], now: datetime) -> Row:
    return {
        "id": _id("account", line["domain"]),
        "name": line["name"],
        "domain": line["domain"],
        "status": line["status"],
        "support_access": line["support_access"] == "yes",
        "plan": line["plan"],
        "sender_name": line["name"][:120],
        "created_at": (now - timedelta(days=int(line["days_old"]))).replace(microsecond=0),
    }


def _id(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "\n".join(parts)))


def _read_table(filename: str) -> list[dict[str, str]]:
    with (DATA / filename).open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def _read_toml(filename: str) -> Row:
    return tomllib.loads((DATA / filename).read_text(encoding="utf-8"))
