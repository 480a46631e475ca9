"""The demo data: believable, awkward on purpose, the same each time."""

import sqlite3
import tomllib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.product import demo
from app.product.config import Config
from app.product.database import Database
from app.product.demo import DemoData, Row
from app.product.models.members import Member
from tests.product.browsing import Browser

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DIRECTORY = Path(demo.__file__).parent / "directory.toml"


@pytest.fixture(scope="module")
def data() -> DemoData:
    return demo.build(now=NOW)


@pytest.fixture
def loaded(database: Database) -> Database:
    with database.session(writing=True) as db, db.begin():
        demo.load(db, now=NOW)
    return database


def _member(data: DemoData, email: str) -> Row:
    (member,) = [each for each in data.members if each["email"] == email]
    return member


def test_there_are_some_60_accounts_and_1500_members(data: DemoData) -> None:
    assert len(data.accounts) == 60
    assert 1450 <= len(data.members) <= 1550


def test_one_account_has_400_members_and_all_have_an_active_owner(data: DemoData) -> None:
    sizes = Counter(member["account_id"] for member in data.members)
    assert max(sizes.values()) == 400
    owners = {
        member["account_id"]
        for member in data.members
        if (member["role"], member["status"]) == ("owner", "active")
    }
    assert owners == set(sizes)


def test_some_accounts_are_closed_to_support(data: DemoData) -> None:
    assert Counter(account["status"] for account in data.accounts)["suspended"] == 3
    assert [a["name"] for a in data.accounts if not a["support_access"]] == ["Quiet Ledger"]


def test_members_come_in_every_state(data: DemoData) -> None:
    states = Counter(member["status"] for member in data.members)
    assert states["invited"] > 50
    assert states["deactivated"] > 50
    assert sum(member["protected"] for member in data.members) >= 5


def test_the_well_known_pair_is_there(data: DemoData) -> None:
    mia = _member(data, "mia.chen@harbour.example")
    assert (mia["name"], mia["role"], mia["status"]) == ("Mia Chen", "editor", "active")
    colleagues = [m for m in data.members if m["account_id"] == mia["account_id"]]
    templates = [t["name"] for t in data.templates if t["account_id"] == mia["account_id"]]
    assert len(colleagues) == 12
    assert "Order confirmation" in templates


def test_two_members_are_admins_of_the_other_site(data: DemoData) -> None:
    assert _member(data, "omar@example.com")["status"] == "active"
    assert _member(data, "cy@example.com")["status"] == "active"


def test_one_person_is_in_two_accounts(data: DemoData) -> None:
    emails = Counter(member["email"] for member in data.members)
    assert [email for email, count in emails.items() if count > 1] == ["noor.vandijk@example.net"]


def test_names_are_awkward(data: DemoData) -> None:
    names = {member["name"] for member in data.members}
    assert "<script>alert(1)</script>" in names
    assert any("{{7*7}}" in name for name in names)
    assert any('"' in name and "'" in name and "&" in name for name in names)
    assert max(len(name) for name in names) == 200
    assert any("\u202e" in name for name in names)
    assert any("🎭" in name for name in names)
    assert any("<b>" in account["name"] for account in data.accounts)


@pytest.mark.parametrize(
    "letter", ["Å", "ł", "Ν", "Ш", "ل", "נ", "अ", "ส", "王", "さ", "김", "ễ", "ሰ", "ნ", "த"]
)
def test_names_come_in_many_scripts(data: DemoData, letter: str) -> None:
    assert any(letter in member["name"] for member in data.members)


def test_addresses_are_plain_and_can_reach_nobody(data: DemoData) -> None:
    for member in data.members:
        assert member["email"].isascii()
        assert member["email"] == member["email"].lower()
        domain = member["email"].rpartition("@")[2]
        assert domain.endswith((".example", ".example.com", ".example.org", ".example.net")) or (
            domain in ("example.com", "example.net")
        )


def test_active_accounts_have_three_to_eight_templates(data: DemoData) -> None:
    counts = Counter(template["account_id"] for template in data.templates)
    for account in data.accounts:
        expected = range(3, 9) if account["status"] == "active" else range(1)
        assert counts[account["id"]] in expected


def test_time_runs_forwards_over_two_years(data: DemoData) -> None:
    for member in data.members:
        assert NOW - timedelta(days=731) < member["created_at"] <= member["updated_at"] < NOW
        assert member["last_seen_at"] is None or member["status"] == "active"
    assert min(m["created_at"] for m in data.members) < NOW - timedelta(days=600)


def test_it_is_the_same_each_time(data: DemoData) -> None:
    def without_hash(rows: list[Row]) -> list[Row]:
        return [{k: v for k, v in row.items() if k != "password_hash"} for row in rows]

    again = demo.build(now=NOW)
    assert without_hash(again.members) == without_hash(data.members)
    assert again.templates == data.templates
    assert again.activity == data.activity


def test_ids_do_not_depend_on_the_day(data: DemoData) -> None:
    later = demo.build(now=NOW + timedelta(days=40))
    assert [m["id"] for m in later.members] == [m["id"] for m in data.members]


def test_a_demo_member_can_sign_in(app: Flask, loaded: Database) -> None:
    browser = Browser(app).sign_in("mia.chen@harbour.example", demo.PASSWORD)
    assert "Harbour Analytics" in browser.page.text


@pytest.mark.parametrize(
    "email",
    [
        "script@pixelorchard.example",
        "curly@pixelorchard.example",
        "shiv@obrien.example",
        "long@longnames.example.org",
        "override@cedarstone.example",
        "family@violethour.example",
    ],
)
def test_awkward_people_see_every_page(app: Flask, loaded: Database, email: str) -> None:
    with loaded.session(writing=False) as db:
        name = db.scalars(select(Member.name).where(Member.email == email)).one()
    browser = Browser(app).sign_in(email, demo.PASSWORD)
    for path in ("/", "/templates", "/activity", "/settings"):
        assert " ".join(name.split()) in browser.get(path).text


def test_the_command_loads_once(app: Flask, config: Config) -> None:
    run = app.test_cli_runner().invoke
    first = run(args=["letterbox", "load-demo"])
    second = run(args=["letterbox", "load-demo"])
    assert "demo data is in" in first.output
    assert "has its data already" in second.output
    assert (first.exit_code, second.exit_code) == (0, 0)


def test_the_directory_queries_fit_the_tables(
    config: Config, loaded: Database, data: DemoData
) -> None:
    source = tomllib.loads(DIRECTORY.read_text(encoding="utf-8"))["source"]
    connection = sqlite3.connect(config.database_url.removeprefix("sqlite:///"))
    connection.row_factory = sqlite3.Row
    accounts = connection.execute(source["accounts"]).fetchall()
    members = connection.execute(source["members"]).fetchall()
    connection.close()
    assert (len(accounts), len(members)) == (len(data.accounts), len(data.members))
    assert sum(row["impersonation_allowed"] for row in accounts) == 59
    created = datetime.fromisoformat(members[0]["created_at"])
    assert created.utcoffset() == timedelta(0)
    assert [row["account_id"] for row in members] == sorted(row["account_id"] for row in members)
