"""The ways in which an impersonated request is refused, for people and for programs."""

from http import HTTPStatus

from app.kit import pages
from app.kit.answers import Answer, problem
from app.kit.impersonation import Ended

_CHALLENGE = ("WWW-Authenticate", 'Bearer realm="impersonation", error="invalid_token"')
_RETRY_AFTER = ("Retry-After", "5")


def session_ended(ended: Ended | None, *, as_page: bool) -> Answer:
    """401: the token opens nothing any more."""
    if as_page:
        answer = pages.ended(ended.sentence if ended else "", status=HTTPStatus.UNAUTHORIZED)
    else:
        answer = problem(
            HTTPStatus.UNAUTHORIZED,
            "impersonation_ended",
            ended.sentence if ended else "This session has ended.",
            ended={"why": ended.why, "sentence": ended.sentence} if ended else None,
        )
    return answer.with_headers(_CHALLENGE)


def address_too_long() -> Answer:
    """414: nothing was done, because the trail would not show the whole of it."""
    return problem(
        HTTPStatus.REQUEST_URI_TOO_LONG,
        "address_too_long",
        "This address is too long to be recorded, so nothing was done.",
    )


def member_only(*, as_page: bool) -> Answer:
    """403: the product keeps this for the member, whoever impersonates them."""
    if as_page:
        answer = pages.member_only()
    else:
        answer = problem(
            HTTPStatus.FORBIDDEN,
            "member_only",
            "This is for the member alone. Nothing was done.",
        )
    return answer.with_headers(("Vary", "Accept"))


def admin_unavailable(*, as_page: bool) -> Answer:
    """503: nothing was done, because it could not be checked and recorded."""
    if as_page:
        answer = pages.admin_unavailable()
    else:
        answer = problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "admin_unavailable",
            "The admin site cannot be reached. Nothing was done, because it cannot be recorded.",
        )
    return answer.with_headers(_RETRY_AFTER)
