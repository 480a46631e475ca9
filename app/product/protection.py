"""What guards every request and answer: host, cookies, forgery, and the browser's own locks."""

import hashlib
import secrets
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Request, Response, g, request, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect, generate_csrf
from markupsafe import Markup
from werkzeug.exceptions import BadRequest

from app.kit.impersonation import current as current_impersonation
from app.product.config import Config
from app.product.people import impersonation
from app.product.unit_of_work import SAFE_METHODS

ONE_YEAR = 31_536_000

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Not "no-referrer": over https, form posts are checked by their Referer too.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_csrf = CSRFProtect()


class HostGate:
    """Answers one Host only, before the integration kit or a page sees the request.

    A demo answers this machine only as well: everybody knows its members' passwords.
    """

    def __init__(self, wsgi_app: WSGIApplication, host: str, *, demo: bool) -> None:
        self._wsgi_app = wsgi_app
        self._host = host
        self._demo = demo

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._demo and not _is_this_machine(environ.get("REMOTE_ADDR", "")):
            status, sentence = "403 Forbidden", b"This demo answers on its own machine only.\n"
        elif environ.get("HTTP_HOST", "").lower() != self._host:
            status = "400 Bad Request"
            sentence = b"Letterbox does not answer to this host name.\n"
        else:
            return self._wsgi_app(environ, start_response)
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        }
        start_response(status, [*(headers | HEADERS).items()])
        return [sentence]


class MemberCookies(SecureCookieSessionInterface):
    """Cookies are the members' own: an impersonated request neither reads nor sets one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if current_impersonation(request.environ) is not None:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SecureCookieSession, response: Response) -> None:  # type: ignore[override]
        if impersonation() is None:
            super().save_session(app, session, response)


def register(app: Flask, config: Config) -> None:
    app.config.update(
        SECRET_KEY=config.secret_key,
        SESSION_COOKIE_NAME="__Host-letterbox" if config.is_secure else "letterbox",
        SESSION_COOKIE_SECURE=config.is_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=1_000_000,
        WTF_CSRF_CHECK_DEFAULT=False,
        # As long as the sign-in: a page may stay open for a day.
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.session_interface = MemberCookies()
    _csrf.init_app(app)
    app.after_request(_add_headers)
    if config.is_secure:
        app.after_request(_insist_on_https)
    app.jinja_env.globals.update(csp_nonce=csp_nonce, csrf_field=csrf_field, asset=asset)


def refuse_forgery(own_origin: str, *, signed_in: bool) -> None:
    """A change must come from our own page. An impersonated one proves that by its token.

    Strangers are known by the origin alone: a token of theirs would need a cookie, and a page
    that sets one for strangers signs out the member whose cookie did not travel with a link.
    """
    if request.method in SAFE_METHODS or impersonation() is not None:
        return
    site = request.headers.get("Sec-Fetch-Site")
    from_here = site == "same-origin" if site else request.headers.get("Origin") == own_origin
    if not from_here:
        raise BadRequest("This form was not sent from a page of Letterbox.")
    if signed_in:
        _csrf.protect()


def csp_nonce() -> str:
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def csrf_field() -> Markup:
    # An impersonated page needs none, and asking for one would set a cookie.
    if impersonation() is not None:
        return Markup()
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def asset(filename: str) -> str:
    """The address of a static file, different whenever the file is."""
    folder = Path(__file__).parents[2] / "static" / "product"
    return url_for("static", filename=filename, v=_fingerprint(folder / filename))


@lru_cache
def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _is_this_machine(address: str) -> bool:
    # A socket file has no address.
    try:
        return not address or ip_address(address.removeprefix("::ffff:")).is_loopback
    except ValueError:
        return False


def _content_security_policy() -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{csp_nonce()}'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types understudy",
        )
    )


def _add_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = _content_security_policy()
    if request.endpoint == "static" and response.status_code == HTTPStatus.OK:
        response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable"
    else:
        response.headers["Cache-Control"] = "no-store"
        # One address, two people: the member by cookie, and support by token.
        response.vary.update(("Authorization", "Cookie"))
    return response


def _insist_on_https(response: Response) -> Response:
    response.headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}; includeSubDomains"
    return response
