"""What every dialect asks for in the name of the program whose API key came with the request."""

from flask import g

from app.domain import activity, endings, impersonations
from app.domain.activity import Dead
from app.domain.audit_trail import Provenance
from app.domain.errors import Refused
from app.domain.permissions import Permission, holds
from app.domain.policies import Refusal
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.base import new_id
from app.storage.impersonations import Impersonation
from app.storage.members import Member
from app.web.application_context import start_limits, tokens
from app.web.provenance import provenance

# PropelAuth's tokens are ours with this in front.
TOKEN_PREFIX = "impersonate_"  # noqa: S105 - it says what the token is
NO_ADMIN = "This needs a key that acts for an admin."
NO_PERMISSION = "The admin whom this key acts for may not do this."


def api_key() -> APIKey:
    """Return the key that came with this request."""
    key: APIKey = g.api_key
    return key


def caller(permission: Permission | None = None) -> Admin:
    """Return the admin whom the key acts for, if they hold the permission; raise Refused if not.

    None is for a start: the policy asks who may, and records whom it refuses.
    """
    admin = api_key().admin
    if admin is None:
        raise Refused(NO_ADMIN, code="no_admin")
    if permission and not holds(admin.role, permission):
        raise Refused(NO_PERMISSION, code="permission")
    return admin


def start_open(
    *,
    impersonator: Admin,
    target: Member,
    reason: str,
    kept: str | None = None,
    origin: Provenance | None = None,
) -> Impersonation:
    """Start a session whose token the program gets at once, without a link between them.

    `origin` is what the program says of the person it speaks for. Raises what
    `impersonations.start` raises.
    """
    origin = origin or provenance()
    started = impersonations.start(
        g.db,
        impersonator=impersonator,
        target=target,
        reason=reason,
        ticket_url="",
        form_key=new_id(),
        reason_required=api_key().reason_required,
        limits=start_limits(),
        api_key=api_key(),
        kept=kept,
        provenance=origin,
        now=g.now,
    )
    impersonations.redeem(g.db, ticket=started.ticket, provenance=origin, now=g.now)
    return started.impersonation


def check_anybody(impersonator: Admin | None, account: Account | None) -> Admin:
    """Return the impersonator; raise Refused when no session may start there, as whomever."""
    return impersonations.check_anybody(
        api_key(),
        impersonator=impersonator,
        account=account,
        provenance=provenance(),
        now=g.now,
    )


def refused(why: Refusal, *, impersonator: Admin | None) -> Refused:
    """Return what to raise for a start that names no member."""
    return impersonations.refused(
        why, impersonator=impersonator, provenance=provenance(), now=g.now
    )


def find_active(impersonation_id: str) -> Impersonation | None:
    """Return the live session with that id, if the program may see it."""
    found: Impersonation | None = g.db.get(Impersonation, impersonation_id)
    if found is None or not found.is_active(g.now) or not api_key().covers(found.account_id):
        return None
    return found


def find_by_token(token: str) -> Impersonation | None:
    """Return the session of the token, over or not, if the program may see it."""
    found = activity.find(
        g.db,
        token=token.removeprefix(TOKEN_PREFIX),
        tokens=tokens(),
        provenance=provenance(),
        now=g.now,
    )
    impersonation = found.impersonation if isinstance(found, Dead) else found
    covered = impersonation is not None and api_key().covers(impersonation.account_id)
    return impersonation if covered else None


def end(impersonation: Impersonation) -> bool:
    """End the session for the program; return whether this call did."""
    return endings.end_through(g.db, impersonation, api_key(), provenance=provenance(), now=g.now)
