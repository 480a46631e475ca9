from app.product.database import Database
from app.product.models.accounts import Account
from app.product.models.members import Member
from tests.product.browsing import Browser
from tests.product.cast import LONG_AGO, Cast


def test_a_member_changes_her_name(mia: Browser, cast: Cast, database: Database) -> None:
    mia.get("/settings")
    page = mia.post("/settings", name="Mia Chen-Ruiz", sender_name="Harbour Analytics")
    assert "Your settings are saved." in page.text
    assert "Mia Chen is now called Mia Chen-Ruiz" in mia.get("/activity").text
    with database.session(writing=False) as db:
        assert db.get_one(Member, cast.mia_id).updated_at > LONG_AGO


def test_the_account_sends_under_a_name_of_its_own(mia: Browser, cast: Cast) -> None:
    mia.get("/settings")
    mia.post("/settings", name="Mia Chen", sender_name="Mia & Team")
    assert "Mia & Team <hello@harbour.example>" in mia.get(f"/templates/{cast.order_id}").text


def test_a_viewer_changes_nothing_but_her_name(
    vera: Browser, cast: Cast, database: Database
) -> None:
    assert "Sender name" not in vera.get("/settings").text
    vera.post("/settings", name="Vera B.", sender_name="Mine now")
    with database.session(writing=False) as db:
        assert db.get_one(Member, cast.vera_id).name == "Vera B."
        assert db.get_one(Account, cast.harbour_id).sender_name == "Harbour Analytics"


def test_a_name_is_needed(mia: Browser) -> None:
    mia.get("/settings")
    page = mia.post("/settings", status=422, name=" ", sender_name="Harbour")
    assert "Write your name." in page.text


def test_saving_the_same_again_leaves_no_trace(mia: Browser) -> None:
    mia.get("/settings")
    page = mia.post("/settings", name="Mia Chen", sender_name="Harbour Analytics")
    assert "Nothing was different" in page.text
    assert "Nothing has happened here yet." in mia.get("/activity").text
