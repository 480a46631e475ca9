"""What guards every request, shown at one route each; tests/test_routes.py asks them all."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.domain.sign_ins import SignedIn
from app.web import application, authentication, protection
from app.web.admin.sign_in import local_path
from app.web.application import Application
from tests.browsing import FROM_HERE, Page, check_headers
from tests.cast import ADA, API_KEY, OMAR, Person
from tests.conftest import ADMIN_URL, on_sqlite
from tests.twins import each_fails_without, fails_without, line, together, value

pytestmark = on_sqlite

SignIn = Callable[[Person], SignedIn]


def sign_out(client: FlaskClient, *, token: str = "", **headers: str) -> int:
    """Send the form that every page has, and return how that went."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/sign-out", headers=sent, data={"csrf_token": token}).status_code


@pytest.fixture
def token(client: FlaskClient, sign_in: SignIn) -> str:
    sign_in(ADA)
    return Page(client.get("/").text).one("meta", name="csrf-token")["content"]


@pytest.mark.requirement("W5")
@pytest.mark.failure("polovnjak-23")
@fails_without(line(protection.check_change, "csrf.protect()", "pass"))
def test_a_form_without_its_token_is_refused(client: FlaskClient, token: str) -> None:
    assert sign_out(client, Sec_Fetch_Site="same-origin") == 400
    assert sign_out(client, Sec_Fetch_Site="same-origin", token=token) == 303


@pytest.mark.requirement("W5")
@pytest.mark.failure("X9", "polovnjak-23")
@each_fails_without(
    "site",
    {
        "same-site": line(protection.check_change, 'site != "same-origin"', 'site == "cross-site"'),
        "cross-site": line(protection.check_change, "if site is not None and", "if False and"),
    },
)
def test_a_form_of_another_site_is_refused(client: FlaskClient, token: str, site: str) -> None:
    assert sign_out(client, Sec_Fetch_Site=site, token=token) == 403


@pytest.mark.requirement("W5")
@fails_without(line(protection.check_change, "if site is None and", "if False and"))
def test_a_form_of_another_origin_is_refused(client: FlaskClient, token: str) -> None:
    assert sign_out(client, Origin="https://evil.example", token=token) == 403


@pytest.mark.requirement("W6")
@pytest.mark.failure("X9")
@fails_without(line(application._writes, "if route.changing and", "if False and"))
def test_whoever_only_looks_at_an_address_changes_nothing(client: FlaskClient) -> None:
    assert client.head("/sign-in/company/callback").status_code == 405


@pytest.mark.requirement("H7", "W1", "W3")
@each_fails_without(
    "header",
    {
        name: value(protection, "HEADERS", {other: protection.HEADERS[other] for other in others})
        for name in protection.HEADERS
        for others in [protection.HEADERS.keys() - {name}]
    }
    | {"Content-Security-Policy": line(protection._csp, "\"default-src 'none'\",")},
)
def test_an_answer_has_every_header(client: FlaskClient, header: str) -> None:
    answer = client.get("/sign-in")
    assert header in answer.headers
    check_headers(answer)


@pytest.mark.requirement("W7")
@fails_without(
    together(
        value(protection, "HEADERS", protection.HEADERS | {"X-Frame-Options": "SAMEORIGIN"}),
        line(protection._csp, "\"frame-ancestors 'none'\","),
    )
)
def test_a_page_cannot_be_framed(client: FlaskClient) -> None:
    headers = client.get("/sign-in").headers
    assert headers["X-Frame-Options"] == "DENY" or (
        "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    )


@pytest.mark.requirement("W8")
@pytest.mark.failure("X28")
@fails_without(line(local_path, "if LOCAL_PATH.fullmatch(text)", "if True"))
def test_the_way_back_is_a_path_of_this_site(admin_app: Application) -> None:
    elsewhere = [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:x",
        "/\t/",
    ]
    with admin_app.test_request_context(base_url=ADMIN_URL):
        assert {local_path(address) for address in elsewhere} == {"/"}
        assert local_path("/members?q=a") == "/members?q=a"


@pytest.mark.requirement("W10")
@fails_without(line(protection.check_host, "if request.host != config.admin_host", "if False"))
def test_another_host_is_none_of_ours(client: FlaskClient) -> None:
    assert client.get("/sign-in", base_url="http://evil.example").status_code == 400


@pytest.mark.requirement("A1")
@pytest.mark.failure("X1")
@fails_without(line(authentication._check_admin, "if current_user.holds(permission)", "if True"))
def test_who_is_only_an_admin_is_refused_what_is_for_superadmins(
    client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(OMAR)
    assert client.get("/settings/api-keys", headers=FROM_HERE).status_code == 403


@pytest.mark.requirement("A1", "A4")
@pytest.mark.failure("X11")
@fails_without(line(authentication._check_admin, ' or "Authorization" in request.headers'))
def test_a_key_beside_a_good_cookie_shuts_the_door(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(ADA)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    assert client.get("/members", headers=headers).status_code == 303


@pytest.mark.requirement("A1", "A4", "T6")
@pytest.mark.failure("X4")
@fails_without(
    line(
        authentication._check_program,
        "_bearer_key() if by_bearer else client_key()",
        'g.db.get(APIKey, "letterbox")',
    )
)
def test_a_cookie_is_no_key(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(ADA)
    answer = client.post("/api/v1/impersonations/ends", json={"token": "x"})
    assert answer.get_json()["code"] == "unauthorized"


@pytest.mark.requirement("A1", "P1")
@fails_without(
    line(authentication._check_program, "and route.audience not in key.scopes", "and False")
)
def test_a_key_opens_what_its_scopes_hold(client: FlaskClient) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    assert client.get("/api/v1/accounts", headers=headers).status_code == 403
