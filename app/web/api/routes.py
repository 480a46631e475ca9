"""Every route for programs, with who may use it."""

from app.domain.permissions import Scope
from app.web.api import (
    accounts,
    audit_trail,
    health,
    impersonations,
    keys,
    kit,
    members,
    openapi,
)
from app.web.api.dialects import DIALECTS
from app.web.routing import Anyone, Route

# By its form, so that it is none of the words beside it.
ONE_IMPERSONATION = "/api/v1/impersonations/<uuid:impersonation_id>"

ROUTES = [
    Route("GET", "/healthz", health.live, Anyone.MONITOR),
    Route("GET", "/readyz", health.ready, Anyone.MONITOR),
    Route("GET", "/.well-known/jwks.json", keys.index, Anyone.ANYONE, either_slash=True),
    Route("GET", "/.well-known/audit-trail-key", keys.checkpoint_key, Anyone.ANYONE),
    Route("GET", "/.well-known/audit-trail-checkpoint", audit_trail.checkpoint, Anyone.ANYONE),
    Route("POST", "/api/v1/audit-trail/proofs", audit_trail.prove, Scope.AUDIT_TRAIL),
    Route(
        "GET",
        "/api/v1/audit-trail/consistency-proof",
        audit_trail.prove_consistency,
        Scope.AUDIT_TRAIL,
    ),
    Route("POST", "/api/v1/handoffs/redemptions", kit.redeem, Scope.PRODUCT),
    Route("POST", "/api/v1/impersonations/actions", kit.record_action, Scope.PRODUCT),
    Route("POST", "/api/v1/impersonations/outcomes", kit.finish_action, Scope.PRODUCT),
    Route("POST", "/api/v1/impersonations/presences", kit.note_presence, Scope.PRODUCT),
    Route("POST", "/api/v1/impersonations/ends", kit.end, Scope.PRODUCT),
    Route("GET", "/api/v1/openapi.json", openapi.show, Scope.API),
    Route("GET", "/api/v1/accounts", accounts.index, Scope.API),
    Route("GET", "/api/v1/accounts/<account_id>", accounts.show, Scope.API),
    Route("GET", "/api/v1/members", members.index, Scope.API),
    Route("GET", "/api/v1/members/<member_id>", members.show, Scope.API),
    Route("GET", "/api/v1/impersonations", impersonations.index, Scope.API),
    Route("POST", "/api/v1/impersonations", impersonations.create, Scope.API),
    Route("GET", ONE_IMPERSONATION, impersonations.show, Scope.API),
    Route("POST", f"{ONE_IMPERSONATION}/end", impersonations.end, Scope.API),
    Route(
        "GET",
        "/api/v1/audit-trail/events",
        audit_trail.events,
        Scope.API,
        recorded=True,
        filtered=True,
    ),
    *(route for dialect in DIALECTS for route in dialect.routes),
]
