"""The impersonation token: what it says, and everything that is not taken for one."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.api_jws import PyJWS

from app.domain import tokens
from app.domain.impersonations import Started
from app.domain.key_ring import ALWAYS, KeyRing, Turn
from app.domain.signing_keys import SigningKey
from app.domain.tokens import (
    CLAIMS,
    MAX_LENGTH,
    TYPE,
    Claims,
    ExpiredToken,
    InvalidToken,
    Tokens,
)
from app.storage.impersonations import LIFETIME
from tests.budget import tries
from tests.conftest import ADMIN_URL, NOW, PRODUCT_URL
from tests.twins import fails_without, line, together, value

# The same in every process of a test run, which must agree on what the tests are called.
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
RING = KeyRing([Turn(KEY, Path("signing-key.pem"), ALWAYS)])
TOKENS = Tokens(keys=lambda: RING, issuer=ADMIN_URL, audience=PRODUCT_URL)
AT = int(NOW.timestamp())
GOOD: dict[str, Any] = {
    "iss": ADMIN_URL,
    "aud": PRODUCT_URL,
    "sub": "mia",
    "org_id": "harbour",
    "act": {"sub": "ada"},
    "sid": "session-1",
    "jti": "token-1",
    "iat": AT,
    "nbf": AT,
    "exp": AT + 1200,
}
SAID = Claims("session-1", "token-1", "mia", "harbour", "ada")
HEADER = {"alg": "EdDSA", "typ": TYPE, "kid": KEY.kid}
LEFT_OUT = object()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(
    claims: dict[str, Any] | bytes, *, header: dict[str, Any] | None = None, key: Any = KEY.private
) -> str:
    """A token made by hand, whatever a library would say about it."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    start = f"{b64(json.dumps(header or HEADER).encode())}.{b64(payload)}"
    return f"{start}.{b64(key.sign(start.encode()))}"


def refused(token: str, now: datetime = NOW) -> bool:
    """Whether the token is no good, and in the one way that callers expect."""
    try:
        TOKENS.verify(token, now=now)
    except InvalidToken:
        return True
    return False


GOOD_TOKEN = signed(GOOD)

UNCHECKED_AUDIENCE = ('"strict_aud": True', '"verify_aud": False')
# Without what PyJWT checks of the claims.
UNCHECKED = line(
    Tokens._decode,
    '"require": list(CLAIMS)',
    '"verify_iss": False, "verify_aud": False, "verify_sub": False, "verify_jti": False',
)
# Without the comparison of the header with the one that there is.
ANY_HEADER = line(Tokens._decode, ' or header != {"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}')
UNSIGNED = line(Tokens._decode, '"require"', '"verify_signature": False, "require"')


def test_the_good_token_of_these_tests_is_good() -> None:
    """Else every refusal below would prove nothing."""
    assert TOKENS.verify(GOOD_TOKEN, now=NOW) == SAID


def test_an_issued_token_names_its_session(started: Started, tokens: Tokens, now: datetime) -> None:
    row = started.impersonation
    claims = tokens.verify(tokens.issue(row, now=now), now=now)
    assert claims == Claims(row.id, row.token_id, "mia", "harbour", "ada")


@pytest.mark.requirement("T7")
@fails_without(
    line(
        Tokens.issue,
        '"user_id": impersonation.target_id',
        '"user_id": impersonation.target_id, "email": impersonation.target.email',
    )
)
def test_an_issued_token_carries_ids_and_times_alone(
    started: Started, tokens: Tokens, now: datetime
) -> None:
    token = tokens.issue(started.impersonation, now=now)
    said = jwt.decode(token, options={"verify_signature": False})
    assert set(said) == {*CLAIMS, "user_id"}
    assert said["act"] == {"sub": "ada"}
    assert said["user_id"] == said["sub"]
    text = json.dumps(said)
    for told in ("Mia", "Ada", "mia@", "ada@", "Harbour", "template"):
        assert told not in text
    assert len(token) < 1024


