"""What a product keeps for its members alone."""

import pytest
from werkzeug.test import Client

from app.kit import member_only
from app.kit.client import AdminClient
from app.kit.member_only import MemberOnly
from app.kit.middleware import ImpersonationMiddleware
from tests.kit.admin_stand_in import ACTIONS, OUTCOMES, TOKEN, AdminStandIn
from tests.kit.product import Product
from tests.twins import fails_without, line

ADDRESSES = ["/billing", "/teams/*/api-keys", "POST /sign-out", "GET /export"]
AS_MEMBER = {"Authorization": f"Bearer {TOKEN}"}

pytestmark = pytest.mark.requirement("A5")


@pytest.fixture
def browse(product: Product, admin_client: AdminClient) -> Client:
    return Client(ImpersonationMiddleware(product, admin_client, member_only=ADDRESSES))


@fails_without(line(ImpersonationMiddleware._app_for, "if any(", "if False and any("))
def test_it_is_refused_on_record_before_the_product_runs(
    admin: AdminStandIn, product: Product, browse: Client
) -> None:
    answer = browse.delete("/billing/cards", headers=AS_MEMBER)
    answer.close()
    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["code"] == "member_only"
    assert product.seen == []
    assert [asked["path"] for asked in admin.asked_for(ACTIONS)] == ["/billing/cards"]
    assert [asked["status"] for asked in admin.asked_for(OUTCOMES)] == [403]


@fails_without(line(ImpersonationMiddleware._app_for, "if any(", "if False and any("))
def test_a_person_reads_why(browse: Client) -> None:
    answer = browse.get("/billing", headers={**AS_MEMBER, "Accept": "text/html"})
    assert "<h1>This is for the member alone</h1>" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"Authorization", "Accept"} <= set(answer.vary)


def test_the_member_is_not_refused(product: Product, browse: Client) -> None:
    browse.set_cookie("member", "Grace")
    browse.get("/billing")
    assert [request.path for request in product.seen] == ["/billing"]


def test_a_session_that_is_over_is_told_so_first(admin: AdminStandIn, browse: Client) -> None:
    admin.end()
    assert browse.get("/billing", headers=AS_MEMBER).status_code == 401


@fails_without(
    line(MemberOnly.holds, "_parts(path), ", ""),
    line(MemberOnly.holds, ", _parts(posixpath.normpath(path))", ","),
    line(
        MemberOnly.holds, '"GET" if method.upper() == "HEAD" else method.upper()', "method.upper()"
    ),
    line(MemberOnly.holds, "else method.upper()", "else method"),
    line(member_only._parts, ".casefold()", ""),
    line(member_only._parts, 'not in ("", ".")', '!= "."'),
)
def test_no_spelling_is_a_way_around() -> None:
    rules = MemberOnly(ADDRESSES)
    for path in (
        "/billing",
        "/billing/",
        "//billing//x",
        "/Billing",
        "/./billing",
        "/x/../billing",
    ):
        assert rules.holds("GET", path), path
    assert rules.holds("DELETE", "/billing/../elsewhere")
    assert rules.holds("POST", "/teams/7/API-keys/new")
    assert rules.holds("HEAD", "/export")
    assert rules.holds("get", "/export")


@fails_without(
    line(member_only._Rule.fits, "len(parts) < len(self.parts)", "False"),
    line(member_only._Rule.fits, 'self.method not in ("", method) or '),
)
def test_what_only_begins_alike_is_not_meant() -> None:
    rules = MemberOnly(ADDRESSES)
    for path in ("/", "/bill", "/billings", "/help/billing", "/teams/7", "/teams/api-keys"):
        assert not rules.holds("GET", path), path
    assert not rules.holds("GET", "/sign-out")
    assert not rules.holds("POST", "/export")
    assert not MemberOnly([]).holds("GET", "/billing")


@fails_without(
    line(
        member_only._rule,
        'not path.startswith("/") or (method and not (method.isalpha() and method.isupper()))',
        "False",
    )
)
@pytest.mark.parametrize("address", ["", "billing", "post /billing", "POST billing", "P0ST /x"])
def test_an_address_that_protects_nothing_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        MemberOnly([address])
