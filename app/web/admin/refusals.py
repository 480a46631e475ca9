"""Why the Impersonate buttons of a page are disabled, said before anybody clicks."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.domain import doubts
from app.domain.policies import Refusal, refusal_to_impersonate
from app.storage.admins import Admin, admin_email_keys
from app.storage.listed_members import ListedMember
from app.storage.members import Member


def refusals(
    db: Session, impersonator: Admin, targets: Sequence[Member | ListedMember]
) -> dict[str, str | None]:
    """Return, by member id, the sentence why the admin may not impersonate; None where they may."""
    admin_keys = admin_email_keys(db, [target.email for target in targets])
    sentences: dict[str, str | None] = {}
    otherwise = Refusal.TRAIL_DOUBTED.sentence if doubts.unacknowledged(db) else None
    for target in targets:
        refusal = refusal_to_impersonate(
            impersonator=impersonator,
            target=target,
            target_is_admin=target.email_key in admin_keys,
        )
        sentences[target.id] = refusal.sentence if refusal else otherwise
    return sentences
