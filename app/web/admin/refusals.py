"""Why the Impersonate buttons of a page are disabled, said before anybody clicks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import doubts, throttles
from app.domain.policies import Refusal, refusal_to_impersonate
from app.storage.admins import Admin, admin_email_keys
from app.storage.listed_members import ListedMember
from app.storage.members import Member
from app.web.application_context import start_limits


def refusals(
    db: Session, impersonator: Admin, targets: Sequence[Member | ListedMember], *, now: datetime
) -> dict[str, str | None]:
    """Return, by member id, the sentence why the admin may not impersonate; None where they may."""
    admin_keys = admin_email_keys(db, [target.email for target in targets])
    sentences: dict[str, str | None] = {}
    otherwise = _refusal_of_any(db, impersonator, now)
    for target in targets:
        refusal = refusal_to_impersonate(
            impersonator=impersonator,
            target=target,
            target_is_admin=target.email_key in admin_keys,
        )
        sentences[target.id] = refusal.sentence if refusal else otherwise
    return sentences


def _refusal_of_any(db: Session, impersonator: Admin, now: datetime) -> str | None:
    """Return why nobody at all may be impersonated for the moment, None if they may."""
    if doubts.unacknowledged(db):
        return Refusal.TRAIL_DOUBTED.sentence
    wait = throttles.start_wait(db, impersonator.id, limits=start_limits(), now=now)
    return throttles.start_sentence(wait) if wait else None
