"""`Authlib` and `PyJWT`'s `PyJWKClient`: what any OAuth library asks of our tokens."""

from typing import Any

import jwt
import pytest
from authlib.integrations.base_client import OAuthError

from tests.clients.programs import Auth0, Env, JSONAPIClient, OAuth, PropelAuth
from tests.e2e.site import Site

METHODS = ("client_secret_basic", "client_secret_post")


@pytest.fixture(autouse=True)
def _insecure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Authlib insists on https, which a demo has not."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


def a_token(env: Env) -> str:
    """The token of a new session."""
    token: str = JSONAPIClient(env).start(env["JA_USER_ID"]).attributes["json_web_token"]
    return token


def claims_by(env: Env, token: str) -> dict[str, Any]:
    """What `PyJWKClient` makes of the token, by what the metadata says."""
    metadata = OAuth(env).metadata
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
    audience = jwt.decode(token, options={"verify_signature": False})["aud"]
    return jwt.decode(token, key, ["EdDSA"], audience=audience, issuer=metadata["issuer"])


def test_the_metadata_is_as_authlib_wants_it(site: Site, env: Env) -> None:
    metadata = OAuth(env).metadata
    metadata.validate()
    assert metadata["issuer"] == env["BASE_URL"]


def test_a_token_is_checked_by_the_public_keys(site: Site, env: Env) -> None:
    claims = claims_by(env, a_token(env))
    assert claims["sub"] == env["JA_USER_ID"]
    assert claims["exp"] - claims["iat"] == 1200


def test_a_rotation_fails_no_token(site: Site, env: Env) -> None:
    """The next key is published at once; the one that signs goes on."""
    before = a_token(env)
    site.flask("keys", "rotate")
    keys = jwt.PyJWKClient(OAuth(env).metadata["jwks_uri"]).get_signing_keys()
    assert len(keys) == 2
    for token in (before, a_token(env)):
        assert claims_by(env, token)["iss"] == env["BASE_URL"]
    assert OAuth(env).introspect(token)["active"] is True


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("prefix", ["", "impersonate_"])
def test_a_live_token_is_introspected(site: Site, env: Env, method: str, prefix: str) -> None:
    token = a_token(env)
    claims = jwt.decode(token, options={"verify_signature": False})
    told = OAuth(env, method=method).introspect(prefix + token)
    assert told["active"] is True
    assert told["act"] == claims["act"]
    assert {name: told[name] for name in ("sub", "exp", "jti", "iss")} == {
        name: claims[name] for name in ("sub", "exp", "jti", "iss")
    }


@pytest.mark.parametrize("method", METHODS)
def test_revoking_a_token_ends_its_session_everywhere(site: Site, env: Env, method: str) -> None:
    oauth, token = OAuth(env, method=method), PropelAuth(env).create().impersonation_session_token
    for _ in range(2):
        answer = oauth.revoke(token)
        assert (answer.status_code, answer.text) == (200, "")
    assert PropelAuth(env).active() == []
    assert oauth.introspect(token) == {"active": False}


def test_nothing_is_said_of_what_is_no_token(site: Site, env: Env) -> None:
    unsigned = jwt.encode({"sub": env["JA_USER_ID"]}, "", "none")
    for token in ("nonsense", "a.b.c", unsigned, "é" * 5000):
        assert OAuth(env).introspect(token) == {"active": False}


def test_a_wrong_secret_is_told(site: Site, env: Env) -> None:
    stranger = OAuth({**env, "OA_CLIENT_SECRET": env["A0_APP_CLIENT_SECRET"]})
    token = a_token(env)
    assert stranger.introspect(token)["error"] == "invalid_client"
    answer = stranger.revoke(token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert OAuth(env).introspect(token)["active"] is True


def test_a_client_gets_a_token_of_its_own(site: Site, env: Env) -> None:
    token = OAuth(env, "A0_GLOBAL").fetch_token(grant_type="client_credentials")
    assert "refresh_token" not in token
    link = Auth0({**env, "A0_GLOBAL_TOKEN": token["access_token"]}).link()
    assert (link.status_code, link.text[:4]) == (200, "http")
    with pytest.raises(OAuthError, match="invalid_client"):
        OAuth({**env, "A0_GLOBAL_CLIENT_SECRET": "x"}, "A0_GLOBAL").fetch_token(
            grant_type="client_credentials"
        )


def test_a_code_is_redeemed_once_and_by_its_client(site: Site, env: Env) -> None:
    leads_to = Auth0(env).follow()
    assert leads_to.startswith(f"{env['A0_CALLBACK_URL']}?code=")
    client = OAuth(env, "A0_APP")
    client.session.state = "a state"
    token = client.fetch_token(authorization_response=leads_to)
    assert {"refresh_token", "id_token"} & token.keys() == set()
    me = client.session.get(f"{env['BASE_URL']}/userinfo").json()
    assert me["impersonated"] is True
    assert me["user_id"] == env["A0_TARGET_USER_ID"]
    assert me["impersonator"]["user_id"] == env["A0_IMPERSONATOR_ID"]
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.fetch_token(authorization_response=leads_to)
    # Somebody else may have had it, so the session is over.
    assert client.session.get(f"{env['BASE_URL']}/userinfo").status_code == 401


def test_a_token_in_the_fragment_is_good_at_once(site: Site, env: Env) -> None:
    fragment = Auth0(env).follow("token").partition("#")[2]
    token = dict(one.split("=", 1) for one in fragment.split("&"))["access_token"]
    assert OAuth(env).introspect(token)["active"] is True


def test_an_unknown_user_of_auth0_is_told(site: Site, env: Env) -> None:
    answer = Auth0(env).link(target="auth0|nobody")
    assert (answer.status_code, answer.json()["error"]) == (404, "inexistent_user")