@pytest.mark.requirement("I1", "T4")
@fails_without(line(Tokens.issue, '"exp": int(impersonation.expires_at', '"exp": 1200 + int(now'))
def test_a_token_issued_late_is_as_old_as_its_session(
    started: Started, tokens: Tokens, now: datetime
) -> None:
    token = tokens.issue(started.impersonation, now=now + timedelta(seconds=59))
    said = jwt.decode(token, options={"verify_signature": False})
    assert said["exp"] == (now + LIFETIME).timestamp()
    assert said["exp"] - said["iat"] == 1200


@pytest.mark.requirement("I1", "T4")
@fails_without(
    line(
        Tokens.issue,
        '"exp": int(impersonation.expires_at.timestamp())',
        '"exp": 1 + int(impersonation.expires_at.timestamp())',
    )
)
@pytest.mark.parametrize("microsecond", [0, 1, 500_000, 999_999])
def test_a_token_never_lives_more_than_twenty_minutes(
    started: Started, tokens: Tokens, now: datetime, microsecond: int
) -> None:
    row = started.impersonation
    start = now.replace(microsecond=microsecond)
    row.started_at, row.expires_at = start, start + LIFETIME
    said = jwt.decode(tokens.issue(row, now=start), options={"verify_signature": False})
    assert said["exp"] - said["iat"] == 1200
    assert said["exp"] <= row.expires_at.timestamp()


@pytest.mark.requirement("T4")
def test_a_token_is_good_until_its_last_second(now: datetime) -> None:
    assert TOKENS.verify(GOOD_TOKEN, now=now + LIFETIME - timedelta(microseconds=1)) == SAID


@pytest.mark.requirement("T4")
@fails_without(line(Tokens.verify, 'if said["exp"] <= now.timestamp()', "if False"))
@pytest.mark.parametrize("after", [LIFETIME, LIFETIME + timedelta(days=400)])
def test_an_expired_token_only_tells_what_it_was(now: datetime, after: timedelta) -> None:
    with pytest.raises(ExpiredToken) as expired:
        TOKENS.verify(GOOD_TOKEN, now=now + after)
    assert expired.value.claims == SAID


def test_an_expired_token_of_another_key_tells_nothing(now: datetime) -> None:
    token = signed(GOOD, key=Ed25519PrivateKey.generate())
    with pytest.raises(InvalidToken) as refused:
        TOKENS.verify(token, now=now + LIFETIME)
    assert not isinstance(refused.value, ExpiredToken)


@pytest.mark.requirement("T4", "R5")
@pytest.mark.parametrize(("ahead", "good"), [(5, True), (6, False), (3600, False)])
def test_a_token_from_the_future_has_five_seconds_of_grace(
    now: datetime, ahead: int, *, good: bool
) -> None:
    assert refused(GOOD_TOKEN, now - timedelta(seconds=ahead)) is not good


@pytest.mark.requirement("T4")
@fails_without(UNCHECKED, raises=(KeyError,))
@pytest.mark.parametrize("claim", CLAIMS)
def test_each_claim_is_needed(claim: str) -> None:
    assert refused(signed({name: value for name, value in GOOD.items() if name != claim}))
    assert refused_with((claim, None))


@pytest.mark.requirement("T4")
def test_further_claims_are_ignored() -> None:
    assert not refused(signed(GOOD | {"role": "root", "scope": ["*"]}))


Claim = tuple[str, object]
# None is refused because each claim is needed.
NOT_AN_ID: list[object] = ["", 7, True, 1.5, ["mia"], {"id": "mia"}]
NOT_AN_ACTOR: list[object] = [None, "ada", [], {}, {"sub": ""}, {"sub": 1}, {"sub": ["a"]}]
NOT_A_TIME: list[object] = [None, "", str(AT), True, AT + 0.5, [AT], {}, 10**30, float("nan")]


def refused_with(*claims: Claim) -> bool:
    return refused(signed(GOOD | dict(claims)))


@pytest.mark.requirement("T4", "T6")
@fails_without(line(Tokens._decode, "issuer=self.issuer,"))
@pytest.mark.parametrize("issuer", [PRODUCT_URL, f"{ADMIN_URL}/", [ADMIN_URL], ""])
def test_a_token_of_another_issuer_is_refused(issuer: object) -> None:
    assert refused_with(("iss", issuer))


