"""The kit's own pages and the files they load."""

import hashlib
import secrets
from dataclasses import replace
from html import escape
from http import HTTPStatus
from pathlib import Path
from string import Template

from app.kit.answers import Answer, asset_answer, html_answer

_FOLDER = Path(__file__).with_name("browser")
_ASSETS_PATH = "/impersonation/assets/"
_MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


_ASSETS = {
    path.name: path.read_bytes() for path in _FOLDER.iterdir() if path.suffix in _MEDIA_TYPES
}
# One version for all of them, since the script asks for the style sheet under its own.
_VERSION = hashlib.sha256(b"".join(_ASSETS[name] for name in sorted(_ASSETS))).hexdigest()[:16]
_TEMPLATES = {path.stem: Template(path.read_text("utf-8")) for path in _FOLDER.glob("*.html")}


def asset_url(name: str) -> str:
    """The address of one of the kit's files, which changes with their content."""
    if name not in _ASSETS:
        raise LookupError(f"the kit has no file {name!r}")
    return f"{_ASSETS_PATH}{name}?v={_VERSION}"


def asset(name: str, *, query: str, if_none_match: str) -> Answer | None:
    """One of the kit's files, or None where there is none of that name."""
    body = _ASSETS.get(name)
    if body is None:
        return None
    etag = f'"{_VERSION}"'
    media_type = _MEDIA_TYPES[Path(name).suffix]
    answer = asset_answer(media_type, body, etag=etag, immutable=query == f"v={_VERSION}")
    if if_none_match == etag:
        return replace(answer, status=HTTPStatus.NOT_MODIFIED, body=b"")
    return answer


def landing() -> Answer:
    """Where the admin site's hand-off arrives."""
    return _page(HTTPStatus.OK, "landing", title="Opening the session", script="landing.js")


def ended(sentence: str = "", *, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """The session has ended; without a sentence, the script tells the one this tab remembers."""
    title = "This session has ended"
    return _page(status, "ended", title=title, script="ended.js", sentence=sentence)


def admin_unavailable() -> Answer:
    """The request was refused because it could not be checked and recorded."""
    return _page(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", title="Not possible right now")


def member_only() -> Answer:
    """The request was refused because it is the member's own business."""
    title = "This is for the member alone"
    return _page(HTTPStatus.FORBIDDEN, "member_only", title=title)


def not_found() -> Answer:
    """Nothing of the kit's is at this address."""
    return _page(HTTPStatus.NOT_FOUND, "not_found", title="Page not found")


def _page(
    status: HTTPStatus, name: str, *, title: str, script: str | None = None, **texts: str
) -> Answer:
    nonce = secrets.token_urlsafe(16)
    content = _TEMPLATES[name].substitute({key: escape(text) for key, text in texts.items()})
    tag = f'<script src="{escape(asset_url(script))}" nonce="{nonce}"></script>' if script else ""
    page = _TEMPLATES["layout"].substitute(
        title=escape(title),
        script=tag,
        style=escape(asset_url("page.css")),
        content=content,
    )
    return html_answer(status, page, nonce=nonce)
