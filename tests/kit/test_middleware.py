"""Requests to a product behind the kit."""

import logging
from collections.abc import Iterator
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from werkzeug.test import Client, TestResponse

from app.kit import middleware
from app.kit.client import AdminClient
from app.kit.middleware import ImpersonationMiddleware
from tests.kit.admin_stand_in import (
    ACTIONS,
    OUTCOMES,
    TOKEN,
    AdminStandIn,
    Json,
    Reply,
    make_token,
    problem,
)
from tests.kit.product import Product, impersonation_of
from tests.twins import fails_without, line, value

AS_MEMBER = {"Authorization": f"Bearer {TOKEN}"}
AS_PERSON = {**AS_MEMBER, "Accept": "text/html,*/*;q=0.8"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]


# Ordinary requests


def test_an_ordinary_request_never_asks_the_admin_site(admin: AdminStandIn, browse: Client) -> None:
    assert browse.get("/").status_code == 401
    assert admin.asked == []


def test_an_ordinary_request_keeps_its_cookies_and_headers(
    product: Product, browse: Client
) -> None:
    browse.set_cookie("member", "Bob")
    answer = browse.get("/")
    assert "Signed in as Bob" in answer.text
    assert answer.headers["Set-Cookie"] == "seen=1"
    assert "Vary" not in answer.headers
    assert "impersonation" not in product.seen[0].environ


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic YTpi",
        "Bearer opaque-token-of-the-product",
        "Bearer bm90.anNvbg.x",
        "Bearer eyJbXSI6.x.y",
        "Bearer W10.x.y",
        "Bearer \xe9.x.y",
        f"Bearer {make_token('at+jwt')}",
        f"Bearer {make_token('JWT')}",
        "Bearer " + "W1tb" * 5000,
        "Bearer",
        "",
    ],
)
def test_other_credentials_are_the_products_business(
    admin: AdminStandIn, product: Product, browse: Client, authorization: str
) -> None:
    browse.get("/", headers={"Authorization": authorization})
    assert product.seen[0].headers["Authorization"] == authorization
    assert admin.asked == []


@pytest.mark.parametrize(
    "authorization",
    [
        f"bearer {TOKEN}",
        f"Bearer  {TOKEN} ",
        f"Bearer {make_token('IMP+JWT')}",
        f"Bearer {make_token('application/imp+jwt')}",
        f"Bearer {TOKEN.partition('.')[0]}",
        f"Bearer {TOKEN.partition('.')[0]}.###.###.###",
    ],
)
def test_a_broken_token_of_ours_is_not_an_ordinary_request(
    admin: AdminStandIn, product: Product, browse: Client, authorization: str
) -> None:
    admin.reply(ACTIONS, 401, problem("impersonation_ended", 401, ended=None))
    browse.set_cookie("member", "Bob")
    assert browse.get("/", headers={"Authorization": authorization}).status_code == 401
    assert product.seen == []


# Recording


def test_the_action_is_recorded_before_the_app_runs(
    admin: AdminStandIn, product: Product, browse: Client
) -> None:
    def record(_: Json) -> Reply:
        assert product.seen == []
        return 201, {"action_id": "action-1", "impersonation": admin.impersonation()}

    admin.replies[ACTIONS] = record
    assert browse.get("/", headers=AS_MEMBER).status_code == 200
    assert len(product.seen) == 1


def test_what_is_recorded(admin: AdminStandIn, product: Product, browse: Client) -> None:
    browse.post(
        "/templates?secret=1",
        headers={**AS_MEMBER, "User-Agent": "x" * 400},
        environ_overrides={"REMOTE_ADDR": "192.0.2.7"},
        data={"action": "Welcome", "then": "save"},
    )
    assert admin.asked_for(ACTIONS) == [
        {
            "token": TOKEN,
            "method": "POST",
            "path": "/templates",
            "request_id": product.seen[0].environ["impersonation.request_id"],
            "address": "192.0.2.7",
            "user_agent": "x" * 300,
        }
    ]


def test_a_path_is_recorded_as_people_write_it(admin: AdminStandIn, browse: Client) -> None:
    browse.get("/vorlagen/grüße/数", headers=AS_MEMBER)
    assert admin.asked_for(ACTIONS)[0]["path"] == "/vorlagen/grüße/数"


def test_a_nul_in_a_path_is_the_products_to_refuse(admin: AdminStandIn, browse: Client) -> None:
    assert browse.get("/%00", headers=AS_MEMBER).status_code == 404
    assert [asked["path"] for asked in admin.asked_for(ACTIONS)] == ["/\N{REPLACEMENT CHARACTER}"]


