"""An OpenID provider in a process of its own, made with Authlib's server side.

It signs in whoever it is told to, and misbehaves when it is told to; what it is told comes over
its own `/told`. The protocol is Authlib's: codes, PKCE, client secrets, ID tokens.
"""

import base64
import contextlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwk, jwt
from werkzeug.serving import make_server

ROOT = Path(__file__).resolve().parents[1]
CLIENT_ID, CLIENT_SECRET = "understudy", "the client's secret at the provider"
ALG = "ES256"


@dataclass(frozen=True)
class Provider:
    """A running provider, as a test sees it."""

    issuer: str

    def tell(self, **what: Any) -> None:
        """Say who is in front of it from now on, and how it is to misbehave."""
        data = json.dumps(what).encode()
        asked = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.issuer}/told", data=data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            assert answer.status == 204


@contextmanager
def running() -> Iterator[Provider]:
    """Run one until the block is left."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.openid_provider"],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Provider(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.communicate(timeout=30)


class Client(ClientMixin):  # type: ignore[misc]
    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri.endswith("/sign-in/company/callback")

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class Code(SimpleNamespace):
    def get_redirect_uri(self) -> Any:
        return self.redirect_uri

    def get_scope(self) -> Any:
        return self.scope

    def get_nonce(self) -> Any:
        return self.nonce

    def get_auth_time(self) -> Any:
        return told.get("auth_time")

    def get_acr(self) -> Any:
        return told.get("acr")

    def get_amr(self) -> Any:
        return told.get("amr")


told: dict[str, Any] = {}
codes: dict[str, Code] = {}
keys = {name: jwk.ECKey.generate_key("P-256", {"kid": name, "use": "sig"}) for name in "ab"}
app = Flask(__name__)
app.config["SECRET_KEY"] = "of no use"
# The flows of a test go over loopback.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload
        codes[code] = Code(
            redirect_uri=asked.redirect_uri,
            scope=asked.scope,
            nonce=asked.data.get("nonce"),
            code_challenge=asked.data.get("code_challenge"),
            code_challenge_method=asked.data.get("code_challenge_method"),
        )

    def query_authorization_code(self, code: str, _client: Client) -> Code | None:
        return codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        if told.get("misbehave") == "codes again":
            return
        for code in [one for one, it in codes.items() if it is authorization_code]:
            del codes[code]

    def authenticate_user(self, _authorization_code: Code) -> Any:
        return SimpleNamespace(sub=told.get("subject", "nobody"))


class IDTokens(OpenIDCode):  # type: ignore[misc]
    def exists_nonce(self, _nonce: str, _request: Any) -> bool:
        return False

    def resolve_client_private_key(self, _client: Client) -> jwk.ECKey:
        return keys[told.get("key", "a")]

    def get_client_algorithm(self, _client: Client) -> str:
        return ALG

    def get_encode_header(self, _client: Client) -> dict[str, str]:
        return {"alg": ALG, "kid": str(told.get("key", "a"))}

    def get_client_claims(self, _client: Client) -> dict[str, str]:
        return {"iss": issuer(), "aud": CLIENT_ID}

    def generate_user_info(self, user: Any, _scope: str) -> Any:
        return UserInfo(sub=user.sub, **told.get("claims", {}))

    def encode_id_token(self, token: dict[str, Any], request: Any) -> Any:
        made = str(super().encode_id_token(token, request))
        return _misbehaving(made)


def _misbehaving(id_token: str) -> Any:
    how = told.get("misbehave")
    claims = jwt.decode(id_token, keys[told.get("key", "a")], algorithms=[ALG]).claims
    if how in FORGED:
        return FORGED[how](claims)
    if how not in CHANGES:
        return id_token
    changed = {name: it for name, it in (claims | CHANGES[how]()).items() if it is not None}
    return jwt.encode(HEADER, changed, keys["a"], [ALG])


HEADER = {"alg": ALG, "kid": "a"}
CHANGES: dict[Any, Any] = {
    "nonce": lambda: {"nonce": "another"},
    "no nonce": lambda: {"nonce": None},
    "aud": lambda: {"aud": "another client"},
    "aud beside azp": lambda: {"aud": "another client", "azp": CLIENT_ID},
    "azp": lambda: {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
    "iss": lambda: {"iss": "http://evil.example"},
    "exp": lambda: {"exp": int(time.time()) - 3600},
    "iat": lambda: {"iat": int(time.time()) + 3600},
    "no sub": lambda: {"sub": None},
    "number as sub": lambda: {"sub": 7},
    "long sub": lambda: {"sub": "x" * 300},
    "no auth_time": lambda: {"auth_time": None},
}


def _with_secret(claims: dict[str, Any], secret: bytes) -> str:
    """Sign as whoever knows something that is no secret, or not only the provider's."""
    signed = f"{_b64({'alg': 'HS256', 'kid': 'a'})}.{_b64(claims)}"
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), 'sha256'))}"