@pytest.mark.requirement("T4", "T6")
@fails_without(line(Tokens._decode, *UNCHECKED_AUDIENCE))
@pytest.mark.parametrize(
    "audience",
    [ADMIN_URL, f"{PRODUCT_URL}/", [PRODUCT_URL], [PRODUCT_URL, "x"], "", 1],
)
def test_a_token_for_another_audience_is_refused(audience: object) -> None:
    assert refused_with(("aud", audience))


@pytest.mark.requirement("T4")
@fails_without(
    together(
        line(tokens._text, "if not isinstance(value, str) or not value", "if False"), UNCHECKED
    )
)
@pytest.mark.parametrize("value", NOT_AN_ID)
@pytest.mark.parametrize("claim", ["sub", "org_id", "sid", "jti"])
def test_an_id_is_text(claim: str, value: object) -> None:
    assert refused_with((claim, value))


@pytest.mark.requirement("T4")
@fails_without(line(tokens._seconds, "if type(value) is not int", "if False"))
@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iat", AT + 0.5),
        ("nbf", AT + 0.5),
        ("exp", AT + 0.5),
        ("nbf", True),
        ("nbf", float("nan")),
    ],
)
def test_a_time_is_a_whole_number(claim: str, value: object) -> None:
    assert refused_with((claim, value))


@pytest.mark.requirement("T4")
@pytest.mark.parametrize(
    ("claim", "value"),
    [
        *[(name, value) for name in ("iat", "nbf", "exp") for value in NOT_A_TIME],
        ("exp", float("inf")),
    ],
)
def test_no_time_of_another_kind_gets_through(claim: str, value: object) -> None:
    assert refused_with((claim, value))


@pytest.mark.requirement("T4", "I1")
@fails_without(line(tokens._check_times, " <= LIFETIME.total_seconds()"))
@pytest.mark.parametrize(("claim", "value"), [("exp", AT + 1201), ("iat", AT - 1)])
def test_a_token_of_more_than_twenty_minutes_is_refused(claim: str, value: object) -> None:
    assert refused_with((claim, value))


@pytest.mark.requirement("T4")
@fails_without(line(tokens._check_times, "0 < "))
@pytest.mark.parametrize("expires", [AT + 5, AT + 4])
def test_a_token_that_ends_before_it_begins_is_refused(expires: int) -> None:
    """Within the grace that clocks have, or it would be an expired one."""
    assert refused_with(("iat", AT + 5), ("nbf", AT + 5), ("exp", expires))


@pytest.mark.requirement("T4")
@fails_without(
    together(
        line(tokens._check_times, "0 < "),
        line(Tokens.verify, 'if said["exp"] <= now.timestamp()', "if False"),
    )
)
@pytest.mark.parametrize("expires", [AT, AT - 1])
def test_a_token_that_is_over_when_it_begins_is_refused(expires: int) -> None:
    assert refused_with(("exp", expires))


@pytest.mark.requirement("T4", "R5")
@fails_without(
    line(tokens._check_times, "now.timestamp() + LEEWAY_SECONDS", "now.timestamp() + 99")
)
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_that_is_not_good_yet_is_refused(claim: str) -> None:
    assert refused_with((claim, AT + 6))


@pytest.mark.requirement("T4")
@fails_without(
    together(UNCHECKED, line(Tokens.verify, '_actor(said["act"])', 'str(said.get("act"))'))
)
@pytest.mark.parametrize("actor", NOT_AN_ACTOR)
def test_an_actor_is_an_id(actor: object) -> None:
    assert refused_with(("act", actor))


@pytest.mark.requirement("T4", "I1")
@fails_without(line(tokens._check_times, " <= LIFETIME.total_seconds()"))
def test_a_token_that_began_early_cannot_end_late() -> None:
    assert refused(signed(GOOD | {"iat": AT - 600, "nbf": AT - 600, "exp": AT + 601}))
    assert not refused(signed(GOOD | {"iat": AT - 600, "nbf": AT - 600, "exp": AT + 600}))