@pytest.mark.requirement("I8")
@fails_without(value(middleware, "_LONGEST_PATH", 10_000))
def test_what_does_not_fit_into_the_record_is_not_done(
    admin: AdminStandIn, product: Product, browse: Client
) -> None:
    longest = "/" + "x" * 499
    assert browse.get(longest, headers=AS_MEMBER).status_code == 404
    assert [asked["path"] for asked in admin.asked_for(ACTIONS)] == [longest]
    product.seen.clear()
    assert browse.get(f"{longest}x", headers=AS_MEMBER).status_code == 414
    assert product.seen == []


def test_each_request_has_an_id_of_its_own(admin: AdminStandIn, browse: Client) -> None:
    for _ in range(3):
        browse.get("/", headers=AS_MEMBER)
    ids = {action["request_id"] for action in admin.asked_for(ACTIONS)}
    assert len(ids) == 3
    assert all(len(request_id) == 32 for request_id in ids)


def test_a_forwarded_address_is_not_believed(admin: AdminStandIn, browse: Client) -> None:
    browse.get("/", headers={**AS_MEMBER, "X-Forwarded-For": "203.0.113.9"})
    assert admin.asked_for(ACTIONS)[0]["address"] != "203.0.113.9"


# Running as the member


def test_the_app_learns_who_impersonates_whom(product: Product, browse: Client) -> None:
    assert "Signed in as Grace Hopper" in browse.get("/", headers=AS_MEMBER).text
    impersonation = impersonation_of(product.seen[0])
    assert impersonation.subject.id == "member-1"
    assert impersonation.actor.email == "ada@example.com"
    assert impersonation.account.name == "Acme Ltd"


@pytest.mark.failure("X6")
@fails_without(line(ImpersonationMiddleware._record, 'environ.pop("HTTP_COOKIE", None)'))
def test_the_browsers_own_sign_in_is_not_mixed_in(product: Product, browse: Client) -> None:
    browse.set_cookie("member", "Bob")
    answer = browse.get("/", headers=AS_MEMBER)
    assert "Bob" not in answer.text
    assert not product.seen[0].cookies
    assert "Set-Cookie" not in answer.headers


@pytest.mark.failure("X21")
@fails_without(line(ImpersonationMiddleware._record, 'environ.pop("HTTP_AUTHORIZATION", None)'))
def test_the_app_never_holds_the_token(product: Product, browse: Client) -> None:
    browse.get("/", headers=AS_MEMBER)
    assert TOKEN not in repr(product.seen[0].environ)


def test_an_answer_is_neither_kept_nor_mixed_up(admin_client: AdminClient) -> None:
    headers = [("Cache-Control", "public"), ("Expires", "Tue"), ("Vary", "Accept"), ("X-Own", "1")]
    answer = get(app_with(headers), admin_client)
    assert answer.headers.getlist("Cache-Control") == ["no-store"]
    assert answer.headers.getlist("Vary") == ["Authorization, Accept"]
    assert "Expires" not in answer.headers
    assert answer.headers["X-Own"] == "1"


def test_an_answer_cannot_clear_the_browsers_own_data(admin_client: AdminClient) -> None:
    answer = get(app_with([("Clear-Site-Data", '"*"')]), admin_client)
    assert "Clear-Site-Data" not in answer.headers


# Outcomes


def test_the_outcome_is_reported(admin: AdminStandIn, browse: Client) -> None:
    browse.get("/missing", headers=AS_MEMBER).close()
    (outcome,) = admin.asked_for(OUTCOMES)
    assert outcome["action_id"] == "action-1"
    assert outcome["status"] == 404
    assert isinstance(outcome["duration_ms"], int)


def test_a_streamed_answer_is_reported_when_it_is_closed(
    admin: AdminStandIn, admin_client: AdminClient
) -> None:
    closed: list[bool] = []
    client = Client(ImpersonationMiddleware(streaming_app(closed), admin_client))
    answer = client.get("/", headers=AS_MEMBER, buffered=False)
    pieces = answer.iter_encoded()
    assert next(pieces) == b"one"
    assert admin.asked_for(OUTCOMES) == []
    answer.close()
    assert closed == [True]
    assert [outcome["status"] for outcome in admin.asked_for(OUTCOMES)] == [202]


def test_an_app_that_raises_has_failed(admin: AdminStandIn, admin_client: AdminClient) -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        get(app, admin_client)
    assert [outcome["status"] for outcome in admin.asked_for(OUTCOMES)] == [500]