def _with_own_key(claims: dict[str, Any], header: dict[str, Any]) -> str:
    own = jwk.ECKey.generate_key("P-256")
    named = {"jwk": own.as_dict(private=False)} if "jwk" in header else {}
    return jwt.encode(HEADER | named, claims, own, [ALG])


def _with_unknown_header(claims: dict[str, Any]) -> str:
    """Sign well, under a header that whoever does not know it has to refuse (RFC 7515)."""
    pem = keys["a"].as_pem(private=True)
    return pyjwt.encode(claims, pem, ALG, headers=HEADER | {"crit": ["bork"], "bork": True})


FORGED: dict[Any, Any] = {
    "unknown crit": _with_unknown_header,
    "none": lambda claims: f"{_b64({'alg': 'none'})}.{_b64(claims)}.",
    "key confusion": lambda claims: _with_secret(claims, keys["a"].as_pem(private=False)),
    "client secret": lambda claims: _with_secret(claims, CLIENT_SECRET.encode()),
    "another key": lambda claims: _with_own_key(claims, {}),
    "own key": lambda claims: _with_own_key(claims, {"jwk": None}),
    "no token": lambda _claims: None,
}


def _b64(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


server = AuthorizationServer(
    app, query_client=lambda id_: Client() if id_ == CLIENT_ID else None, save_token=lambda *_: None
)
server.register_grant(CodeGrant, [IDTokens(require_nonce=True), CodeChallenge(required=True)])


def issuer() -> str:
    return request.host_url.rstrip("/")


@app.before_request
def misbehave_everywhere() -> Any:
    here = request.path == told.get("at", "/token")
    answer = ANSWERS.get(told.get("misbehave")) if here else None
    return answer() if answer else None


def _drip() -> Iterator[bytes]:
    for _ in range(600):
        yield b" "
        time.sleep(0.1)


ANSWERS: dict[Any, Any] = {
    "status": lambda: Response("out of order", 500),
    "huge": lambda: Response(b'{"a":"' + b"x" * 10_000_000 + b'"}', mimetype="application/json"),
    "slow": lambda: Response(_drip(), mimetype="application/json"),
    "html": lambda: Response("<h1>Sorry</h1>", mimetype="text/html"),
    "list": lambda: jsonify([1]),
    "redirect": lambda: redirect("http://127.0.0.1:9/"),
}


@app.get("/.well-known/openid-configuration")
def discovery() -> Any:
    here = issuer()
    document = {
        "issuer": "http://evil.example" if told.get("misbehave") == "issuer" else here,
        "authorization_endpoint": f"{here}/authorize",
        "token_endpoint": f"{here}/token",
        "jwks_uri": f"{here}/keys",
        "id_token_signing_alg_values_supported": [ALG, "HS256", "none"],
    }
    if told.get("misbehave") == "endpoint":
        document["token_endpoint"] = "file:///etc/passwd"
    return jsonify(document)


@app.get("/keys")
def key_set() -> Any:
    known = [told.get("key", "a")]
    return jsonify(keys=[{"kty": "nonsense"}, *(keys[k].as_dict(private=False) for k in known)])


@app.get("/authorize")
def authorize() -> Any:
    if told.get("misbehave") == "denied":
        back = f"{request.args['redirect_uri']}?error=access_denied&state={request.args['state']}"
        return redirect(back)
    grant = server.get_consent_grant(end_user=SimpleNamespace(sub="x"))
    return server.create_authorization_response(
        grant=grant, grant_user=SimpleNamespace(sub=told.get("subject", "nobody"))
    )


@app.post("/token")
def token() -> Any:
    return server.create_token_response()


@app.post("/told")
def tell() -> Any:
    told.clear()
    told.update(request.get_json())
    return Response(status=204)


if __name__ == "__main__":
    httpd = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"http://127.0.0.1:{httpd.server_port}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        threading.Event().wait()
