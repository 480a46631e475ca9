"""Every route for programs, with who may use it."""

from app.domain.permissions import Scope
from app.web.api import audit_trail, impersonations, keys
from app.web.api.dialects import DIALECTS
from app.web.routing import Anyone, Route

ROUTES = [
    Route("GET", "/.well-known/jwks.json", keys.index, Anyone.ANYONE),
    Route("GET", "/.well-known/audit-trail-key", keys.checkpoint_key, Anyone.ANYONE),
    Route("GET", "/.well-known/audit-trail-checkpoint", audit_trail.checkpoint, Anyone.ANYONE),
    Route("POST", "/api/v1/audit-trail/proofs", audit_trail.prove, Scope.AUDIT_TRAIL),
    Route(
        "GET",
        "/api/v1/audit-trail/consistency-proof",
        audit_trail.prove_consistency,
        Scope.AUDIT_TRAIL,
    ),
    Route("POST", "/api/v1/handoffs/redemptions", impersonations.redeem, Scope.PRODUCT),
    Route("POST", "/api/v1/impersonations/actions", impersonations.record_action, Scope.PRODUCT),
    Route("POST", "/api/v1/impersonations/outcomes", impersonations.finish_action, Scope.PRODUCT),
    Route("POST", "/api/v1/impersonations/presences", impersonations.note_presence, Scope.PRODUCT),
    Route("POST", "/api/v1/impersonations/ends", impersonations.end, Scope.PRODUCT),
    *(route for dialect in DIALECTS for route in dialect.routes),
]
