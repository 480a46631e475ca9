"""One-time links: made for a program, followed by a browser, once."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain import endings, handoffs, impersonation_links, impersonations, policies
from app.domain.api_keys import Limits
from app.domain.audit_trail import AuditAction, Provenance
from app.domain.errors import Invalid, Refused
from app.domain.handoffs import Client
from app.domain.impersonation_links import Destination, Followed
from app.domain.policies import Refusal
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.impersonation_links import ImpersonationLink
from app.storage.impersonations import EndReason, active_impersonation_of
from app.storage.members import Member
from tests import factories, linking, trail
from tests.cast import ADA, CY, ELSEWHERE, MIA, PIA
from tests.domain.ground import Lose, each_way_to_lose_the_ground
from tests.factories import FROM_THE_OFFICE
from tests.linking import CALLBACK
from tests.twins import fails_without, line, value

BROWSER = Provenance(address="198.51.100.9", user_agent="Mozilla/5.0 (a tab)", request_id="r-2")


@pytest.fixture
def globe(db: Session, now: datetime) -> APIKey:
    """The key of the program that asks for links."""
    return linking.client(db, now=now)


@pytest.fixture
def app_client(db: Session, now: datetime) -> APIKey:
    """The key of the application whose callback the browser is sent to."""
    return linking.client(db, now=now, limits=Limits(callback_urls=(CALLBACK,)))


class Links:
    """Makes and follows links of Ada's to Mia."""

    def __init__(self, db: Session, globe: APIKey, client: APIKey, now: datetime) -> None:
        self.db, self.globe, self.now = db, globe, now
        self.destination = Destination(client, CALLBACK, "code", "xyz")

    def make(self, *, impersonator: str = ADA.id, target: str = MIA.id, **more: Any) -> str:
        return impersonation_links.make(
            self.db,
            impersonator=self.db.get_one(Admin, impersonator),
            target=self.db.get_one(Member, target),
            api_key=self.globe,
            destination=replace(self.destination, **more),
            reason="Her template is broken",
            provenance=replace(FROM_THE_OFFICE, through=self.globe.title),
            now=self.now,
        )

    def follow(self, secret: str, *, whose: str = ADA.id) -> Followed | None:
        return impersonation_links.follow(
            self.db, secret=secret, impersonator_id=whose, provenance=BROWSER, now=self.now
        )

    def redeem(self, followed: Followed | None, redirect_uri: str = CALLBACK) -> object:
        assert followed is not None
        assert followed.code is not None
        return impersonations.redeem(
            self.db,
            ticket=followed.code,
            client=Client(self.destination.client.id, redirect_uri),
            provenance=BROWSER,
            now=self.now,
        )

    def refusals(self) -> list[str]:
        refused = trail.events(self.db, AuditAction.IMPERSONATION_LINK_REFUSED)
        return [event.details["why"] for event in refused]


@pytest.fixture
def links(db: Session, globe: APIKey, app_client: APIKey, now: datetime) -> Links:
    return Links(db, globe, app_client, now)


@pytest.mark.requirement("H2", "L12")
@fails_without(line(impersonation_links.make, "hash_secret(secret)", "secret"))
def test_making_a_link_starts_nothing_and_keeps_no_secret(db: Session, links: Links) -> None:
    first, second = links.make(), links.make()
    assert first != second
    kept = db.scalars(select(ImpersonationLink.secret_hash)).all()
    assert {first, second}.isdisjoint(kept)
    assert active_impersonation_of(db, ADA.id) is None


@pytest.mark.requirement("L1", "P2")
def test_making_a_link_is_recorded(db: Session, links: Links, globe: APIKey) -> None:
    links.make()
    event = trail.only(db, AuditAction.IMPERSONATION_LINK_MADE)
    assert (event.actor_id, event.subject_id) == (ADA.id, MIA.id)
    assert event.reason == "Her template is broken"
    assert event.details["through"] == globe.title
    assert event.details["client"] == links.destination.client.title


