"""Nothing without a record: what cannot be recorded does not happen, and the page says so.

Each fault passes, and then the same site, never restarted, does it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.domain.impersonations import Started
from app.domain.sign_ins import SignedIn
from app.storage.admins import SignIn
from app.storage.database import Database
from app.storage.impersonations import Handoff, Impersonation
from app.storage.members import Member
from app.web.application import Application
from tests import cast, factories
from tests.browsing import FROM_HERE, Browser
from tests.cast import ADA, CY, EVE, PASSWORD, Person
from tests.clock import Clock
from tests.faults import FAULTS, Fault
from tests.trail import actions

pytestmark = [
    pytest.mark.requirement("L3", "F1", "F2"),
    pytest.mark.parametrize(("engine_name", "fault"), FAULTS.values(), ids=FAULTS),
]

API = {"Authorization": f"Bearer {cast.API_KEY}"}
SAYS_SO = "This cannot be recorded at the moment, so nothing was done. Try again shortly."
START = f"/members/{EVE.id}/impersonations"
# On the pages that a full disk has there is room for a few more rows.
ATTEMPTS = 25


@dataclass
class Scene:
    """Ada at the admin site, a stranger, and Letterbox; Ada's session as Mia is open."""

    ada: Browser
    stranger: Browser
    started: list[Started]
    questions: list[dict[str, str]]
    at_the_door: list[Browser]
    token: str = ""

    def start(self) -> TestResponse:
        form = self.questions.pop() | {"reason": "x" * 400, "ticket_url": ""}
        return self.ada.client.post(START, data=form, headers=FROM_HERE)

    def redeem(self) -> TestResponse:
        ticket = self.started.pop().ticket
        body = {"ticket": ticket, "user_agent": "x" * 300}
        return self.stranger.client.post("/api/v1/handoffs/redemptions", json=body, headers=API)

    def act(self) -> TestResponse:
        body = {"token": self.token, "method": "POST", "path": "/" + "x" * 400}
        return self.stranger.client.post("/api/v1/impersonations/actions", json=body, headers=API)

    def sign_in(self) -> TestResponse:
        person = self.at_the_door.pop()
        data = person.page.form("/sign-in") | {"email": CY.email, "password": PASSWORD}
        return person.client.post("/sign-in", data=data, headers=FROM_HERE)


@pytest.fixture
def scene(
    admin_app: Application,
    client: FlaskClient,
    sign_in: Callable[[Person], SignedIn],
    database: Database,
    clock: Clock,
) -> Scene:
    sign_in(ADA)
    ada, stranger = Browser(client), Browser(admin_app.test_client())
    with database.unit_of_work(writing=True) as db:
        mia = db.get_one(Member, "mia")
        admins = [factories.admin(role="superadmin", now=clock.now) for _ in range(ATTEMPTS)]
        db.add_all(admins)
        started = [
            factories.start(db, impersonator=admin, target=mia, now=clock.now) for admin in admins
        ]
    questions = [ada.get(f"{START}/new").form(START) for _ in range(ATTEMPTS)]
    at_the_door = [Browser(admin_app.test_client()) for _ in range(ATTEMPTS)]
    for person in at_the_door:
        person.get("/sign-in")
    scene = Scene(ada, stranger, started, questions, at_the_door)
    scene.token = scene.redeem().get_json()["token"]
    return scene


ACTS: dict[str, Callable[[Scene], TestResponse]] = {
    "start": Scene.start,
    "redeem": Scene.redeem,
    "act": Scene.act,
    "sign in": Scene.sign_in,
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_what_cannot_be_recorded_does_not_happen_until_it_can(
    scene: Scene,
    admin_app: Application,
    database: Database,
    fault: Fault,
    act: Callable[[Scene], TestResponse],
) -> None:
    with fault(admin_app.database.engine):
        answers = [act(scene)]
        while answers[-1].status_code < 400 and len(answers) < ATTEMPTS - 2:
            answers.append(act(scene))
        refused = answers[-1]
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert SAYS_SO in refused.text
    assert_each_act_has_its_event(database)
    assert act(scene).status_code in (201, 303)
    assert_each_act_has_its_event(database)


def assert_each_act_has_its_event(database: Database) -> None:
    with database.unit_of_work(writing=False) as db:
        used = select(func.count()).where(Handoff.used_at.is_not(None))
        done = {
            "impersonation.started": db.scalar(select(func.count(Impersonation.id))),
            "handoff.redeemed": db.scalar(used),
            "sign_in.succeeded": db.scalar(select(func.count(SignIn.id))),
        }
        counted = Counter(actions(db))
    assert {name: counted[name] for name in done} == done


def test_a_form_that_could_not_be_recorded_can_be_sent_again(
    scene: Scene, admin_app: Application, fault: Fault
) -> None:
    (person, *_) = scene.at_the_door
    scene.at_the_door = [person, person]
    with fault(admin_app.database.engine):
        answered = scene.sign_in().status_code
    if answered == HTTPStatus.SERVICE_UNAVAILABLE:
        assert scene.sign_in().status_code == HTTPStatus.SEE_OTHER
