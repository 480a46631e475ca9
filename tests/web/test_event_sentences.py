"""Each event as the sentence that a person would say, whatever it holds."""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.alerts import RULES, AlertKind
from app.domain.audit_scan import SENTENCES as FINDINGS
from app.domain.audit_trail import (
    DETAILS,
    OPERATOR,
    WORKER,
    AuditAction,
    Provenance,
    event,
)
from app.domain.company_provider import Failure
from app.domain.company_sign_in import Stranger
from app.domain.policies import Refusal
from app.storage.audit_trail import AuditEvent
from app.storage.impersonations import EndReason, Impersonation
from app.web import event_details, plain_text
from app.web.application import Application
from app.web.event_details import details_of
from app.web.event_sentences import UNREADABLE, Line, lines
from app.web.event_words import SENTENCES
from app.web.plain_text import one_line
from tests import factories
from tests.conftest import ADMIN_URL, NOW, on_sqlite
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line, value

# Nothing here asks the database.
pytestmark = on_sqlite

HASH = "ab" * 32
# One value for each detail that an action is recorded with.
VALUES: dict[str, Any] = {
    "action_id": "session-1.7",
    "admin": "Kim@example.com",
    "admin_id": "kim",
    "after": "superadmin",
    "allowed": False,
    "before": "admin",
    "by": "flask audit verify",
    "client": "Letterbox (us_abc…)",
    "email": "ada@example.com",
    "factor": "totp",
    "fields": ["email", "role", "status"],
    "file": "trail-1-20000.jsonl",
    "filters": "account=harbour&text=her+template",
    "format": "jsonl",
    "head": HASH,
    "kind": "missing",
    "method": "POST",
    "name": "Letterbox",
    "names": ["demo", "admin_url"],
    "page": "/audit",
    "path": "/templates/7",
    "prefix": "us_abc",
    "problem": "there is no route.",
    "proof": "password+totp",
    "role": "superadmin",
    "scope": "product",
    "sha256": HASH,
    "settings": {"demo": "True"},
    "source": "letterbox.db",
    "ticket_url": "https://tickets.example.com/7",
    "why": "",
}
WHYS = {
    AuditAction.COMPANY_SIGN_IN_REFUSED: (*Failure, *Stranger),
    AuditAction.SIGN_IN_FAILED: (
        *("no_match", "throttled", "wrong_factor", "wrong_passkey", "company_alone"),
    ),
    AuditAction.SIGN_IN_ENDED: (
        *("signed_out", "ended_by_admin", "role_changed", "disabled"),
        *("factors_changed", "factors_reset", "others_ended", "password_changed"),
        "unlinked",
    ),
    AuditAction.STEP_UP_FAILED: ("wrong_factor", "throttled"),
    AuditAction.ALERT_RAISED: tuple(AlertKind),
    AuditAction.IMPERSONATION_REFUSED: tuple(Refusal),
    AuditAction.IMPERSONATION_ENDED: tuple(EndReason),
    AuditAction.IMPERSONATION_LINK_REFUSED: ("used", "expired", "key_not_good"),
    AuditAction.HANDOFF_REFUSED: ("used", "expired", "ended"),
    AuditAction.ACTION_REFUSED: tuple(EndReason),
}


@pytest.fixture(autouse=True)
def request_context(admin_app: Application) -> Iterator[None]:
    """Sentences lead to pages, whose addresses are the site's."""
    with admin_app.test_request_context(base_url=ADMIN_URL):
        yield


def session(name: str = "Mia Chen") -> Impersonation:
    """Ada's session as Mia, stored nowhere."""
    harbour = factories.account(id="harbour", name="Harbour Analytics", now=NOW)
    mia = factories.member(id="mia", name=name, account=harbour, now=NOW)
    ada = factories.admin(id="ada", name="Ada Lindqvist", now=NOW)
    return Impersonation(id="session-1", impersonator=ada, target=mia)