@pytest.mark.requirement("A2", "A3")
@fails_without(value(impersonations, "check_policy", lambda *_, **__: None))
@pytest.mark.parametrize(
    ("people", "refusal"),
    [
        ({"impersonator": "omar"}, Refusal.NOT_SUPERADMIN),
        ({"target": PIA.id}, Refusal.MEMBER_PROTECTED),
        ({"target": "opal"}, Refusal.ACCOUNT_OPTED_OUT),
    ],
)
def test_a_session_that_may_not_start_gets_no_link(
    db: Session, links: Links, people: dict[str, str], refusal: Refusal
) -> None:
    with pytest.raises(Refused) as refused:
        links.make(**people)
    assert refused.value.code == refusal
    assert refused.value.event is not None
    assert db.scalars(select(ImpersonationLink)).all() == []


@pytest.mark.requirement("P2")
@fails_without(
    line(policies.refusal_of_anybody, "if not key.acts_for(impersonator.id)", "if False")
)
def test_a_key_of_another_admin_makes_no_link(db: Session, links: Links, now: datetime) -> None:
    links.globe = linking.client(db, now=now, limits=Limits(admin=db.get_one(Admin, CY.id)))
    with pytest.raises(Refused) as refused:
        links.make()
    assert refused.value.code == Refusal.KEY_OF_ANOTHER_ADMIN


def test_a_link_needs_a_reason_as_a_session_does(links: Links, db: Session) -> None:
    with pytest.raises(Invalid, match="Say why"):
        impersonation_links.make(
            db,
            impersonator=db.get_one(Admin, ADA.id),
            target=db.get_one(Member, MIA.id),
            api_key=links.globe,
            destination=links.destination,
            reason=" ",
            provenance=FROM_THE_OFFICE,
            now=links.now,
        )


@fails_without(
    line(
        impersonation_links.make,
        "if not _may_have(destination.client, impersonator, target, now)",
        "if False",
    )
)
@pytest.mark.parametrize("limit", ["account", "admin"])
def test_a_client_of_somebody_else_is_not_sent_a_session(
    db: Session, links: Links, now: datetime, limit: str
) -> None:
    other: Any = db.get_one(Account, ELSEWHERE) if limit == "account" else db.get_one(Admin, CY.id)
    limits = Limits(callback_urls=(CALLBACK,), **{limit: other})
    client = linking.client(db, now=now, limits=limits)
    with pytest.raises(Invalid, match="not for this session"):
        links.make(client=client)


@pytest.mark.requirement("P2", "L2")
def test_a_followed_link_starts_its_session(db: Session, links: Links, globe: APIKey) -> None:
    followed = links.follow(links.make())
    assert followed is not None
    session = followed.impersonation
    assert (session.impersonator_id, session.target_id) == (ADA.id, MIA.id)
    assert (session.api_key_id, session.reason) == (globe.id, "Her template is broken")
    event = trail.only(db, AuditAction.IMPERSONATION_STARTED)
    assert (event.details["through"], event.address) == (globe.title, BROWSER.address)
    assert (event.details["claimed"], followed.link.state) == (False, "xyz")


@fails_without(line(handoffs.consume, "if not _is_for(db, hashed, client)", "if False"))
def test_a_code_is_good_for_its_client_alone(links: Links, globe: APIKey) -> None:
    followed = links.follow(links.make())
    assert followed is not None
    assert followed.impersonation.opened_at is None
    assert links.redeem(followed, f"{CALLBACK}/") is None
    assert (
        impersonations.redeem(
            links.db, ticket=followed.code or "", provenance=BROWSER, now=links.now
        )
        is None
    )
    assert links.redeem(followed) is followed.impersonation


def test_a_link_to_a_token_opens_its_session_at_once(links: Links) -> None:
    followed = links.follow(links.make(response_type="token"))
    assert followed is not None
    assert (followed.code, followed.impersonation.opened_at) == (None, links.now)


@pytest.mark.requirement("H3")
@fails_without(
    line(
        impersonation_links.follow,
        "endings.end(db, link.impersonation, why=reused, provenance=provenance, now=now)",
    )
)
@pytest.mark.parametrize("response_type", ["code", "token"])
def test_a_link_that_is_followed_twice_ends_its_session(
    db: Session, links: Links, response_type: str
) -> None:
    secret = links.make(response_type=response_type)
    followed = links.follow(secret)
    assert followed is not None
    assert links.follow(secret) is None
    assert followed.impersonation.end_reason == EndReason.TICKET_REUSED
    event = trail.only(db, AuditAction.IMPERSONATION_LINK_REFUSED)
    assert (event.details["why"], event.impersonation_id) == ("used", followed.impersonation.id)
    assert (event.actor_kind, event.actor_id) == ("stranger", None)
    assert links.follow(secret) is None
    trail.only(db, AuditAction.IMPERSONATION_ENDED)


