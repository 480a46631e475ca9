"""What the company's provider says is believed when all of it is right, and not otherwise."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from app.domain.company_provider import Errand, Failure, NotProved, Proof
from app.outgoing import openid
from app.outgoing.openid import OpenIDProvider
from tests import openid_provider
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.twins import each_fails_without, fails_without, line, together, value

pytestmark = pytest.mark.requirement("S11")

CALLBACK = "http://localhost:8000/sign-in/company/callback"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with openid_provider.running() as provider:
        yield provider


@pytest.fixture
def ours(provider: Provider) -> OpenIDProvider:
    """The provider as the site knows it, which knows nothing of it yet."""
    return OpenIDProvider(provider.issuer, CLIENT_ID, CLIENT_SECRET)


def errand(ours: OpenIDProvider, *, fresh: bool = False) -> Errand:
    return ours.errand(callback_url=CALLBACK, fresh=fresh)


def code_for(errand: Errand) -> str:
    """Go there as a browser; return the code that it comes back with."""
    answer = requests.get(errand.url, allow_redirects=False, timeout=10)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["state"] == [errand.state]
    return back["code"][0]


def prove(ours: OpenIDProvider, errand: Errand, given: str, **other: str) -> Proof:
    told = {"code": given, "nonce": errand.nonce, "verifier": errand.verifier} | other
    return ours.prove(**told, callback_url=CALLBACK, now=datetime.now(UTC))


def go(ours: OpenIDProvider) -> Proof:
    there = errand(ours)
    return prove(ours, there, code_for(there))


def test_whoever_is_proved_is_told_by_issuer_and_subject(
    provider: Provider, ours: OpenIDProvider
) -> None:
    at = int(time.time())
    provider.tell(subject="s-1", claims={"groups": ["support"]}, auth_time=at)
    proof = go(ours)
    assert (proof.issuer, proof.subject) == (provider.issuer, "s-1")
    assert proof.claims["groups"] == ["support"]
    assert proof.authenticated_at == datetime.fromtimestamp(at, UTC)


def test_an_errand_asks_for_a_code_with_pkce_and_a_nonce(
    provider: Provider, ours: OpenIDProvider
) -> None:
    provider.tell()
    first, second = errand(ours), errand(ours, fresh=True)
    asked = {name: value for name, (value,) in parse_qs(urlsplit(first.url).query).items()}
    assert asked.pop("code_challenge") not in first.verifier
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": first.state,
        "nonce": first.nonce,
        "code_challenge_method": "S256",
    }
    assert "prompt=login" in second.url
    secrets = {first.state, first.nonce, first.verifier, second.state, second.nonce}
    assert min(map(len, secrets)) >= 43
    assert len(secrets) == 5


BAD_TOKENS = {
    "nonce": Failure.NONCE,
    "no nonce": Failure.NONCE,
    "aud": Failure.AUDIENCE,
    "aud beside azp": Failure.AUDIENCE,
    "azp": Failure.AUDIENCE,
    "iss": Failure.ISSUER,
    "exp": Failure.EXPIRED,
    "iat": Failure.TOKEN,
    "no sub": Failure.TOKEN,
    "number as sub": Failure.TOKEN,
    "long sub": Failure.TOKEN,
    "none": Failure.TOKEN,
    "key confusion": Failure.TOKEN,
    "client secret": Failure.TOKEN,
    "another key": Failure.TOKEN,
    "unknown crit": Failure.TOKEN,
    "own key": Failure.TOKEN,
    "no token": Failure.ANSWER,
}


CHECKED = line(OpenIDProvider._proof, "leeway=LEEWAY_SECONDS", "leeway=10**9")
NOT_FOR_US = line(OpenIDProvider._proof, ', "client_id": self.client_id}', "}")
# What is ours to tell the library. The rest it refuses by itself.
GUARDS = dict.fromkeys(BAD_TOKENS) | {
    "nonce": line(OpenIDProvider._proof, '"nonce": nonce, '),
    "no nonce": line(OpenIDProvider._proof, '"nonce": nonce, '),
    "aud": together(
        line(OpenIDProvider._proof, '"aud": {"essential": True, "value": self.client_id},'),
        NOT_FOR_US,
    ),
    "azp": NOT_FOR_US,
    "iss": line(OpenIDProvider._proof, ', "value": self.issuer'),
    "exp": CHECKED,
    "iat": CHECKED,
    "long sub": line(OpenIDProvider._proof, "<= LONGEST_SUBJECT", "<= 10**9"),
}


@pytest.mark.failure("CVE-2026-32597")
@each_fails_without("how", GUARDS)
def test_a_token_that_is_wrong_in_any_way_proves_nobody(
    provider: Provider, ours: OpenIDProvider, how: str
) -> None:
    provider.tell(subject="s-1", misbehave=how)
    with pytest.raises(NotProved) as error:
        go(ours)
    assert error.value.why == BAD_TOKENS[how]


@pytest.mark.parametrize("at", ["/token", "/keys", "/.well-known/openid-configuration"])
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("status", Failure.UNAVAILABLE),
        ("huge", Failure.UNAVAILABLE),
        ("html", Failure.ANSWER),
        ("list", Failure.ANSWER),
        ("redirect", Failure.ANSWER),
    ],
)
def test_an_answer_that_is_none_proves_nobody(
    provider: Provider, ours: OpenIDProvider, at: str, how: str, why: Failure
) -> None:
    provider.tell(subject="s-1", misbehave=how, at=at)
    with pytest.raises(NotProved) as error:
        go(ours)
    assert error.value.why == why


def test_nobody_waits_for_an_answer_that_drips(
    provider: Provider, ours: OpenIDProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openid, "WHOLE_SECONDS", 0.3)
    provider.tell(misbehave="slow", at="/token")
    with pytest.raises(NotProved) as error:
        go(ours)
    assert error.value.why == Failure.UNAVAILABLE


def test_a_provider_that_is_down_is_told_so() -> None:
    with pytest.raises(NotProved) as error:
        errand(OpenIDProvider("http://127.0.0.1:9", CLIENT_ID, CLIENT_SECRET))
    assert error.value.why == Failure.UNAVAILABLE


@fails_without(
    together(
        line(OpenIDProvider._known, 'if metadata.get("issuer") != self.issuer', "if False"),
        line(
            OpenIDProvider._check_address,
            'if parts.scheme not in {"https", ours.scheme} or not parts.hostname',
            "if False",
        ),
    )
)
@pytest.mark.parametrize(("how", "why"), [("issuer", Failure.ISSUER), ("endpoint", Failure.ANSWER)])
def test_a_discovery_document_that_leads_elsewhere_is_not_followed(
    provider: Provider, ours: OpenIDProvider, how: str, why: Failure
) -> None:
    provider.tell(misbehave=how)
    with pytest.raises(NotProved) as error:
        errand(ours)
    assert error.value.why == why


@each_fails_without(
    "wrong",
    {
        "nonce": line(OpenIDProvider._proof, '"nonce": nonce, '),
        # These are the provider's to look at.
        "verifier": None,
        "code": None,
    },
)
def test_a_code_is_good_for_who_went_there_alone(
    provider: Provider, ours: OpenIDProvider, wrong: str
) -> None:
    provider.tell(subject="s-1")
    there = errand(ours)
    with pytest.raises(NotProved):
        prove(ours, there, code_for(there), **{wrong: "x" * 48})


def test_a_code_is_good_once(provider: Provider, ours: OpenIDProvider) -> None:
    provider.tell(subject="s-1")
    there = errand(ours)
    code = code_for(there)
    prove(ours, there, code)
    with pytest.raises(NotProved):
        prove(ours, there, code)


def test_the_wrong_client_secret_proves_nobody(provider: Provider) -> None:
    provider.tell(subject="s-1")
    with pytest.raises(NotProved) as error:
        go(OpenIDProvider(provider.issuer, CLIENT_ID, "another secret"))
    assert error.value.why == Failure.ANSWER


@fails_without(line(OpenIDProvider._verified, "self._keys = {}", "pass"), raises=(NotProved,))
def test_a_provider_may_change_its_key(provider: Provider, ours: OpenIDProvider) -> None:
    for key in "aba":
        provider.tell(subject="s-1", key=key)
        assert go(ours).subject == "s-1"


@pytest.mark.requirement("K4")
def test_the_client_secret_is_not_shown(ours: OpenIDProvider) -> None:
    assert CLIENT_SECRET not in repr(ours)


@fails_without(value(openid, "BROKEN", ()), raises=(OverflowError, ValueError))
@pytest.mark.parametrize("at", [10**20, -(10**20), 1e300])
def test_a_time_that_no_calendar_has_proves_nothing(
    provider: Provider, ours: OpenIDProvider, at: float
) -> None:
    provider.tell(subject="s-1", auth_time=at)
    with pytest.raises(NotProved) as refused:
        go(ours)
    assert refused.value.why == Failure.ANSWER
