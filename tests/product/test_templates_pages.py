from typing import Any

import pytest
from sqlalchemy import func, select

from app.product.database import Database
from app.product.models.templates import Template, TestSend
from tests.product.browsing import Browser
from tests.product.cast import Cast

GOOD: dict[str, Any] = {
    "name": "Invoice",
    "subject": "Invoice {{ invoice_number }}",
    "body": "Dear {{ x }},",
}


def test_the_list_shows_the_account_its_own_templates(mia: Browser) -> None:
    page = mia.get("/templates")
    assert "Order confirmation" in page.text
    assert "Κράτηση" not in page.text


@pytest.mark.parametrize("words", ["ORDER", "confirmation order", "order_number"])
def test_the_search_finds_words_in_any_order_and_letter_case(mia: Browser, words: str) -> None:
    page = mia.get(f"/templates?q={words}")
    assert "Order confirmation" in page.text
    assert "Welcome" not in page.words_in("table")


def test_the_search_folds_the_case_of_every_script(nikos: Browser) -> None:
    assert "Κράτηση" in nikos.get("/templates?q=κράτηση").words_in("table")
    assert "Κράτηση" in nikos.get("/templates?q=ΚΡΆΤΗΣΉ").words_in("table")


def test_a_search_without_results_says_so(mia: Browser) -> None:
    page = mia.get("/templates?q=<b>zzz")
    assert "No template mentions “<b>zzz”." in page.text


def test_a_template_shows_its_merge_fields(mia: Browser, cast: Cast) -> None:
    page = mia.get(f"/templates/{cast.order_id}")
    assert "order_number" in page.words_in("mark")
    assert "first_name" in page.words_in("mark")


def test_a_template_can_be_read_with_sample_data(mia: Browser, cast: Cast) -> None:
    page = mia.get(f"/templates/{cast.order_id}?fields=filled")
    assert "Order A-10482" in page.text
    assert "Dear Noor," in page.text


def test_an_editor_writes_a_template(mia: Browser) -> None:
    mia.get("/templates/new")
    page = mia.post("/templates/new", **GOOD)
    assert page.words_in("h1") == "Invoice"
    assert "The template is ready." in page.text
    assert "Mia Chen wrote the template Invoice" in mia.get("/activity").text


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("name", " ", "Give the template a name."),
        ("name", "x" * 121, "A name has at most 120 characters."),
        ("subject", "", "Write a subject."),
        ("subject", "Hi\nBcc: everybody@example.com", "Keep this on one line."),
        ("body", "", "Write the text of the e-mail."),
        ("body", "x" * 20_001, "At most 20000 characters."),
    ],
)
def test_a_bad_template_comes_back_with_the_reason(
    mia: Browser, field: str, value: str, complaint: str
) -> None:
    mia.get("/templates/new")
    page = mia.post("/templates/new", status=422, **(GOOD | {field: value}))
    assert complaint in page.text


def test_an_editor_changes_a_template(mia: Browser, cast: Cast) -> None:
    mia.get(f"/templates/{cast.order_id}/edit")
    page = mia.post(f"/templates/{cast.order_id}/edit", **GOOD)
    assert "Your changes are saved." in page.text
    assert page.words_in("h1") == "Invoice"


def test_saving_without_a_change_leaves_no_trace(mia: Browser, cast: Cast) -> None:
    mia.get(f"/templates/{cast.order_id}/edit")
    page = mia.post(
        f"/templates/{cast.order_id}/edit",
        name="Order confirmation",
        subject="Order {{ order_number }}",
        body="Dear {{ first_name }},\r\n\r\nthank you.",
    )
    assert "Nothing was different" in page.text
    assert "Nothing has happened here yet." in mia.get("/activity").text


def test_deleting_asks_first(mia: Browser, cast: Cast) -> None:
    page = mia.get(f"/templates/{cast.order_id}/deletion")
    assert "Delete Order confirmation?" in page.text
    mia.get(f"/templates/{cast.order_id}")


