"""The admin site, asked over HTTP."""

import socket

import pytest
from urllib3.connection import HTTPConnection

from app.kit import connections
from app.kit.client import AdminClient, AdminUnavailable, SessionEnded, TicketRefused
from tests.kit.admin_stand_in import (
    ACTIONS,
    API_KEY,
    ENDS,
    PRESENCES,
    REDEMPTIONS,
    TICKET,
    TOKEN,
    AdminStandIn,
    Json,
    problem,
)
from tests.twins import fails_without, value


def redeem(client: AdminClient, ticket: str = TICKET) -> str:
    return client.redeem(ticket, address="192.0.2.7", user_agent="a browser").token


def tell_open(client: AdminClient) -> str:
    return client.tell_presence(TOKEN, page_id="page-one", state="open").subject.name


def test_a_ticket_is_exchanged_for_the_token(
    admin: AdminStandIn, admin_client: AdminClient
) -> None:
    assert redeem(admin_client) == TOKEN
    assert admin.asked_for(REDEMPTIONS) == [
        {"ticket": TICKET, "address": "192.0.2.7", "user_agent": "a browser"}
    ]


def test_a_used_ticket_is_refused(admin_client: AdminClient) -> None:
    redeem(admin_client)
    with pytest.raises(TicketRefused):
        redeem(admin_client)


def test_a_redemption_is_never_sent_twice(admin: AdminStandIn, admin_client: AdminClient) -> None:
    admin.reply(REDEMPTIONS, 503, problem("unavailable", 503))
    with pytest.raises(AdminUnavailable):
        redeem(admin_client)
    assert len(admin.asked_for(REDEMPTIONS)) == 1


def test_the_token_is_not_in_the_repr(admin_client: AdminClient) -> None:
    redemption = admin_client.redeem(TICKET, address="", user_agent="")
    assert TOKEN not in repr(redemption)


def test_the_key_goes_in_the_header_and_the_token_in_the_body(
    admin: AdminStandIn, admin_client: AdminClient
) -> None:
    tell_open(admin_client)
    (asked,) = admin.asked
    assert asked.headers["Authorization"] == f"Bearer {API_KEY}"
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.content["token"] == TOKEN
    assert TOKEN not in asked.path + str(asked.headers)


def test_connections_are_kept_alive(admin: AdminStandIn, admin_client: AdminClient) -> None:
    for _ in range(3):
        tell_open(admin_client)
    assert len({asked.connection for asked in admin.asked}) == 1


@fails_without(value(connections._Pool, "ConnectionCls", HTTPConnection))
def test_a_connection_that_has_rested_is_used_no_more(
    admin: AdminStandIn, admin_client: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The admin site may be closing it at this very moment, and the member's page would fail."""
    tell_open(admin_client)
    monkeypatch.setattr(connections, "LONGEST_REST_SECONDS", 0.0)
    tell_open(admin_client)
    assert len({asked.connection for asked in admin.asked}) == 2


def test_a_session_is_told_with_its_people(admin_client: AdminClient) -> None:
    impersonation = admin_client.tell_presence(TOKEN, page_id="page-one", state="open")
    assert impersonation.subject.email == "grace@example.com"
    assert impersonation.actor.name == "Ada Lovelace"
    assert impersonation.account.id == "account-1"
    assert impersonation.expires_at.tzinfo is not None


def test_a_name_may_be_empty(admin: AdminStandIn, admin_client: AdminClient) -> None:
    admin.name = ""
    assert tell_open(admin_client) == ""


def test_an_ended_session_says_why(admin: AdminStandIn, admin_client: AdminClient) -> None:
    admin.end("Omar Haddad ended it.")
    with pytest.raises(SessionEnded) as raised:
        tell_open(admin_client)
    assert raised.value.ended is not None
    assert raised.value.ended.sentence == "Omar Haddad ended it."


def test_a_token_that_is_no_good_at_all_has_no_reason(
    admin: AdminStandIn, admin_client: AdminClient
) -> None:
    admin.reply(PRESENCES, 401, problem("impersonation_ended", 401, ended=None))
    with pytest.raises(SessionEnded) as raised:
        tell_open(admin_client)
    assert raised.value.ended is None


def test_ending_twice_gives_the_same_answer(admin_client: AdminClient) -> None:
    assert admin_client.end(TOKEN) == admin_client.end(TOKEN)


def test_lone_surrogates_do_not_break_the_request(
    admin: AdminStandIn, admin_client: AdminClient
) -> None:
    with pytest.raises(TicketRefused):
        redeem(admin_client, "\ud800")
    assert len(admin.asked) == 1


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (401, problem("invalid_api_key", 401)),
        (403, problem("forbidden", 403)),
        (404, b"<h1>Not found</h1>"),
        (429, problem("slow_down", 429)),
        (500, b""),
        (200, {"action_id": "a", "impersonation": {}}),
        (201, b"<h1>Hello</h1>"),
        (201, b"[]"),
        (201, b"[" * 100_000),
        (201, {}),
        (401, problem("impersonation_ended", 401, ended="soon")),
        (400, problem("ticket_refused", 400)),
    ],
)
def test_an_answer_that_is_not_in_the_contract_is_no_answer(
    admin: AdminStandIn, admin_client: AdminClient, status: int, answer: Json | bytes
) -> None:
    admin.reply(ACTIONS, status, answer)
    with pytest.raises(AdminUnavailable):
        record(admin_client)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("id", ""),
        ("id", 7),
        ("subject", None),
        ("subject", {"id": "member-1", "name": "Grace"}),
        ("account", "Acme"),
        ("actor", []),
        ("started_at", "yesterday"),
        ("expires_at", "2026-11-20T12:00:00"),
        ("seconds_left", "1200"),
        ("seconds_left", True),
        ("seconds_left", -1),
        ("seconds_left", 12.5),
    ],
)
def test_a_session_with_a_wrong_member_is_no_answer(
    admin: AdminStandIn, admin_client: AdminClient, member: str, value: object
) -> None:
    session = {**admin.impersonation(), member: value}
    admin.reply(ACTIONS, 201, {"action_id": "action-1", "impersonation": session})
    with pytest.raises(AdminUnavailable):
        record(admin_client)


def test_a_redirect_is_not_followed(admin: AdminStandIn, admin_client: AdminClient) -> None:
    admin.reply(ENDS, 307, b"{}")
    admin.headers["Location"] = admin.url + PRESENCES
    with pytest.raises(AdminUnavailable):
        admin_client.end(TOKEN)
    assert [asked.path for asked in admin.asked] == [ENDS]


def test_nobody_there_is_no_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = AdminClient(f"http://127.0.0.1:{free.getsockname()[1]}", API_KEY, timeout=1.0)
        with pytest.raises(AdminUnavailable):
            client.end(TOKEN)


def test_silence_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = AdminClient(f"http://127.0.0.1:{silent.getsockname()[1]}", API_KEY, timeout=0.1)
        with pytest.raises(AdminUnavailable):
            client.end(TOKEN)


def test_what_goes_wrong_is_told_without_the_token(
    admin: AdminStandIn, admin_client: AdminClient
) -> None:
    admin.reachable = False
    with pytest.raises(AdminUnavailable) as raised:
        admin_client.end(TOKEN)
    assert TOKEN not in str(raised.value) + repr(raised.value.__cause__)


def record(client: AdminClient) -> None:
    client.record_action(
        TOKEN, method="GET", path="/", request_id="r", address="192.0.2.7", user_agent=""
    )