@pytest.mark.requirement("A4")
@fails_without(line(tokens._actor, ' or value.keys() != {"sub"}'))
@pytest.mark.parametrize(
    "actor", [{"sub": "ada", "act": {"sub": "cy"}}, {"sub": "ada", "name": "Ada"}]
)
@pytest.mark.failure("X4")
def test_an_actor_who_acts_for_another_is_refused(actor: dict[str, Any]) -> None:
    assert refused(signed(GOOD | {"act": actor}))


@pytest.mark.requirement("T1")
@fails_without(together(ANY_HEADER, UNSIGNED))
@pytest.mark.parametrize(
    "algorithm", ["none", "None", "noNE", "", "HS256", "ES256", "EDDSA", "eddsa", "Ed25519", None]
)
def test_another_algorithm_is_refused_though_the_signature_is_good(algorithm: str | None) -> None:
    assert refused(signed(GOOD, header=HEADER | {"alg": algorithm}))


@pytest.mark.requirement("T1")
@fails_without(together(ANY_HEADER, UNSIGNED))
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER, Encoding.Raw])
@pytest.mark.failure("X8")
def test_the_public_key_is_no_shared_secret(encoding: Encoding) -> None:
    form = PublicFormat.Raw if encoding is Encoding.Raw else PublicFormat.SubjectPublicKeyInfo
    secret = KEY.public.public_bytes(encoding, form)
    start = f"{b64(json.dumps(HEADER | {'alg': 'HS256'}).encode())}.{GOOD_TOKEN.split('.')[1]}"
    mac = hmac.new(secret, start.encode(), hashlib.sha256).digest()
    assert refused(f"{start}.{b64(mac)}")


@pytest.mark.requirement("T1")
@fails_without(together(ANY_HEADER, UNSIGNED))
def test_an_elliptic_curve_signature_is_refused() -> None:
    key = generate_private_key(SECP256R1())
    headers = {"typ": TYPE, "kid": KEY.kid}
    assert refused(jwt.encode(GOOD, key, algorithm="ES256", headers=headers))


@pytest.mark.requirement("T1")
@pytest.mark.failure("X16")
@fails_without(UNSIGNED)
@pytest.mark.parametrize("signature", ["", "AA", b64(bytes(64)), GOOD_TOKEN.split(".")[2][:-4]])
def test_an_absent_or_broken_signature_is_refused(signature: str) -> None:
    assert refused(".".join([*GOOD_TOKEN.split(".")[:2], signature]))


@pytest.mark.requirement("T1")
@pytest.mark.failure("X8")
@fails_without(UNSIGNED)
def test_another_key_is_refused_under_our_keys_name() -> None:
    assert refused(signed(GOOD, key=Ed25519PrivateKey.generate()))


@pytest.mark.requirement("T2")
@fails_without(
    together(
        ANY_HEADER,
        line(Tokens._decode, 'keys.get(str(header.get("kid")))', "next(iter(keys.values()))"),
        value(PyJWS, "_validate_kid", lambda *_: None),
    )
)
@pytest.mark.parametrize(
    "kid",
    [LEFT_OUT, None, "", "another", 1, ["a"], "../signing-key.pem", "' OR 1=1 --", KEY.kid + " "],
)
def test_a_key_that_is_not_named_exactly_is_refused(kid: object) -> None:
    header = HEADER | {"kid": kid}
    if kid is LEFT_OUT:
        del header["kid"]
    assert refused(signed(GOOD, header=header))


@pytest.mark.requirement("T2")
@fails_without(ANY_HEADER)
@pytest.mark.parametrize(
    "more",
    [
        {"jku": "https://evil.example/jwks.json"},
        {"jwk": KEY.public_jwk},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["AAAA"]},
        {"zip": "DEF"},
        {"cty": "JWT"},
    ],
)
def test_a_header_that_asks_for_more_is_refused(more: dict[str, Any]) -> None:
    assert refused(signed(GOOD, header=HEADER | more))