def test_an_app_that_raises_half_way_has_failed(
    admin: AdminStandIn, admin_client: AdminClient
) -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"one"
        raise LookupError("a bug")

    middleware = ImpersonationMiddleware(app, admin_client)
    pieces = middleware(environ_of(AS_MEMBER), lambda *_: lambda _: None)
    with pytest.raises(LookupError, match="a bug"):
        list(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert [outcome["status"] for outcome in admin.asked_for(OUTCOMES)] == [500]


def test_an_outcome_is_tried_twice(admin: AdminStandIn, browse: Client) -> None:
    replies: list[Reply] = [(503, problem("unavailable", 503)), (204, b"")]
    admin.replies[OUTCOMES] = lambda _: replies.pop(0)
    browse.get("/", headers=AS_MEMBER).close()
    assert len(admin.asked_for(OUTCOMES)) == 2


def test_an_outcome_that_cannot_be_told_is_logged(
    admin: AdminStandIn, browse: Client, caplog: pytest.LogCaptureFixture
) -> None:
    admin.reply(OUTCOMES, 500, b"")
    with caplog.at_level(logging.WARNING):
        browse.get("/", headers=AS_MEMBER).close()
    assert len(admin.asked_for(OUTCOMES)) == 2
    assert "action-1" in caplog.text
    assert TOKEN not in caplog.text


# Dead tokens


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/", "/missing", "/product.css", "//", "/../x"])
def test_a_dead_token_opens_nothing(
    admin: AdminStandIn, product: Product, browse: Client, method: str, path: str
) -> None:
    admin.end()
    browse.set_cookie("member", "Bob")
    answer = browse.open(path, method=method, headers=AS_MEMBER)
    assert answer.status_code == 401
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Authorization" in answer.headers["Vary"]
    assert "invalid_token" in answer.headers["WWW-Authenticate"]
    assert product.seen == []


def test_a_person_reads_why_the_session_ended(admin: AdminStandIn, browse: Client) -> None:
    admin.end("<b>Omar</b> & co ended it.")
    answer = browse.get("/", headers=AS_PERSON)
    assert answer.mimetype == "text/html"
    assert "<h1>This session has ended</h1>" in answer.text
    assert "&lt;b&gt;Omar&lt;/b&gt; &amp; co ended it." in answer.text


def test_a_program_reads_why_the_session_ended(admin: AdminStandIn, browse: Client) -> None:
    admin.end("Omar Haddad ended it.")
    answer = browse.get("/", headers={**AS_MEMBER, "Accept": "application/json"})
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert answer.json["code"] == "impersonation_ended"
    assert answer.json["ended"]["sentence"] == "Omar Haddad ended it."


# Fail closed


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 422, 429, 500, 503])
def test_an_unexpected_answer_refuses_the_request(
    admin: AdminStandIn, product: Product, browse: Client, status: int
) -> None:
    content = b"" if status == 204 else problem("anything", status)
    admin.reply(ACTIONS, status, content)
    assert_refused(browse, product)


def test_an_unreachable_admin_site_refuses_the_request(
    admin: AdminStandIn, product: Product, browse: Client
) -> None:
    admin.reachable = False
    assert_refused(browse, product)


def test_a_refusal_is_logged_without_the_token(
    admin: AdminStandIn, browse: Client, caplog: pytest.LogCaptureFixture
) -> None:
    admin.reachable = False
    answer = browse.get("/", headers=AS_PERSON)
    assert "ProtocolError" in caplog.text
    assert TOKEN not in caplog.text + answer.text + str(answer.headers)


def test_the_next_request_works_when_the_admin_site_is_back(
    admin: AdminStandIn, browse: Client
) -> None:
    admin.reachable = False
    assert browse.get("/", headers=AS_MEMBER).status_code == 503
    admin.reachable = True
    assert browse.get("/", headers=AS_MEMBER).status_code == 200


def assert_refused(browse: Client, product: Product) -> None:
    browse.set_cookie("member", "Bob")
    page = browse.get("/", headers=AS_PERSON)
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "5"
    assert "was <strong>not carried out</strong>" in page.text
    answer = browse.post("/templates", headers=AS_MEMBER)
    assert answer.status_code == 503
    assert answer.mimetype == "application/problem+json"
    assert product.seen == []


def get(app: WSGIApplication, admin_client: AdminClient) -> TestResponse:
    return Client(ImpersonationMiddleware(app, admin_client)).get("/", headers=AS_MEMBER)


def app_with(headers: list[tuple[str, str]]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", headers)
        return [b"done"]

    return app


def streaming_app(closed: list[bool]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("202 Accepted", [])
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(True)

    return app


def environ_of(headers: dict[str, str]) -> WSGIEnvironment:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "HTTP_AUTHORIZATION": headers["Authorization"],
    }