def told(action: AuditAction, *, number: int = 1, **more: Any) -> AuditEvent:
    """Return an event of that action; `more` are its details, and the arguments of `event`."""
    if action is AuditAction.ALERT_RAISED and "why" in more:
        kind = AlertKind(more.pop("why"))
        more |= {"kind": kind, "minutes": RULES[kind].within // timedelta(minutes=1)}
    registered = DETAILS[action].facts | DETAILS[action].words
    details = {name: more.pop(name, VALUES.get(name, 3)) for name in registered}
    more.pop("why", None)
    more.setdefault("provenance", FROM_THE_OFFICE)
    more.setdefault("impersonation", session())
    one = event(action, now=NOW, details=details, **more)
    one.id, one.hash, one.previous_hash = number, bytes(32), bytes(32)
    return one


def sentence(action: AuditAction, **more: Any) -> str:
    return Line(told(action, **more)).plain


def erased(one: AuditEvent) -> AuditEvent:
    one.words_row = None
    return one


ALL = [(action, why) for action in AuditAction for why in WHYS.get(action, ("",))]


@pytest.mark.parametrize(("action", "why"), ALL)
def test_every_event_has_a_sentence_of_its_own(action: AuditAction, why: str) -> None:
    said = sentence(action, why=why, reason="Her template is broken")
    assert said[0].isupper()
    assert said[-1] in ".”"
    assert not set("{}?_") & set(said.replace("us_abc", ""))
    others = [one for one in ALL if one != (action, why)]
    same = [one for one in others if sentence(one[0], why=one[1]) == said]
    assert [one for one in same if action is not AuditAction.ACTION_REFUSED] == []


@pytest.mark.requirement("L1")
def test_nothing_that_can_be_recorded_lacks_its_words() -> None:
    assert set(SENTENCES) == set(AuditAction)


EXAMPLES: dict[str, tuple[AuditAction, dict[str, Any]]] = {
    "A proof of event 7 was taken by the API key Harbour.": (
        AuditAction.AUDIT_EXPORTED,
        {"format": "proof", "first": 7, "last": 7, "by": "the API key Harbour", "filters": ""},
    ),
    "Mia Chen of Harbour Analytics was changed by the API key Okta: e-mail address, status (now "
    "deactivated).": (
        AuditAction.MEMBER_CHANGED,
        {"by": "the API key Okta", "fields": ["email", "status"], "status": "deactivated"},
    ),
    "Ada Lindqvist started a session as Mia Chen of Harbour Analytics: “Her template is broken”": (
        AuditAction.IMPERSONATION_STARTED,
        {"reason": "Her template is broken"},
    ),
    "The session as Mia Chen of Harbour Analytics ended by itself after 12 min 3 s: "
    "the tab was closed.": (
        AuditAction.IMPERSONATION_ENDED,
        {"why": EndReason.TAB_CLOSED, "seconds": 723, "actor_kind": "system"},
    ),
    "Somebody at 192.0.2.7 tried to sign in as ada@example.com with a wrong address or password.": (
        AuditAction.SIGN_IN_FAILED,
        {"why": "no_match", "impersonation": None, "actor_kind": "stranger"},
    ),
    "Somebody at 192.0.2.7 tried to sign in with a wrong address or password.": (
        AuditAction.SIGN_IN_FAILED,
        {"why": "no_match", "email": "", "impersonation": None, "actor_kind": "stranger"},
    ),
    "Ada Lindqvist was refused a session as Mia Chen of Harbour Analytics: "
    "this member is protected.": (
        AuditAction.IMPERSONATION_REFUSED,
        {"why": Refusal.MEMBER_PROTECTED},
    ),
    "A program was refused a session as somebody through the API key Backend (usk…): "
    "superadmin access required.": (
        AuditAction.IMPERSONATION_REFUSED,
        {
            "why": Refusal.NOT_SUPERADMIN,
            "impersonation": None,
            "actor_kind": "program",
            "provenance": replace(FROM_THE_OFFICE, through="Backend (usk…)"),
        },
    ),
    "Ada Lindqvist read the audit trail, filtered by account “harbour”, words “her template”.": (
        AuditAction.AUDIT_READ,
        {},
    ),
    "Ada Lindqvist read a session.": (
        AuditAction.AUDIT_READ,
        {"page": "/impersonations/session-9", "filters": ""},
    ),
    "Ada Lindqvist read the list of archives.": (
        AuditAction.AUDIT_READ,
        {"page": "/audit/archives", "filters": ""},
    ),
    "Ada Lindqvist read a session as plain text.": (
        AuditAction.AUDIT_READ,
        {"page": "/impersonations/session-9/transcript", "filters": ""},
    ),
    "The audit trail is not what was recorded, as the worker found: Events 7 to 9 are missing.": (
        AuditAction.AUDIT_DOUBTED,
        {"by": "worker", "first": 7, "last": 9, "impersonation": None},
    ),
    "The operator added Kim@example.com as a superadmin.": (
        AuditAction.ADMIN_CREATED,
        {"impersonation": None, "provenance": OPERATOR},
    ),
    "Understudy brought the directory in line with letterbox.db: 12,000 added, 3 changed, "
    "3 missing, 3 left out.": (
        AuditAction.DIRECTORY_SYNCED,
        {"impersonation": None, "provenance": WORKER, "added": 12_000},
    ),
    "The operator began to load the directory from members.csv.": (
        AuditAction.DIRECTORY_LOAD_STARTED,
        {"impersonation": None, "provenance": OPERATOR, "source": "members.csv"},
    ),
    "The directory could not be brought in line with crm: there is no route.": (
        AuditAction.DIRECTORY_SYNC_FAILED,
        {"impersonation": None, "provenance": WORKER, "source": "crm"},
    ),
    "Alert: Ada Lindqvist started 20 sessions within an hour, the last as Mia Chen of Harbour "
    "Analytics.": (AuditAction.ALERT_RAISED, {"why": AlertKind.MANY_STARTS, "count": 20}),
    "Alert: 10 attempts to sign in as ada@example.com failed within a quarter of an hour, the last "
    "from 192.0.2.7.": (
        AuditAction.ALERT_RAISED,
        {"why": AlertKind.FAILED_SIGN_INS, "count": 10, "impersonation": None},
    ),
    "Alert: 5 wrong second factors followed a good password as ada@example.com within an hour, the "
    "last from 192.0.2.7.": (
        AuditAction.ALERT_RAISED,
        {"why": AlertKind.WRONG_FACTORS, "count": 5, "impersonation": None},
    ),
    "Alert: More requests came through the API key Backend (usk…) than it may send within a "
    "minute.": (
        AuditAction.ALERT_RAISED,
        {
            "why": AlertKind.API_KEY_THROTTLED,
            "impersonation": None,
            "actor_kind": "program",
            "provenance": replace(FROM_THE_OFFICE, through="Backend (usk…)"),
        },
    ),
    "Somebody at 192.0.2.7 tried to sign in as ada@example.com, too soon after other failures.": (
        AuditAction.SIGN_IN_THROTTLED,
        {"count": 1, "impersonation": None},
    ),
    "Somebody at 192.0.2.7 tried to sign in as ada@example.com, too soon after other failures: "
    "1,000 times by now.": (AuditAction.SIGN_IN_THROTTLED, {"count": 1000, "impersonation": None}),
    "Ada Lindqvist ended 3 sign-ins of Kim@example.com.": (
        AuditAction.SIGN_IN_ENDED,
        {"why": "ended_by_admin"},
    ),
}


@pytest.mark.parametrize("said", EXAMPLES)
def test_it_reads_as_a_person_would_say_it(said: str) -> None:
    action, more = EXAMPLES[said]
    assert sentence(action, **more) == said


def test_nobody_else_is_taken_for_the_operator() -> None:
    claimed = Provenance("198.51.100.9", OPERATOR.user_agent, "")
    said = sentence(AuditAction.ADMIN_ENABLED, impersonation=None, provenance=claimed)
    assert said.startswith("Understudy ")


def test_every_finding_is_told() -> None:
    for kind in FINDINGS:
        assert "omething is wrong" not in sentence(AuditAction.AUDIT_DOUBTED, kind=kind)


# How an action and its end read together.


def action(method: str = "POST") -> AuditEvent:
    return told(AuditAction.ACTION_RECORDED, number=7, method=method)


def finish(milliseconds: int = 24, action_id: str = "session-1.7") -> AuditEvent:
    return told(
        AuditAction.ACTION_FINISHED,
        number=8,
        action_id=action_id,
        status=303,
        milliseconds=milliseconds,
    )


@pytest.mark.parametrize("order", [list, reversed], ids=["oldest first", "newest first"])
def test_an_action_and_how_it_went_are_one_line(order: Callable[[Any], Any]) -> None:
    (line,) = lines(order([action(), finish()]))
    assert line.plain == (
        "Ada Lindqvist sent POST /templates/7 as Mia Chen — answered 303 in 24 ms."
    )
    assert [one.id for one in line.events] == [7, 8]


def test_they_are_two_lines_when_they_belong_to_two_actions() -> None:
    told = [line.plain for line in lines([action("GET"), finish(2_500, action_id="session-1.6")])]
    assert told == [
        "Ada Lindqvist opened GET /templates/7 as Mia Chen.",
        "What Ada Lindqvist did as Mia Chen in a session was answered 303 in 2.5 s.",
    ]


def test_an_action_that_nobody_reported_on_says_so_where_nothing_is_missing() -> None:
    (line,) = lines([action("GET")], is_whole=True)
    assert line.plain.endswith(" as Mia Chen — how it went has not been reported.")


# What was erased, rewritten, or is meant to harm.


@pytest.mark.parametrize(("action", "why"), ALL)
def test_what_was_erased_reads_as_erased(action: AuditAction, why: str) -> None:
    one = erased(told(action, why=why, reason="Her template is broken"))
    said = Line(one).plain
    for gone in ("Mia", "Ada", "Harbour Analytics", "192.0.2.7", "broken", "Kim@", "templates/7"):
        assert gone not in said
    assert "(erased)" in said or action in WITHOUT_PEOPLE
    assert [detail.name for detail in details_of(one) if detail.label == "Words"]


WITHOUT_PEOPLE = {
    AuditAction.COMPANY_SIGN_IN_REFUSED,
    AuditAction.ALERT_RAISED,
    AuditAction.AUDIT_ARCHIVED,
    AuditAction.AUDIT_DOUBTED,
    AuditAction.AUDIT_VERIFIED,
    AuditAction.DIRECTORY_SYNC_RECOVERED,
    AuditAction.HANDOFF_REFUSED,
    AuditAction.IMPERSONATION_LINK_REFUSED,
    AuditAction.SETTINGS_CHANGED,
}


@pytest.mark.parametrize("action", AuditAction)
def test_an_event_that_was_tampered_with_is_told_all_the_same(action: AuditAction) -> None:
    for facts in ("", "{", "[]", "7", "{}", '{"why": {}, "seconds": "x", "kind": [], "first": ""}'):
        one = told(action)
        one.facts = facts
        assert Line(one).plain
        assert (Line(one).plain == UNREADABLE) is (facts in ("", "{", "[]", "7"))
        assert [detail.code for detail in details_of(one)][-1] == one.previous_hash.hex()
        assert lines([one])


def test_an_action_of_another_version_is_told_by_its_name() -> None:
    one = told(AuditAction.HANDOFF_REDEEMED)
    one.action = "handoff.{danced}"
    assert Line(one).plain == "Ada Lindqvist: handoff.{danced}."


HOSTILE = "</bdi><script>alert(1)</script>\u202e{actor}{{7*7}}\n\x1b[31m"


@pytest.mark.requirement("X1")
@pytest.mark.parametrize(("action", "why"), ALL)
def test_what_comes_from_outside_is_never_among_our_words(action: AuditAction, why: str) -> None:
    words: dict[str, Any] = dict.fromkeys(DETAILS[action].words, HOSTILE)
    origin = Provenance(HOSTILE, HOSTILE, "")
    one = told(
        action,
        **{"why": why, **words},
        impersonation=session(HOSTILE),
        reason=HOSTILE,
        provenance=origin,
    )
    for part in Line(one).sentence:
        assert part.kind not in ("words", "session") or "script" not in part.text


@pytest.mark.requirement("X1")
@fails_without(value(event_details, "WEB_ADDRESSES", ("https://", "javascript:")))
def test_only_a_web_address_becomes_a_link() -> None:
    for url, leads in (("https://t.example/7", True), ("javascript:alert(1)", False)):
        started = told(AuditAction.IMPERSONATION_STARTED, ticket_url=url)
        (ticket,) = [one for one in details_of(started) if one.label == "Ticket"]
        assert (ticket.url == url) is leads
        assert url in (ticket.name, ticket.code)


@pytest.mark.requirement("X4")
@given(text=st.text())
def test_plain_text_stays_on_its_line_and_moves_nothing(text: str) -> None:
    plain = one_line(text)
    assert plain.splitlines() in ([], [plain])
    categories = {unicodedata.category(letter) for letter in plain}
    assert categories.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert not set(plain) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u061c\u200e\u200f")


@pytest.mark.requirement("X4")
@fails_without(
    line(
        plain_text._is_hidden,
        "letter in MISLEADING or unicodedata.category(letter) in UNPRINTABLE",
        "False",
    )
)
def test_what_would_move_a_cursor_or_the_text_around_it_is_a_blank() -> None:
    assert one_line("a\x1bb\u202ec\u2028d") == "a b c d"


def test_plain_text_keeps_every_script_and_what_joins_its_letters() -> None:
    for name in ("Łukasz", "李小龍", "สมชาย", "محمد", "👩‍🚀 Ada", "नमस्ते"):
        assert one_line(name) == name