@pytest.mark.requirement("T2")
@pytest.mark.failure("CVE-2026-32597")
@fails_without(together(ANY_HEADER, value(PyJWS, "_validate_crit", lambda *_: None)))
@pytest.mark.parametrize("critical", [["exp"], []])
def test_a_header_that_calls_anything_critical_is_refused(critical: list[str]) -> None:
    assert refused(signed(GOOD, header=HEADER | {"crit": critical}))


@pytest.mark.requirement("T2")
def test_a_payload_that_is_not_encoded_is_refused() -> None:
    assert refused(signed(GOOD, header=HEADER | {"b64": False}))


@pytest.mark.requirement("T3")
@fails_without(line(Tokens._decode, "header != {", 'header | {"typ": TYPE} != {'))
@pytest.mark.parametrize("type_", [LEFT_OUT, None, "", "JWT", "at+jwt", "IMP+JWT", "imp+jwt "])
def test_a_token_of_another_type_is_refused(type_: object) -> None:
    header = HEADER | {"typ": type_}
    if type_ is LEFT_OUT:
        del header["typ"]
    assert refused(signed(GOOD, header=header))


@pytest.mark.requirement("T1")
@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "eyJ",
        "Bearer " + GOOD_TOKEN,
        GOOD_TOKEN + ".",
        GOOD_TOKEN + "=",
        GOOD_TOKEN + "\n",
        " " + GOOD_TOKEN,
        GOOD_TOKEN + "." + GOOD_TOKEN,
        "\ud800" + GOOD_TOKEN,
        "тест.тест.тест",
        ".".join([b64(b"{}")] * 3),
        ".".join([b64(b"[]")] * 3),
        ".".join([b64(b"[" * 1500)] * 2 + ["AA"]),
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA",
    ],
)
@pytest.mark.failure("X16")
def test_what_is_no_compact_token_is_refused(token: str) -> None:
    assert refused(token)


@pytest.mark.requirement("T1")
def test_json_serialisation_is_refused() -> None:
    protected, payload, signature = GOOD_TOKEN.split(".")
    parts = {"protected": protected, "payload": payload, "signature": signature}
    assert refused(json.dumps(parts))
    assert refused(json.dumps({"payload": payload, "signatures": [parts]}))


@pytest.mark.requirement("T4")
@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"7", b'"mia"', b"\xff\xfe", b"[" * 2000])
def test_a_signed_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    assert refused(signed(payload))


@pytest.mark.requirement("T4")
@fails_without(line(Tokens._decode, "if len(token) > MAX_LENGTH", "if False"))
def test_a_token_of_more_than_four_kilobytes_is_refused() -> None:
    assert refused(signed(GOOD | {"more": "x" * MAX_LENGTH}))


@pytest.mark.requirement("T6")
@fails_without(line(Tokens._decode, *UNCHECKED_AUDIENCE))
def test_a_token_of_another_product_is_refused(started: Started, now: datetime) -> None:
    other = Tokens(keys=lambda: RING, issuer=ADMIN_URL, audience="https://other.example")
    assert refused(other.issue(started.impersonation, now=now))


@pytest.mark.requirement("T1", "T4")
@settings(max_examples=tries(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_change_of_a_good_token_is_good(data: st.DataObject) -> None:
    """Cut it, put something in, swap a character: it is refused, and never blows up."""
    start = data.draw(st.integers(0, len(GOOD_TOKEN) - 1))
    length = data.draw(st.integers(0, 3))
    put_in = data.draw(st.text(max_size=6) | st.text("AQgw-_.=", max_size=6))
    token = GOOD_TOKEN[:start] + put_in + GOOD_TOKEN[start + length :]
    assert token == GOOD_TOKEN or refused(token)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.requirement("T4")
@settings(max_examples=tries(200), deadline=None)
@given(claim=st.sampled_from(CLAIMS), value=JSON_VALUES)
def test_whatever_a_signed_claim_says_it_is_taken_as_it_is_or_refused(
    claim: str, value: object
) -> None:
    try:
        claims = TOKENS.verify(signed(GOOD | {claim: value}), now=NOW)
    except InvalidToken:
        return
    assert {type(said) for said in vars(claims).values()} == {str}
