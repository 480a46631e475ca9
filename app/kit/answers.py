"""The kit's own HTTP answers: small, never cached, under the strictest policy that works."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIEnvironment

Headers = list[tuple[str, str]]

_SAFE: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("X-Frame-Options", "DENY"),
]
_NO_CONTENT_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A whole answer, which is a WSGI application too."""

    status: HTTPStatus
    headers: Headers
    body: bytes = b""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = self.headers
        if self.status != HTTPStatus.NOT_MODIFIED:
            headers = [*headers, ("Content-Length", str(len(self.body)))]
        start_response(f"{self.status.value} {self.status.phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]

    def with_headers(self, *headers: tuple[str, str]) -> "Answer":
        """The same answer with more headers."""
        return replace(self, headers=[*self.headers, *headers])


def html_answer(status: HTTPStatus, page: str, *, nonce: str) -> Answer:
    """A page that may load the kit's script that carries ``nonce``, its style sheet, no more."""
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return Answer(
        status=status,
        headers=_private("text/html; charset=utf-8", policy),
        body=page.encode(),
    )


def json_answer(status: HTTPStatus, content: dict[str, object]) -> Answer:
    """JSON for the kit's own scripts."""
    return Answer(
        status=status,
        headers=_private("application/json", _NO_CONTENT_POLICY),
        body=json.dumps(content).encode(),
    )


def problem(status: HTTPStatus, code: str, detail: str, **members: object) -> Answer:
    """An RFC 9457 problem, with a ``code`` for programs."""
    content = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        **members,
    }
    return Answer(
        status=status,
        headers=_private("application/problem+json", _NO_CONTENT_POLICY),
        body=json.dumps(content).encode(),
    )


def asset_answer(media_type: str, body: bytes, *, etag: str, immutable: bool) -> Answer:
    """A static file: for ever under its hashed address, else asked for again each time."""
    lifetime = "public, max-age=31536000, immutable" if immutable else "no-cache"
    return Answer(
        status=HTTPStatus.OK,
        headers=[
            ("Content-Type", media_type),
            ("Cache-Control", lifetime),
            ("ETag", etag),
            ("Content-Security-Policy", _NO_CONTENT_POLICY),
            *_SAFE,
        ],
        body=body,
    )


def _private(media_type: str, policy: str) -> Headers:
    return [
        ("Content-Type", media_type),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", policy),
        *_SAFE,
    ]
