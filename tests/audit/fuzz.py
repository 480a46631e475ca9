"""Bytes that a fuzzer makes up, for what reads what strangers send. See `make audit`.

Whatever comes is taken or refused in the one way that its caller expects.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import atheris
from flask import Flask

with atheris.instrument_imports():
    import jwt

    from app.domain import signing_keys
    from app.domain.key_ring import CurrentKeys, KeyFiles
    from app.domain.tokens import InvalidToken, Tokens
    from app.web.admin.sign_in import local_path

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONGEST_SECONDS = 1200
HERE = "https://admin.example.com"
# What to begin with: almost good claims, and addresses that almost lead away.
SEEDS = {
    "tokens": (
        b"""{"iss": "i", "aud": "a", "sub": "m", "org_id": "o", "act": {"sub": "x"}, "sid": "s",
        "jti": "j", "iat": 1772442000, "nbf": 1772442000, "exp": 1772443201}""",
        b"eyJhbGciOiJFZERTQSJ9.e30.AAAA",
    ),
    "next": (b"/members?q=x", b"/%2f/evil.example", b"https:evil.example", b"/\t/evil.example"),
}


def tokens() -> Callable[[bytes], None]:
    """Nothing unsigned is a token; what is signed keeps the rules; only InvalidToken is raised."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "signing-key.pem"
        signing_keys.create(path)
        checked = Tokens(keys=CurrentKeys(KeyFiles(path)), issuer="i", audience="a")
        key = signing_keys.load(path)
    headers = {"kid": key.kid, "typ": "imp+jwt"}

    def is_good(token: str) -> bool:
        try:
            checked.verify(token, now=NOW)
        except InvalidToken:
            return False
        return True

    def read(data: bytes) -> None:
        assert not is_good(data.decode("latin1"))
        signed = jwt.api_jws.encode(data, key.private, algorithm="EdDSA", headers=headers)
        if is_good(signed):
            said = json.loads(data)
            assert (said["iss"], said["aud"], [*said["act"]]) == ("i", "a", ["sub"]), data
            assert 0 < said["exp"] - said["iat"] <= LONGEST_SECONDS, data

    return read


def next_path() -> Callable[[bytes], None]:
    """Wherever it leads, it leads to ourselves."""
    site = Flask("audit")
    site.add_url_rule("/", "overview.show", lambda: "")
    site.test_request_context().push()

    def read(data: bytes) -> None:
        path = local_path(data.decode("utf-8", errors="surrogateescape"))
        there = urlsplit(urljoin(HERE + "/sign-in", path))
        assert f"{there.scheme}://{there.netloc}" == HERE, path
        assert not path.startswith(("//", "/\\")), path
        assert path.isprintable(), path

    return read


if __name__ == "__main__":
    name = sys.argv.pop(1)
    target = {"tokens": tokens, "next": next_path}[name]()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS[name]):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, corpus], target)
        atheris.Fuzz()
