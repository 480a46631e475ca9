"""The WSGI middleware with which a product app takes part in impersonation."""

import logging
import uuid
from collections.abc import Iterable
from functools import partial
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from app.kit.answers import Answer
from app.kit.client import Action, AdminClient, AdminUnavailable, SessionEnded
from app.kit.impersonation import ENVIRON_KEY, REQUEST_ID_KEY
from app.kit.member_only import MemberOnly
from app.kit.own_paths import OwnPaths, is_own
from app.kit.recorded_run import RecordedRun
from app.kit.refusals import address_too_long, admin_unavailable, member_only, session_ended
from app.kit.requests import address_of, impersonation_token, path_of, user_agent_of, wants_page

logger = logging.getLogger(__name__)

PRESENCE_SECONDS = 5.0

# As much of a path as the admin site keeps. Products find the same page behind any number of
# slashes, so a longer path could push what is done out of the record.
_LONGEST_PATH = 500

_REPORT_ATTEMPTS = 2


class ImpersonationMiddleware:
    """Runs the app as the member for requests that carry a live impersonation token.

    Each such request is recorded at the admin site before the app sees it, and refused where it
    cannot be. Every other request, the kit's own paths apart, passes through untouched.

    `member_only` are the addresses, such as "/billing" or "POST /password", that are refused under
    impersonation, on record; `presence_seconds` is how often an open tab asks for its session.
    """

    def __init__(
        self,
        wsgi_app: WSGIApplication,
        admin: AdminClient,
        *,
        member_only: Iterable[str] = (),
        presence_seconds: float = PRESENCE_SECONDS,
    ) -> None:
        self._app = wsgi_app
        self._member_only = MemberOnly(member_only)
        self._admin = admin
        self._own_paths = OwnPaths(admin=admin, presence_seconds=presence_seconds)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if is_own(environ.get("PATH_INFO", "")):
            return self._own_paths.answer(environ)(environ, start_response)
        token = impersonation_token(environ)
        if token is None:
            return self._app(environ, start_response)
        if len(path_of(environ)) > _LONGEST_PATH:
            return _varied(address_too_long())(environ, start_response)
        try:
            action = self._record(token, environ)
        except SessionEnded as end:
            refusal = session_ended(end.ended, as_page=wants_page(environ))
        except AdminUnavailable as reason:
            logger.warning("An impersonated request was refused, nothing was run: %s", reason)
            refusal = admin_unavailable(as_page=wants_page(environ))
        else:
            report = partial(self._report, action.id)
            return RecordedRun(self._app_for(environ), environ, start_response, report)
        return _varied(refusal)(environ, start_response)

    def _app_for(self, environ: WSGIEnvironment) -> WSGIApplication:
        # A server may take the beginning of a path from a header: it hides no page.
        paths = {path_of(environ), environ.get("PATH_INFO", "")}
        if any(self._member_only.holds(environ["REQUEST_METHOD"], path) for path in paths):
            return member_only(as_page=wants_page(environ))
        return self._app

    def _record(self, token: str, environ: WSGIEnvironment) -> Action:
        request_id = uuid.uuid4().hex
        action = self._admin.record_action(
            token,
            method=environ["REQUEST_METHOD"],
            path=path_of(environ),
            request_id=request_id,
            address=address_of(environ),
            user_agent=user_agent_of(environ),
        )
        environ[ENVIRON_KEY] = action.impersonation
        environ[REQUEST_ID_KEY] = request_id
        # The browser's own sign-in must not mix with the member's, and the app has no use for the
        # token: what it does not hold, it cannot write into its logs.
        environ.pop("HTTP_COOKIE", None)
        environ.pop("HTTP_AUTHORIZATION", None)
        return action

    def _report(self, action_id: str, status: int, duration_ms: int) -> None:
        for attempt in range(1, _REPORT_ATTEMPTS + 1):
            try:
                self._admin.record_outcome(action_id, status=status, duration_ms=duration_ms)
            except (AdminUnavailable, SessionEnded) as reason:
                # The answer is out already: there is nothing left to refuse.
                logger.warning(
                    "Outcome %s of action %s not recorded, attempt %s of %s: %s",
                    status,
                    action_id,
                    attempt,
                    _REPORT_ATTEMPTS,
                    reason,
                )
            else:
                return


def _varied(answer: Answer) -> Answer:
    return answer.with_headers(("Vary", "Authorization, Accept"))
