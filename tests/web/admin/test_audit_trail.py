"""The trail as people read it: filters in the address, one sentence an event, its state on top."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from app.domain import audit_filters, audit_reading, doubts, endings, verification_events
from app.domain.audit_scan import MISSING, Finding
from app.domain.audit_trail import WORKER, AuditAction
from app.domain.audit_verification import Verdict
from app.domain.sign_ins import SignedIn
from app.storage import audit_search, audit_trail
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.audit_checkpoints import AuditCheckpoint
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from app.storage.paging import Cursor
from app.web import readings as web_readings
from app.web.admin import refusals
from app.web.application import Application
from tests import factories, trail
from tests.breaking import break_trail
from tests.browsing import Browser, Element, Page
from tests.cast import ADA, CY, EVE, HARBOUR, MIA, OMAR, Person
from tests.clock import Clock
from tests.conftest import NOW
from tests.factories import FROM_THE_OFFICE
from tests.owner import as_owner, without_trigger
from tests.twins import fails_without, line

StartSession = Callable[..., str]
NOTHING = "No event fits these filters."


def shown(page: Page) -> list[str]:
    """What each line of the trail says."""
    return [one.words for one in page.all("p", class_="event__sentence")]


def of_form(page: Page, tag: str, name: str) -> Element:
    form = page.one("form", action="/audit")
    (found,) = [one for one in page.all(tag, name=name) if one.is_in(form)]
    return found


@pytest.fixture
def sessions(start_session: StartSession, database: Database, clock: Clock) -> tuple[str, str]:
    """Cy's session as Eve, and a day later Ada's as Mia, which Omar has ended."""
    eves = start_session(CY, EVE, reason="Cannot sign in")
    clock.move(days=1)
    mias = start_session(
        ADA, MIA, reason="Her template is broken", ticket_url="https://t.example/7"
    )
    with database.unit_of_work(writing=True) as db:
        endings.end(
            db,
            db.get_one(Impersonation, mias),
            why=EndReason.ADMIN_ENDED,
            by=db.get_one(Admin, OMAR.id),
            provenance=FROM_THE_OFFICE,
            now=clock.move(seconds=75),
        )
    return eves, mias


@pytest.fixture
def reader(sessions: tuple[str, str], superadmin: Browser) -> Browser:
    """Ada, who has signed in after all that."""
    return superadmin


MIA_STARTED = f"{ADA.name} started a session as {MIA.name} of Harbour: “Her template is broken”"
EVE_STARTED = f"{CY.name} started a session as {EVE.name} of Elsewhere: “Cannot sign in”"
MIA_ENDED = (
    f"{OMAR.name} ended the session as {MIA.name} of Harbour from the admin site, after 1 min 15 s."
)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("actor=cy", [EVE_STARTED]),
        ("subject=mia", [MIA_ENDED, MIA_STARTED]),
        ("account=elsewhere", [EVE_STARTED]),
        ("action=impersonation.started", [MIA_STARTED, EVE_STARTED]),
        ("text=TEMPLATE", [MIA_STARTED]),
        ("since=2026-03-03&action=impersonation.started", [MIA_STARTED]),
        ("until=2026-03-02&action=impersonation.started", [EVE_STARTED]),
        ("since=2026-03-02&until=2026-03-02&account=harbour", []),
        ("outcome=refused", []),
        ("until=9999-12-31&action=impersonation.started", [MIA_STARTED, EVE_STARTED]),
        ("text=cannot%00+sign", [EVE_STARTED]),
        ("subject=mia&actor=omar", [MIA_ENDED]),
        # Who is meant can be typed: a name, an address, or a part of either.
        ("subject=eve%40elsewhere.example", [EVE_STARTED]),
        ("subject=SONDERG&actor=ada", [MIA_STARTED]),
        ("account=harb&actor=ada", [MIA_STARTED]),
    ],
)
def test_each_filter_shows_what_fits(
    reader: Browser, sessions: tuple[str, str], query: str, told: list[str]
) -> None:
    page = reader.get(f"/audit?{query}")
    assert shown(page) == told
    assert (NOTHING in page.words) is (told == [])


def test_a_session_can_be_read_alone(reader: Browser, sessions: tuple[str, str]) -> None:
    page = reader.get(f"/audit?impersonation={sessions[1]}")
    assert shown(page) == [MIA_ENDED, MIA_STARTED]
    assert f"Session {ADA.name} as {MIA.name}" in page.one("ul", class_="chips").words


def test_a_filter_that_came_by_a_link_is_seen_and_can_be_taken_away(
    reader: Browser, sessions: tuple[str, str]
) -> None:
    page = reader.get("/audit?account=harbour&subject=mia&action=impersonation.ended")
    chips = page.all("li", class_="chip")
    assert [chip.words for chip in chips] == [f"Member {MIA.name} of Harbour", "Account Harbour"]
    assert page.form("/audit")["subject"] == MIA.id
    chosen = [one["value"] for one in page.all("option") if "selected" in one.attributes]
    assert "impersonation.ended" in chosen
    without = page.one("a", aria_label=f"Remove member {MIA.name} of Harbour")["href"]
    assert parse_qs(urlsplit(without).query) == {
        "account": [HARBOUR],
        "action": ["impersonation.ended"],
    }
    assert reader.get(without).form("/audit")["subject"] == ""


@pytest.mark.requirement("X6")
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("since=31.2.", "“31.2.” is no day."),
        ("until=2026-02-30", "“2026-02-30” is no day."),
        ("since=20260302", "“20260302” is no day."),
        ("since=2026-03-03&until=2026-03-02", "The last day is before the first."),
        ("actor=nobody", "no admin with the id “nobody”"),
        ("subject=zoltan", "No member has the id or name “zoltan”"),
        ("account=zoltan", "No account has the id or name “zoltan”"),
        ("impersonation=zoltan", "no session with the id “zoltan”"),
        ("action=danced", "Nothing that is recorded is called “danced”."),
        ("outcome=fine", "never “fine”"),
        (f"text={'x' * 201}", "under 200 characters"),
    ],
)
def test_a_filter_that_cannot_be_used_is_told(
    reader: Browser, sessions: tuple[str, str], query: str, sentence: str
) -> None:
    page = reader.get(f"/audit?{query}", status=422)
    assert sentence in page.one("div", role="alert").words
    assert shown(page) == []


def test_whoever_is_meant_can_be_chosen_from_several(
    superadmin: Browser, database: Database
) -> None:
    with database.unit_of_work(writing=True) as db:
        account = db.get_one(Account, HARBOUR)
        db.add(factories.member(id="mia-2", name="Mia Berg", account=account, now=NOW))
    page = superadmin.get("/audit?subject=Mia+B&outcome=succeeded")
    assert page.form("/audit")["subject"] == "mia-2"
    page = superadmin.get("/audit?subject=.example&outcome=succeeded", status=422)
    choices = [one for one in page.all("a") if "subject=" in one["href"]]
    assert "Mia Berg" in [one.words for one in choices]
    chosen = superadmin.get(choices[0]["href"])
    assert choices[0].words in chosen.one("ul", class_="chips").words
    assert of_form(chosen, "select", "outcome")


@pytest.mark.requirement("L2")
def test_all_that_an_event_holds_folds_out(
    reader: Browser, database: Database, sessions: tuple[str, str]
) -> None:
    page = reader.get(f"/audit?action=impersonation.started&subject={MIA.id}")
    with database.unit_of_work(writing=False) as db:
        started = trail.events(db, AuditAction.IMPERSONATION_STARTED)[1]
    details = page.one("details", class_="event__more")
    assert "open" not in details.attributes
    for words in (
        "2026-03-03 09:00:00.000000 UTC",
        ADA.email,
        MIA.email,
        sessions[1],
        "192.0.2.7",
        "Mozilla/5.0 (test)",
        "request-1",
        "Her template is broken",
        started.hash.hex(),
        started.previous_hash.hex(),
    ):
        assert words in details.words
    leads_to = {one["href"] for one in page.all("a") if one.is_in(details)}
    assert leads_to == {
        "/admins/ada",
        "/members/mia",
        "/accounts/harbour",
        f"/impersonations/{sessions[1]}",
        "https://t.example/7",
    }


def test_a_sentence_leads_to_whom_it_names(reader: Browser, sessions: tuple[str, str]) -> None:
    page = reader.get(f"/audit?action=impersonation.started&subject={MIA.id}")
    sentence = page.one("p", class_="event__sentence")
    links = {one.words: one["href"] for one in page.all("a") if one.is_in(sentence)}
    assert links == {
        ADA.name: "/admins/ada",
        "a session": f"/impersonations/{sessions[1]}",
        MIA.name: "/members/mia",
        "Harbour": "/accounts/harbour",
    }


@pytest.mark.requirement("X1")
def test_markup_in_names_and_filters_is_text(
    superadmin: Browser, start_session: StartSession, database: Database
) -> None:
    hostile = '</bdi><b id="evil">"x'
    with database.unit_of_work(writing=True) as db:
        db.get_one(Member, EVE.id).name = hostile
    start_session(CY, EVE, reason=hostile)
    page = superadmin.get("/audit?subject=eve&action=impersonation.started")
    assert page.all("b") == []
    assert shown(page) == [f"{CY.name} started a session as {hostile} of Elsewhere: “{hostile}”"]
    assert f"Member {hostile} of Elsewhere" in page.one("ul", class_="chips").words
    page = superadmin.get("/audit?subject=%3Cb%3E&since=%3Cb%3E&text=%22%3E%3Cb%3E", status=422)
    assert page.all("b") == []
    # A field for days can show no other words, and browsers complain of them.
    assert (page.form("/audit")["text"], page.form("/audit")["since"]) == ('"><b>', "")


def test_pages_hold_on_to_the_filters(
    reader: Browser, sessions: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "PAGE_SIZE", 1)
    first = reader.get(f"/audit?subject={MIA.id}&text=mia")
    second = reader.get(first.one("a", rel="next")["href"])
    assert (shown(first), shown(second)) == ([MIA_ENDED], [MIA_STARTED])
    assert shown(reader.get(second.one("a", rel="prev")["href"])) == [MIA_ENDED]


def test_a_search_that_stopped_says_how_far_it_looked_and_goes_on(
    reader: Browser, sessions: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "SEARCHED_AT_ONCE", 2)
    page = reader.get("/audit?text=cannot+sign+in")
    assert "Nothing in the 2 events back to 2026-03-03 09:01:15 UTC." in page.words
    assert NOTHING not in page.words
    further = page.one("a", rel="next")
    assert further.words == "Search further"
    assert shown(reader.get(further["href"])) == [EVE_STARTED]


@pytest.mark.requirement("X3")
@pytest.mark.parametrize("place", ["nonsense", "WzEsMl0", "W2ZhbHNlLCJhIl0"])
def test_a_place_that_is_none_is_refused(superadmin: Browser, place: str) -> None:
    assert "not complete" in superadmin.get(f"/audit?at={place}", status=400).words


# How far it was verified.


def verify(
    database: Database, finding: Finding | None = None, *, first: int = 1, kept: int = 0
) -> None:
    verdict = Verdict(
        first=first,
        last=1204,
        head=bytes(32),
        checkpoints=2,
        kept=int(kept > 0),
        furthest_kept=kept,
        finding=finding,
    )
    with database.unit_of_work(writing=True) as db:
        verification_events.record(db, verdict, by="flask audit verify", provenance=WORKER, now=NOW)


@pytest.mark.requirement("L9")
def test_the_page_says_up_to_where_it_was_verified_when_and_by_what(
    superadmin: Browser, database: Database, clock: Clock
) -> None:
    before = superadmin.get("/audit").one("ul", class_="trail-state").words
    assert (
        before == "Not verified yet: flask audit verify does it. No checkpoint has been signed yet."
    )
    verify(database)
    with database.unit_of_work(writing=True) as db:
        db.add(AuditCheckpoint(size=1190, at=NOW + timedelta(minutes=3), note=""))
    clock.move(minutes=5)
    after = superadmin.get("/audit").one("ul", class_="trail-state").words
    assert (
        "Verified from event 1 to 1,204, 5 min ago, by flask audit verify, against nothing that is"
        " kept outside the database." in after
    )
    verify(database, kept=1204)
    kept = superadmin.get("/audit").one("ul", class_="trail-state").words
    assert "against checkpoints kept outside the database" in kept
    assert "Signed up to event 1,190, 2 min ago." in after


@pytest.mark.requirement("L9")
def test_what_verifying_has_found_is_an_alert_on_both_pages(
    superadmin: Browser, database: Database
) -> None:
    for path in ("/", "/audit"):
        assert not superadmin.get(path).all("div", role="alert")
    verify(database, Finding(MISSING, 7, 9))
    for path in ("/", "/audit"):
        alert = superadmin.get(path).one("div", role="alert")
        assert "The audit trail is not what was recorded. Events 7 to 9 are missing." in alert.words
    assert "Verified from" not in superadmin.page.words
    (link,) = [one for one in superadmin.page.all("a") if one.is_in(alert)]
    superadmin.get(link["href"].partition("#")[0])
    verify(database)
    assert not superadmin.get("/").all("div", role="alert")


@pytest.mark.requirement("L9")
@fails_without(
    line(doubts.Doubt.is_cleared_by, "(first or 0) <= (self.first or 0) <= (last or 0)", "True")
)
def test_an_alert_stays_until_the_place_itself_was_verified(
    superadmin: Browser, database: Database
) -> None:
    verify(database, Finding(MISSING, 7, 9))
    verify(database, first=8)
    assert superadmin.get("/").all("div", role="alert")
    verify(database, first=7)
    verify(database, first=1000)
    assert not superadmin.get("/").all("div", role="alert")


@pytest.mark.requirement("L9")
@pytest.mark.parametrize("action", [AuditAction.AUDIT_DOUBTED, AuditAction.AUDIT_VERIFIED])
def test_rewritten_findings_do_not_take_the_alert_away(
    superadmin: Browser, database: Database, database_url: str, action: AuditAction
) -> None:
    verify(database, Finding(MISSING, 7, 9))
    verify(database, first=8)
    with as_owner(database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_update")
    rewrite = text("UPDATE audit_events SET facts = :facts WHERE action = :action")
    for facts in ("", "{}", '{"first": "7"}'):
        with as_owner(database_url) as db:
            db.execute(rewrite, {"facts": facts, "action": action})
        for path in ("/", "/audit"):
            assert superadmin.get(path).all("div", role="alert")


@pytest.mark.requirement("F10")
@fails_without(line(refusals._refusal_of_any, "if doubts.unacknowledged(db)", "if False"))
def test_a_finding_is_acknowledged_by_a_superadmin_and_stays_in_sight(
    superadmin: Browser, database: Database
) -> None:
    verify(database, Finding(MISSING, 7, 9))
    alert = superadmin.get("/audit").one("div", role="alert")
    assert "No session starts until a superadmin has acknowledged it." in alert.words
    refused = superadmin.get(f"/members/{MIA.id}")
    assert "A superadmin has to acknowledge first what was found" in refused.words
    question = superadmin.get("/audit/acknowledgement")
    assert "Events 7 to 9 are missing." in question.words
    superadmin.submit("/audit/acknowledgement", status=303)
    page = superadmin.get("/audit")
    assert "Sessions may start again." in page.words
    assert "A superadmin has acknowledged it." in page.one("div", role="alert").words
    with database.unit_of_work(writing=False) as db:
        acknowledged = trail.only(db, AuditAction.AUDIT_DOUBT_ACKNOWLEDGED)
        doubted = trail.only(db, AuditAction.AUDIT_DOUBTED)
    assert (acknowledged.actor_id, acknowledged.details) == (ADA.id, {"doubt": doubted.id})
    superadmin.get("/audit/acknowledgement", status=303)
    assert "Nothing waits to be acknowledged." in superadmin.get("/audit").words


# Who reads it is recorded too.


def readings(database: Database) -> list[tuple[str | None, str, str]]:
    with database.unit_of_work(writing=False) as db:
        recorded = trail.events(db, AuditAction.AUDIT_READ)
        return [(one.actor_id, one.details["page"], one.details["filters"]) for one in recorded]


@pytest.mark.requirement("L13")
@fails_without(line(Application._answer, "if reading is not None", "if False"))
def test_reading_the_trail_is_recorded_with_its_filters(
    superadmin: Browser, database: Database
) -> None:
    superadmin.get("/audit?text=Mia%00+S&action=&actor=ada&unknown=1")
    superadmin.get("/")
    assert readings(database) == [(ADA.id, "/audit", "actor=ada&text=Mia+S")]


@pytest.mark.requirement("L13")
@fails_without(line(web_readings._filters, "given_in(request.args)", "request.args"))
@pytest.mark.parametrize("padding", ["a", "zz", "text+"])
def test_nothing_in_the_address_hides_what_was_looked_for(
    reader: Browser, database: Database, padding: str
) -> None:
    """Not by its length, and not by coming first."""
    before = len(readings(database))
    for query in ("subject=mia", "actor=ada", "subject=mia"):
        reader.get(f"/audit?{padding}={'x' * 1000}&{query}&{padding}=1")
    told = [filters for _, _, filters in readings(database)[before:]]
    assert told == ["subject=mia", "actor=ada"]


@pytest.mark.requirement("L13")
@fails_without(line(audit_filters._short, "if len(text) > LONGEST", "if False"))
@pytest.mark.parametrize("name", ["text", "subject", "account", "actor", "impersonation", "since"])
def test_what_is_too_long_to_be_recorded_in_full_is_refused(
    reader: Browser, database: Database, name: str
) -> None:
    before = len(readings(database))
    page = reader.get(f"/audit?{name}=mia{'+' * 200}mia", status=422)
    assert "under 200 characters" in page.words
    assert len(readings(database)) == before


@pytest.mark.requirement("L13")
@fails_without(
    line(audit_reading.is_recorded, "any(", "False and any("),
    line(Application._answer, "if reading is not None", "if False"),
)
def test_every_page_that_shows_the_trail_is_recorded_once_in_a_while(
    reader: Browser, sessions: tuple[str, str], database: Database, clock: Clock
) -> None:
    paths = [
        f"/impersonations/{sessions[1]}",
        f"/impersonations/{sessions[1]}/transcript",
        "/audit/archives",
    ]
    for path in (*paths, *paths):
        reader.get(f"{path}?subject=somebody&at=1")
        clock.move(seconds=20)
    assert readings(database) == [(ADA.id, path, "") for path in paths]
    # The first page, with its few newest events, does not count.
    for path in ("/", "/impersonations"):
        reader.get(path)
    assert len(readings(database)) == len(paths)


@pytest.mark.requirement("L13")
@fails_without(line(audit_reading.is_recorded, "any(", "False and any("))
def test_turning_pages_to_and_fro_is_one_reading(
    superadmin: Browser, database: Database, clock: Clock
) -> None:
    onwards, back = str(Cursor((2,))), str(Cursor((1,), before=True))
    for query in ("actor=ada", f"actor=ada&at={onwards}", f"at={back}&actor=ada"):
        superadmin.get(f"/audit?{query}")
        clock.move(minutes=2)
    assert len(readings(database)) == 1
    superadmin.get("/audit?actor=ada")
    assert len(readings(database)) == 2


@pytest.mark.requirement("L13")
@fails_without(
    line(audit_reading.is_recorded, "one.actor_id == reader.admin_id and "),
    line(audit_reading.is_recorded, " and one.details == details"),
)
def test_other_filters_and_other_readers_are_other_readings(
    superadmin: Browser, sign_in: Callable[[Person], SignedIn], database: Database
) -> None:
    for path in ("/audit", "/audit?actor=ada", "/audit", "/audit?actor=cy"):
        superadmin.get(path)
    sign_in(OMAR)
    superadmin.get("/audit")
    assert [reading[0] for reading in readings(database)] == [ADA.id] * 3 + [OMAR.id]


@pytest.mark.requirement("L13")
@fails_without(line(web_readings.unrecorded, " or answer.status_code != HTTPStatus.OK"))
def test_what_was_not_shown_was_not_read(superadmin: Browser, database: Database) -> None:
    superadmin.get("/audit?since=nonsense", status=422)
    superadmin.get("/audit?at=nonsense", status=400)
    superadmin.get("/impersonations/nobody/transcript", status=404)
    assert readings(database) == []


@pytest.mark.requirement("L3", "L13")
@fails_without(line(Application._answer, "if reading is not None", "if False"))
def test_what_cannot_be_recorded_is_not_shown(
    reader: Browser, sessions: tuple[str, str], database_url: str
) -> None:
    break_trail(database_url)
    session = f"/impersonations/{sessions[1]}"
    for path in ("/audit", session, f"{session}/transcript", "/audit/archives"):
        page = reader.get(path, status=503)
        assert "cannot be recorded at the moment" in page.words
        assert MIA.name not in page.words
    # The pages that are not the trail itself are still there.
    assert MIA.name in reader.get("/members/mia").words
