"""What the kit reads from a request."""

import base64
import json
from wsgiref.types import WSGIEnvironment

_TYP = "imp+jwt"
_LONGEST_USER_AGENT = 300


def impersonation_token(environ: WSGIEnvironment) -> str | None:
    """The impersonation token that the request carries, good or not; None for any other request.

    This only tells whose business the token is. Whether it opens anything the admin site decides.
    """
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    token: str = credentials.strip()
    return token if _claims_to_impersonate(token) else None


def path_of(environ: WSGIEnvironment) -> str:
    """The path as it was asked for, without its query, which may hold what is not ours to keep."""
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    # WSGI hands bytes on in the clothes of Latin-1.
    text = path.encode("latin-1", "replace").decode("utf-8", "replace")
    # No database takes a NUL; like a broken letter, it is no part of any address.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def address_of(environ: WSGIEnvironment) -> str:
    """The asker's network address, as the server in front has settled it."""
    address: str = environ.get("REMOTE_ADDR", "")
    return address


def user_agent_of(environ: WSGIEnvironment) -> str:
    """The asker's browser, as it calls itself."""
    user_agent: str = environ.get("HTTP_USER_AGENT", "")
    return user_agent[:_LONGEST_USER_AGENT]


def wants_page(environ: WSGIEnvironment) -> bool:
    """Whether a person looks at the answer, rather than a program."""
    return "text/html" in environ.get("HTTP_ACCEPT", "")


def _claims_to_impersonate(token: str) -> bool:
    # Read by hand, more leniently than a verifier would: a broken token of ours must be refused
    # as one, and not pass for an ordinary request.
    head = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return False
    kind = header.get("typ") if isinstance(header, dict) else None
    return isinstance(kind, str) and kind.lower().removeprefix("application/") == _TYP
