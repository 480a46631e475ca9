"""Lists by key: every row once, whichever way one walks."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.storage import paging
from app.storage.accounts import Account, list_accounts, search_accounts
from app.storage.audit_search import search_events
from app.storage.listed_members import list_members
from app.storage.members import Member
from app.storage.paging import BadCursor, Cursor, Page, page
from tests import factories
from tests.budget import tries
from tests.conftest import NOW
from tests.twins import fails_without, line, together


@dataclass(frozen=True)
class Walk:
    """The ids on each page, from the first to the last."""

    pages: list[list[str]]

    @property
    def ids(self) -> list[str]:
        return [id_ for page in self.pages for id_ in page]


GetPage = Callable[[Cursor | None], Page[Any]]


def walk(get: GetPage, *, most: int = 60) -> tuple[Walk, Walk]:
    """Walk to the end and all the way back, by cursors as they travel in an address."""
    there, back = [], []
    current = get(None)
    there.append([row.id for row in current.rows])
    while current.next and len(there) < most:
        current = get(Cursor.parse(str(current.next)))
        there.append([row.id for row in current.rows])
    back.append(there[-1])
    while current.previous and len(back) < most:
        current = get(Cursor.parse(str(current.previous)))
        back.insert(0, [row.id for row in current.rows])
    return Walk(there), Walk(back)


NAMES = st.lists(st.sampled_from(["Ann", "ann", "Ånn", "Ben", "", "Zoë", "李", "x' OR 1"]))


@settings(
    max_examples=tries(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(names=NAMES, size=st.integers(1, 4), descending=st.booleans())
def test_walking_there_and_back_meets_each_row_once(
    db: Session, names: list[str], size: int, *, descending: bool
) -> None:
    """Also when many rows have the same key, in both directions, for all sizes of a page."""
    account = factories.account(now=NOW)
    rows = [factories.member(name=name, account=account, now=NOW) for name in names]
    db.add_all(rows)
    db.flush()
    there, back = walk(
        lambda cursor: page(
            db,
            select(Member).where(Member.account_id == account.id),
            order=(Member.sort_key, Member.id),
            cursor=cursor,
            descending=descending,
            size=size,
        )
    )
    expected = sorted(rows, key=lambda row: (row.sort_key.encode(), row.id), reverse=descending)
    assert there.ids == back.ids == [row.id for row in expected]
    assert all(len(ids) == size for ids in there.pages[:-1])
    db.expunge_all()


def test_times_are_keys_too(db: Session) -> None:
    accounts = list(db.scalars(select(Account).order_by(Account.id)))
    for number, account in enumerate(accounts):
        account.created_at = NOW + timedelta(microseconds=number // 2)
    there, back = walk(
        lambda cursor: page(
            db, select(Account), order=(Account.created_at, Account.id), cursor=cursor, size=1
        )
    )
    assert there.ids == back.ids == ["drydock", "elsewhere", "harbour", "lighthouse"]


def test_a_list_that_fits_has_no_neighbours(db: Session) -> None:
    found = list_accounts(db, cursor=None)
    assert [row.id for row in found.rows] == ["drydock", "elsewhere", "harbour", "lighthouse"]
    assert (found.next, found.previous) == (None, None)


def test_an_empty_list_has_no_neighbours(db: Session) -> None:
    found = search_accounts(db, text="nothing is called so", cursor=None)
    assert (list(found.rows), found.next, found.previous) == ([], None, None)


def test_a_row_added_while_one_walks_pushes_nothing_twice_into_view(db: Session) -> None:
    def get(cursor: Cursor | None) -> Page[Account]:
        return page(
            db, select(Account), order=(Account.sort_key, Account.id), cursor=cursor, size=2
        )

    first = get(None)
    db.add(factories.account(id="aaa", name="Aaa", now=NOW))
    db.flush()
    assert [row.id for row in get(first.next).rows] == ["harbour", "lighthouse"]


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.requirement("X3", "X6")
@pytest.mark.parametrize(
    "text",
    [
        "!",
        "%00",
        "a",
        "bm90IGpzb24",
        encoded({}),
        encoded([]),
        encoded("ab"),
        encoded(5),
        encoded(None),
        encoded([1, "a", "b"]),
        encoded([None, "a", "b"]),
        encoded([False, "a", None]),
        encoded([False, "a", ["b"]]),
        encoded([False, "a", {"b": 1}]),
        encoded([False, "a", 1.5]),
        encoded([False, "a", True]),
        encoded([False, "a", 2**63]),
        encoded([False, "a", "\ud800"]),
        encoded([False, "a", "\0"]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b"[false,Infinity]").decode(),
        base64.urlsafe_b64encode(b"[false," + b"9" * 5000 + b"]").decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        "é",
        "x" * 100_000,
    ],
)
def test_an_address_with_nonsense_in_it_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.parse(text)


@pytest.mark.requirement("X3")
@fails_without(
    together(
        line(paging.from_cursor, "if len(cursor.keys) != len(order)", "if False"),
        line(paging._raw, "if isinstance(key, int) is not numeric", "if False"),
    ),
    raises=(ValueError,),
)
@pytest.mark.parametrize(
    "keys", [(), ("a",), ("a", "b", "c"), (1, "b"), ("a", 1), ("a", "b", "c", "d")]
)
def test_keys_of_another_list_are_refused(db: Session, keys: tuple[Any, ...]) -> None:
    with pytest.raises(BadCursor):
        list_members(db, cursor=Cursor(keys))


@pytest.mark.parametrize("key", ["a", 2**63 - 1, -(2**63) + 1])
def test_a_time_that_no_calendar_has_is_refused(db: Session, key: object) -> None:
    order = (Account.created_at, Account.id)
    cursor = Cursor((key, "a"))
    with pytest.raises(BadCursor):
        page(db, select(Account), order=order, cursor=cursor)


def test_a_cursor_beyond_every_event_finds_nothing(db: Session) -> None:
    assert search_events(db, cursor=Cursor((-(2**63) + 1,))).rows == []


@given(keys=st.lists(st.integers(-(2**63) + 1, 2**63 - 1) | st.text("aé李\"'\\ \n"), max_size=3))
def test_a_cursor_survives_its_journey(keys: list[Any]) -> None:
    cursor = Cursor(tuple(keys), before=True)
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.requirement("X3")
@given(text=st.text())
def test_whatever_is_typed_is_a_cursor_or_refused(text: str) -> None:
    with suppress(BadCursor):
        assert text == "" or isinstance(Cursor.parse(text), Cursor)


def test_no_cursor_is_the_first_page() -> None:
    assert Cursor.parse("") is None
    assert Cursor.parse(None) is None
