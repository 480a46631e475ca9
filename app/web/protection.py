"""What guards every response and every change: headers, CSP, CSRF, origin and host."""

import secrets
from collections.abc import Iterable
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, g, request
from flask_wtf import CSRFProtect
from werkzeug.exceptions import BadRequest, Forbidden

from app.config import Config
from app.storage.networks import is_this_machine
from app.web.routing import Route

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
STATIC_MAX_AGE = 31536000
HSTS = "max-age=31536000; includeSubDomains"
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

csrf = CSRFProtect()


class DemoGate:
    """Lets this machine alone reach a demo, whose passwords everybody knows (S12).

    It asks for the socket's own address, before any proxy's word for it is taken. Without one
    there is no network: a socket file, or a program that has the site within itself.
    """

    def __init__(self, wsgi_app: WSGIApplication) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        address = environ.get("REMOTE_ADDR")
        if not address or is_this_machine(address):
            return self._wsgi_app(environ, start_response)
        headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
        start_response("403 Forbidden", [*(headers | HEADERS).items()])
        return [b"This is a demo, which answers only on the machine that it runs on.\n"]


class CrossOrigin(Forbidden):
    """Another site sent this form."""

    description = "This request came from another site, so nothing was done."


class WrongHost(BadRequest):
    """The request was meant for another site."""

    description = "There is no site of this name here."


def install(app: Flask, config: Config) -> None:
    """Set the cookies, the CSRF check and the headers of every response."""
    app.config.update(
        SECRET_KEY=config.secret_key,
        # The __Host- prefix binds the cookie to this very host, but only https may use it.
        SESSION_COOKIE_NAME="__Host-understudy" if config.is_https else "understudy",
        SESSION_COOKIE_SECURE=config.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        MAX_CONTENT_LENGTH=64 * 1024,
        MAX_FORM_MEMORY_SIZE=64 * 1024,
        MAX_FORM_PARTS=100,
        SEND_FILE_MAX_AGE_DEFAULT=STATIC_MAX_AGE,
        # The token lives as long as the sign-in; the referrer is not asked for, since fetch
        # metadata says the same and is always sent.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_CHECK_DEFAULT=False,
    )
    csrf.init_app(app)
    app.jinja_env.globals["csp_nonce"] = csp_nonce

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["Content-Security-Policy"] = _csp(config)
        if config.is_https:
            response.headers["Strict-Transport-Security"] = HSTS
        # A file that is not there may be there tomorrow.
        if request.endpoint != "static" or response.status_code >= HTTPStatus.BAD_REQUEST:
            response.headers["Cache-Control"] = "no-store"
            response.vary.add("Cookie")
        return response


def csp_nonce() -> str:
    """Return this response's nonce (W1)."""
    nonce: str | None = g.get("csp_nonce")
    if nonce is None:
        nonce = g.csp_nonce = secrets.token_urlsafe(16)
    return nonce


def check_host(config: Config) -> None:
    """Refuse a Host that is not ours (W10)."""
    if request.host != config.admin_host:
        raise WrongHost


def check_change(route: Route, config: Config) -> None:
    """Refuse a change that our own pages did not send (W5). API keys prove themselves."""
    if request.method in SAFE_METHODS or route.is_for_programs:
        return
    site = request.headers.get("Sec-Fetch-Site")
    # A sibling site under one domain is "same-site" and gets our cookies; only ourselves will do.
    if site is not None and site != "same-origin":
        raise CrossOrigin
    if site is None and request.headers.get("Origin", config.admin_url) != config.admin_url:
        raise CrossOrigin
    csrf.protect()


def _csp(config: Config) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{csp_nonce()}'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            # Starting a session redirects a form to the product app; without its origin here
            # the browser stops after the session has started.
            f"form-action 'self' {config.product_url}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types htmx",
        )
    )