def test_an_editor_deletes_a_template_and_its_tests(
    mia: Browser, cast: Cast, database: Database
) -> None:
    mia.get(f"/templates/{cast.order_id}")
    mia.post(f"/templates/{cast.order_id}/test-sends", recipient="a@b.example")
    page = mia.post(f"/templates/{cast.order_id}/deletion")
    assert "The template is gone." in page.text
    assert "Order confirmation" in mia.get("/activity").text
    mia.get(f"/templates/{cast.order_id}", status=404)
    with database.session(writing=False) as db:
        assert db.scalar(select(func.count(TestSend.id))) == 0


def test_a_test_is_kept_as_it_was_sent(mia: Browser, cast: Cast, database: Database) -> None:
    mia.get(f"/templates/{cast.order_id}")
    page = mia.post(f"/templates/{cast.order_id}/test-sends", recipient="Zoe@Example.com")
    assert "The test is on its way." in page.text
    assert "zoe@example.com" in page.text
    with database.session(writing=False) as db:
        assert db.scalars(select(TestSend.subject)).all() == ["Order A-10482"]


@pytest.mark.parametrize("recipient", ["", "nobody", "a@b", "a b@c.example", "a@b.example\nx"])
def test_a_test_needs_an_address(mia: Browser, cast: Cast, recipient: str) -> None:
    mia.get(f"/templates/{cast.order_id}")
    page = mia.post(f"/templates/{cast.order_id}/test-sends", status=422, recipient=recipient)
    assert "Write an e-mail address" in page.text


@pytest.mark.parametrize("place", ["", "/edit", "/deletion"])
def test_a_template_of_another_account_does_not_exist(
    nikos: Browser, cast: Cast, place: str
) -> None:
    foreign = nikos.get(f"/templates/{cast.order_id}{place}", status=404).words_in("main")
    assert foreign == nikos.get(f"/templates/no-such-id{place}", status=404).words_in("main")


@pytest.mark.parametrize("place", ["edit", "deletion", "test-sends"])
def test_a_template_of_another_account_cannot_be_touched(
    nikos: Browser, cast: Cast, database: Database, place: str
) -> None:
    nikos.get("/templates/new")
    nikos.post(f"/templates/{cast.order_id}/{place}", status=404, recipient="a@b.example", **GOOD)
    with database.session(writing=False) as db:
        assert db.get_one(Template, cast.order_id).name == "Order confirmation"


def test_a_viewer_reads_and_is_offered_nothing_else(vera: Browser, cast: Cast) -> None:
    page = vera.get(f"/templates/{cast.order_id}")
    assert "Edit" not in page.words_in("main")
    assert "Send test" not in page.text
    assert "New template" not in vera.get("/templates").text


@pytest.mark.parametrize("path", ["/templates/new", "/templates/order/edit"])
def test_a_viewer_cannot_edit(vera: Browser, path: str) -> None:
    page = vera.get(path, status=403)
    assert "You are a viewer here" in page.text


@pytest.mark.parametrize("place", ["new", "order/edit", "order/deletion", "order/test-sends"])
def test_a_viewer_cannot_edit_by_a_forged_form_either(
    vera: Browser, database: Database, place: str
) -> None:
    vera.get("/settings")
    vera.post(f"/templates/{place}", status=403, recipient="a@b.example", **GOOD)
    with database.session(writing=False) as db:
        assert db.scalar(select(func.count(Template.id)).where(Template.name == "Invoice")) == 0
        assert db.scalar(select(func.count(TestSend.id))) == 0


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", 'O\'Brien & "Co"', "{{7*7}}", "x" * 120, "ليلى"]
)
def test_hostile_names_are_shown_as_they_are(mia: Browser, name: str) -> None:
    mia.get("/templates/new")
    page = mia.post("/templates/new", name=name, subject=name, body=name)
    assert page.words_in("h1") == name
    for path in ("/", "/templates", "/activity"):
        assert name in mia.get(path).text