def test_a_link_followed_twice_leaves_a_newer_session_alone(
    db: Session, links: Links, now: datetime
) -> None:
    secret = links.make()
    links.follow(secret)
    ada, mia = db.get_one(Admin, ADA.id), db.get_one(Member, MIA.id)
    newer = factories.start(db, impersonator=ada, target=mia, now=now).impersonation
    assert links.follow(secret) is None
    assert newer.ended_at is None


@pytest.mark.requirement("H2")
@fails_without(line(impersonation_links._use, "ImpersonationLink.expires_at > now,"))
def test_a_link_is_good_for_twenty_minutes(links: Links) -> None:
    late, too_late = links.make(), links.make()
    links.now += timedelta(seconds=1199.999999)
    assert links.follow(late) is not None
    assert links.refusals() == []
    links.now += timedelta(microseconds=1)
    assert links.follow(too_late) is None
    assert links.refusals() == ["expired"]


@pytest.mark.requirement("I1")
def test_a_link_that_is_followed_late_starts_a_whole_session(links: Links) -> None:
    secret = links.make()
    links.now += timedelta(minutes=19)
    followed = links.follow(secret)
    assert followed is not None
    assert followed.impersonation.seconds_left(links.now) == 1200


@pytest.mark.parametrize("secret", ["", "no link at all", "\ud800", "x" * 9000])
def test_an_unknown_link_starts_nothing(db: Session, links: Links, secret: str) -> None:
    assert links.follow(secret) is None
    assert links.refusals() == []


@fails_without(line(impersonation_links.follow, " or link.impersonator_id != impersonator_id"))
def test_an_altered_link_starts_nothing_and_is_not_used_up(links: Links) -> None:
    secret = links.make()
    assert links.follow(secret, whose=CY.id) is None
    assert links.follow(secret) is not None


@pytest.mark.requirement("P1")
@fails_without(line(impersonation_links.follow, "if not _is_backed(link, now)", "if False"))
@pytest.mark.parametrize("whose", ["globe", "app_client"])
@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_a_link_dies_with_each_of_its_keys(
    db: Session, links: Links, whose: str, column: str, globe: APIKey, app_client: APIKey
) -> None:
    secret = links.make()
    setattr({"globe": globe, "app_client": app_client}[whose], column, links.now)
    db.flush()
    assert links.follow(secret) is None
    assert links.refusals() == ["key_not_good"]
    assert active_impersonation_of(db, ADA.id) is None


@pytest.mark.requirement("A2", "A3")
@fails_without(
    line(
        impersonations.check_policy,
        "if refusal is None:\n        return",
        "if True:\n        return",
    )
)
@each_way_to_lose_the_ground
@pytest.mark.failure("X13")
def test_the_policy_is_asked_again_when_a_link_is_followed(
    db: Session, links: Links, lose: Lose, refusal: Refusal
) -> None:
    secret = links.make()
    lose(db, db.get_one(Admin, ADA.id), db.get_one(Member, MIA.id))
    with pytest.raises(Refused) as refused:
        links.follow(secret)
    assert refused.value.code == refusal


@pytest.mark.requirement("I2")
@fails_without(
    line(impersonations.start, "if earlier is not None and", "if False and"),
    raises=(IntegrityError,),
)
def test_following_a_link_ends_the_earlier_session(db: Session, links: Links) -> None:
    ada, mia = db.get_one(Admin, ADA.id), db.get_one(Member, MIA.id)
    earlier = factories.start(db, impersonator=ada, target=mia, now=links.now).impersonation
    secret = links.make()
    assert earlier.ended_at is None
    links.follow(secret)
    assert earlier.end_reason == EndReason.REPLACED


def test_a_session_that_has_ended_is_not_ended_again(db: Session, links: Links) -> None:
    secret = links.make()
    followed = links.follow(secret)
    assert followed is not None
    why = EndReason.ADMIN_ENDED
    endings.end(db, followed.impersonation, why=why, provenance=FROM_THE_OFFICE, now=links.now)
    assert links.follow(secret) is None
    assert followed.impersonation.end_reason == EndReason.ADMIN_ENDED
