from datetime import timedelta

from app.product.activity import PAGE_SIZE
from app.product.database import Database
from app.product.models.activity import Action, Activity
from app.product.template_filters import deed
from tests.product.browsing import Browser
from tests.product.cast import LONG_AGO, Cast


def _add_many(database: Database, cast: Cast, count: int) -> None:
    with database.session(writing=True) as db, db.begin():
        db.add_all(
            Activity(
                account_id=cast.harbour_id,
                # Two each second, so that a page ends between equals.
                happened_at=LONG_AGO + timedelta(seconds=number // 2),
                action=Action.TEMPLATE_CHANGED,
                member_id=cast.mia_id,
                member_name="Mia Chen",
                subject_name=f"no. {number};",
            )
            for number in range(count)
        )


def test_older_activity_is_on_the_next_page(mia: Browser, cast: Cast, database: Database) -> None:
    _add_many(database, cast, PAGE_SIZE + 7)
    first = mia.get("/activity")
    (older,) = [each["href"] for each in first.all("a") if "before=" in (each["href"] or "")]
    second = mia.get(older or "")
    shown = first.text + second.text
    assert all(shown.count(f"no. {number};") == 1 for number in range(PAGE_SIZE + 7))
    assert "Older" not in second.text


def test_another_account_sees_none_of_it(nikos: Browser, cast: Cast, database: Database) -> None:
    _add_many(database, cast, 3)
    assert "Nothing has happened here yet." in nikos.get("/activity").text


def test_every_action_has_words() -> None:
    assert all(deed(action) for action in Action)
