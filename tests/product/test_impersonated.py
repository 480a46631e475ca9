"""Support in a member's place: the kit has put the impersonation into the environ."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.product import activity, protection, routes
from app.product.database import Database
from app.product.models.activity import Activity
from app.product.models.members import Member
from app.product.models.templates import Template
from app.product.protection import MemberCookies
from app.product.routes import MEMBER_ONLY, ROUTES, Route
from tests.product.browsing import Browser
from tests.product.cast import LONG_AGO, Cast, impersonation_of
from tests.twins import fails_without, line, together

CHANGES = [route for route in ROUTES if route.method != "GET" and route.support]
NEW: dict[str, Any] = {"name": "Changed", "subject": "Changed", "body": "Changed"}


def test_support_sees_what_the_member_sees(support: Browser) -> None:
    page = support.get("/")
    assert "Hello Mia Chen" in page.text
    assert "Harbour Analytics" in page.text


@pytest.mark.failure("trigger-dev-4576")
def test_a_change_is_the_members_and_keeps_support_too(
    support: Browser, cast: Cast, database: Database
) -> None:
    page = support.post(f"/templates/{cast.order_id}/edit", **NEW)
    assert "Mia Chen changed the template Changed with Ada Lovelace of support" in page.text
    with database.session(writing=False) as db:
        (row,) = db.scalars(select(Activity))
        assert row.member_id == cast.mia_id
        assert (row.impersonator_id, row.impersonation_id) == ("ada-1", "session-1")
        assert db.get_one(Template, cast.order_id).updated_by_id == cast.mia_id


@pytest.mark.requirement("I8")
@fails_without(
    line(activity.record, "impersonation.id if impersonation else None", "None"),
    line(activity.record, "impersonation.actor.id if impersonation else None", "None"),
)
@pytest.mark.parametrize("route", CHANGES, ids=lambda one: one.path)
def test_every_change_keeps_both_people(
    support: Browser, cast: Cast, database: Database, route: Route
) -> None:
    path = route.path.replace("<template_id>", cast.order_id)
    support.post(path, **NEW, sender_name="Changed", recipient="mia@harbour.example")
    with database.session(writing=False) as db:
        rows = db.scalars(select(Activity)).all()
        kept = {(row.member_id, row.impersonator_id, row.impersonation_id) for row in rows}
    assert kept == {(cast.mia_id, "ada-1", "session-1")}


def test_the_members_own_change_names_nobody_else(
    mia: Browser, cast: Cast, database: Database
) -> None:
    mia.get(f"/templates/{cast.order_id}/edit")
    page = mia.post(f"/templates/{cast.order_id}/edit", **NEW)
    assert "of support" not in page.text
    with database.session(writing=False) as db:
        assert db.scalars(select(Activity.impersonator_id)).all() == [None]


@pytest.mark.failure("X10")
@fails_without(
    together(
        line(MemberCookies.save_session, "if impersonation() is None", "if True"),
        line(protection.csrf_field, "if impersonation() is not None", "if False"),
    )
)
def test_no_cookie_is_set_whatever_is_asked(support: Browser, cast: Cast) -> None:
    for path in ("/", "/templates/new", "/settings", f"/templates/{cast.order_id}"):
        support.get(path)
        assert "Set-Cookie" not in support.response.headers
    support.post("/settings", name="Mia C.", sender_name="Harbour")
    assert not support.has_cookie()


def test_the_members_cookie_counts_for_nothing(support: Browser, nikos: Browser) -> None:
    nikos.copy_cookie_to(support)
    assert "Mia Chen" in support.get("/").text
    assert "Set-Cookie" not in support.response.headers


def test_looking_around_is_not_the_member_being_there(
    support: Browser, cast: Cast, database: Database
) -> None:
    support.get("/")
    support.post(f"/templates/{cast.order_id}/edit", **NEW)
    with database.session(writing=False) as db:
        assert db.get_one(Member, cast.mia_id).last_seen_at == LONG_AGO


def test_a_form_needs_no_token_of_its_own(support: Browser) -> None:
    assert support.get("/templates/new").value_of("csrf_token") is None
    support.post("/templates/new", headers={}, **NEW)
    assert support.page.words_in("h1") == "Changed"


@pytest.mark.requirement("A5")
@fails_without(
    line(
        routes.register,
        "if people.impersonation() is not None and request.endpoint not in for_support",
        "if False",
    )
)
def test_signing_out_is_not_offered_and_not_possible(support: Browser) -> None:
    assert "Sign out" not in support.get("/").text
    assert "End session" in support.post("/sign-out", status=403).text


@pytest.mark.failure("X22")
@fails_without(
    line(
        routes.register,
        "if people.impersonation() is not None and request.endpoint not in for_support",
        "if False",
    )
)
def test_signing_in_as_somebody_else_is_not_possible(support: Browser, cast: Cast) -> None:
    support.post("/sign-in", status=403, email=cast.nikos, password="whatever")
    assert "Mia Chen" in support.page.text


@pytest.mark.requirement("A5")
@fails_without(
    line(
        routes.register,
        "if people.impersonation() is not None and request.endpoint not in for_support",
        "if False",
    )
)
@pytest.mark.parametrize(
    "route", [one for one in ROUTES if not one.support], ids=lambda one: one.path
)
def test_what_is_the_members_alone_is_refused(support: Browser, route: Route) -> None:
    assert "for the member alone" in support.post(route.path, status=403).text


@pytest.mark.requirement("A5")
def test_signing_in_and_out_is_the_members_alone() -> None:
    """Letterbox has no passwords, factors or keys to change; whatever comes says so."""
    own = {route.view for route in ROUTES if route.method == "POST" and "sign" in route.path}
    assert own == {route.view for route in ROUTES if not route.support}
    assert MEMBER_ONLY == ["POST /sign-in", "POST /sign-in/account", "POST /sign-out"]


def test_support_is_bound_by_the_members_role(app: Flask, cast: Cast) -> None:
    found = impersonation_of(cast, member_id=cast.vera_id, account_id=cast.harbour_id)
    assert "You are a viewer here" in Browser(app, found).get("/templates/new", status=403).text


def test_a_member_who_left_cannot_be_used(support: Browser, cast: Cast, database: Database) -> None:
    with database.session(writing=True) as db, db.begin():
        db.get_one(Member, cast.mia_id).status = "deactivated"
    page = support.get("/", status=401)
    assert page.words_in("h1") == "This member cannot be used"


def test_a_member_of_a_suspended_account_cannot_be_used(app: Flask, cast: Cast) -> None:
    found = impersonation_of(cast, member_id=cast.sue_id, account_id=cast.closed_id)
    Browser(app, found).get("/", status=401)


def test_a_member_unknown_or_of_another_account_cannot_be_used(app: Flask, cast: Cast) -> None:
    for member_id, account_id in (("nobody", cast.harbour_id), (cast.mia_id, cast.closed_id)):
        found = impersonation_of(cast, member_id=member_id, account_id=account_id)
        Browser(app, found).get("/", status=401)


def test_error_pages_are_pages_of_the_member_too(support: Browser) -> None:
    page = support.get("/no/such/page", status=404)
    assert "Mia Chen" in page.text
