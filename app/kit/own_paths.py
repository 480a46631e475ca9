"""What the kit itself answers under /impersonation, on the product's origin."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from wsgiref.types import WSGIEnvironment

from app.kit import pages
from app.kit.answers import Answer, json_answer, problem
from app.kit.client import AdminClient, AdminUnavailable, SessionEnded, TicketRefused
from app.kit.impersonation import Impersonation
from app.kit.refusals import admin_unavailable, session_ended
from app.kit.requests import address_of, impersonation_token, user_agent_of

PREFIX = "/impersonation"

_LONGEST_BODY = 4096

Handler = Callable[[WSGIEnvironment], Answer]


class _Refused(Exception):
    """The asker's fault; carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnPaths:
    """The landing and ended pages, the scripts, and the three calls that the scripts make."""

    admin: AdminClient
    presence_seconds: float

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """Answer a request whose path ``is_own``."""
        path = environ["PATH_INFO"]
        calls: dict[str, Handler] = {
            f"{PREFIX}/redemption": self._redeem,
            f"{PREFIX}/presence": self._tell_presence,
            f"{PREFIX}/end": self._end,
        }
        if path in calls:
            return self._call(calls[path], environ)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _method_not_allowed("GET, HEAD")
        return _page(path, environ)

    def _call(self, handler: Handler, environ: WSGIEnvironment) -> Answer:
        if environ["REQUEST_METHOD"] != "POST":
            return _method_not_allowed("POST")
        try:
            _check_same_origin(environ)
            return handler(environ)
        except _Refused as refused:
            return refused.answer
        except TicketRefused:
            return problem(HTTPStatus.BAD_REQUEST, "ticket_refused", "This link no longer works.")
        except SessionEnded as ended:
            return session_ended(ended.ended, as_page=False)
        except AdminUnavailable:
            return admin_unavailable(as_page=False)

    def _redeem(self, environ: WSGIEnvironment) -> Answer:
        match _content(environ, "ticket"):
            case {"ticket": str(ticket)} if ticket:
                address, user_agent = address_of(environ), user_agent_of(environ)
                redemption = self.admin.redeem(ticket, address=address, user_agent=user_agent)
            case _:
                raise _Refused(_bad_request("A ticket is needed."))
        return json_answer(HTTPStatus.OK, {"token": redemption.token})

    def _tell_presence(self, environ: WSGIEnvironment) -> Answer:
        match _content(environ, "page_id", "state"):
            case {"page_id": str(page_id), "state": "open" | "closing" as state} if page_id:
                token = _token(environ)
                impersonation = self.admin.tell_presence(token, page_id=page_id, state=state)
            case _:
                raise _Refused(_bad_request("A page_id and a state are needed."))
        return json_answer(
            HTTPStatus.OK,
            {
                "impersonation": _for_the_banner(impersonation),
                "presence_seconds": self.presence_seconds,
            },
        )

    def _end(self, environ: WSGIEnvironment) -> Answer:
        _content(environ)
        ended = self.admin.end(_token(environ))
        return json_answer(HTTPStatus.OK, {"ended": {"why": ended.why, "sentence": ended.sentence}})


def is_own(path: str) -> bool:
    """Whether the kit, not the product, answers this path."""
    return path == PREFIX or path.startswith(PREFIX + "/")


def _page(path: str, environ: WSGIEnvironment) -> Answer:
    if path == PREFIX:
        return pages.landing()
    if path == f"{PREFIX}/ended":
        return pages.ended()
    folder, _, name = path.rpartition("/")
    if folder == f"{PREFIX}/assets":
        query, known = environ.get("QUERY_STRING", ""), environ.get("HTTP_IF_NONE_MATCH", "")
        return pages.asset(name, query=query, if_none_match=known) or pages.not_found()
    return pages.not_found()


def _check_same_origin(environ: WSGIEnvironment) -> None:
    site = environ.get("HTTP_SEC_FETCH_SITE")
    own = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
    # A sibling under the same domain is as foreign as any other site.
    same = site == "same-origin" if site is not None else environ.get("HTTP_ORIGIN") == own
    if not same:
        detail = "Only the product's own pages may ask this."
        raise _Refused(problem(HTTPStatus.FORBIDDEN, "cross_site", detail))


def _content(environ: WSGIEnvironment, *names: str) -> dict[str, Any]:
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        detail = "Send application/json."
        raise _Refused(problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json", detail))
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > _LONGEST_BODY:
        detail = f"At most {_LONGEST_BODY} bytes."
        raise _Refused(problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail))
    try:
        content = json.loads(environ["wsgi.input"].read(int(length)))
    except (ValueError, RecursionError):
        raise _Refused(_bad_request("This is not JSON.")) from None
    if not isinstance(content, dict):
        raise _Refused(_bad_request("Send a JSON object."))
    if not content.keys() <= set(names):
        raise _Refused(_bad_request("There is no such field."))
    return content


def _token(environ: WSGIEnvironment) -> str:
    token = impersonation_token(environ)
    if token is None:
        raise SessionEnded(None)
    return token


def _for_the_banner(impersonation: Impersonation) -> dict[str, object]:
    subject, account = impersonation.subject, impersonation.account
    return {
        "subject": {"id": subject.id, "name": subject.name, "email": subject.email},
        "account": {"name": account.name},
        "actor": {"name": impersonation.actor.name},
        "seconds_left": impersonation.seconds_left,
    }


def _method_not_allowed(allowed: str) -> Answer:
    return problem(
        HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", f"Allowed here: {allowed}."
    ).with_headers(("Allow", allowed))


def _bad_request(detail: str) -> Answer:
    return problem(HTTPStatus.BAD_REQUEST, "bad_request", detail)
