from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.product.clock import current_time
from app.product.database import Database
from app.product.models.members import Member
from app.product.sign_in import CLOSED, WRONG
from tests.product.browsing import Browser
from tests.product.cast import LONG_AGO, PASSWORD, Cast


def test_a_member_signs_in_with_e_mail_and_password(stranger: Browser, cast: Cast) -> None:
    stranger.sign_in(cast.mia)
    assert stranger.page.words_in("h1") == "Dashboard"
    assert "Mia Chen" in stranger.page.text


def test_the_e_mail_address_is_taken_in_any_letter_case(stranger: Browser, cast: Cast) -> None:
    stranger.sign_in(f"  {cast.mia.upper()} ")
    assert "Mia Chen" in stranger.page.text


@pytest.mark.parametrize("email", ["mia@harbour.example", "nobody@harbour.example"])
def test_a_wrong_password_and_an_unknown_address_sound_alike(stranger: Browser, email: str) -> None:
    stranger.get("/sign-in")
    page = stranger.post("/sign-in", status=422, email=email, password="wrong")
    assert WRONG in page.text


@pytest.mark.parametrize("email", ["ivan@harbour.example", "sue@closed.example"])
def test_who_is_not_active_is_told_so_after_the_right_password(
    stranger: Browser, email: str
) -> None:
    stranger.get("/sign-in")
    page = stranger.post("/sign-in", status=422, email=email, password=PASSWORD)
    assert CLOSED in page.text


def test_an_empty_form_says_what_is_missing(stranger: Browser) -> None:
    stranger.get("/sign-in")
    page = stranger.post("/sign-in", status=422, email="", password="")
    assert "Write your e-mail address." in page.text
    assert "Write your password." in page.text


def test_a_stranger_gets_the_sign_in_page_in_place(stranger: Browser) -> None:
    page = stranger.get("/templates?q=order", status=401)
    assert page.words_in("h1") == "Sign in"
    assert page.value_of("next") == "/templates?q=order"


def test_signing_in_leads_to_the_page_one_wanted(stranger: Browser, cast: Cast) -> None:
    stranger.get("/activity", status=401)
    page = stranger.post("/sign-in", email=cast.mia, password=PASSWORD, next="/activity")
    assert page.words_in("h1") == "Activity"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "evil", "/\t/evil", "//["],
)
def test_signing_in_never_leads_to_another_site(stranger: Browser, cast: Cast, target: str) -> None:
    stranger.get("/sign-in")
    stranger.post("/sign-in", email=cast.mia, password=PASSWORD, next=target)
    assert stranger.response.request.path == "/"


def test_a_person_in_two_accounts_is_asked_which(stranger: Browser, cast: Cast) -> None:
    stranger.get("/sign-in")
    page = stranger.post("/sign-in", status=200, email=cast.noor, password=PASSWORD)
    assert page.words_in("h1") == "Choose an account"
    choices = page.value_of("choices") or ""
    page = stranger.post("/sign-in/account", choices=choices, member_id="noor-k")
    assert "Κυκλάδες Ferries" in page.text


def test_only_an_account_whose_password_was_right_can_be_chosen(
    stranger: Browser, cast: Cast
) -> None:
    stranger.get("/sign-in")
    page = stranger.post("/sign-in", status=200, email=cast.noor, password=PASSWORD)
    choices = page.value_of("choices") or ""
    page = stranger.post("/sign-in/account", choices=choices, member_id=cast.mia_id)
    assert page.words_in("h1") == "Sign in"
    stranger.get("/", status=401)


def test_the_choice_of_an_account_expires(stranger: Browser, cast: Cast) -> None:
    stranger.get("/sign-in")
    page = stranger.post("/sign-in", status=200, email=cast.noor, password=PASSWORD)
    choices = page.value_of("choices") or ""
    with time_machine.travel(current_time() + timedelta(minutes=6)):
        page = stranger.post("/sign-in/account", choices=choices, member_id="noor-k")
    assert "That took too long." in page.text


def test_signing_out_kills_copies_of_the_cookie_too(mia: Browser, app: Flask) -> None:
    thief = Browser(app)
    mia.copy_cookie_to(thief)
    thief.get("/")
    mia.post("/sign-out")
    assert "You are signed out." in mia.page.text
    thief.get("/", status=401)


def test_a_sign_in_lasts_a_week(mia: Browser) -> None:
    with time_machine.travel(current_time() + timedelta(days=6)):
        mia.get("/")
    with time_machine.travel(current_time() + timedelta(days=8)):
        mia.get("/", status=401)


def test_a_deactivated_member_is_out_at_once(mia: Browser, cast: Cast, database: Database) -> None:
    with database.session(writing=True) as db, db.begin():
        db.get_one(Member, cast.mia_id).status = "deactivated"
    mia.get("/", status=401)


def test_a_visit_is_remembered(mia: Browser, cast: Cast, database: Database) -> None:
    later = current_time() + timedelta(hours=1)
    with time_machine.travel(later, tick=False):
        mia.get("/templates")
    with database.session(writing=False) as db:
        seen = db.scalar(select(Member.last_seen_at).where(Member.id == cast.mia_id))
    assert seen == later
    assert seen != LONG_AGO


def test_a_signed_in_member_is_led_past_the_sign_in_page(mia: Browser) -> None:
    mia.get("/sign-in", status=302)
    assert mia.response.headers["Location"] == "/"
