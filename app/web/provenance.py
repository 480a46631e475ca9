"""Where the request came from, as the audit trail keeps it."""

from flask import g, request

from app.domain.audit_trail import Provenance


def provenance() -> Provenance:
    """Return this request's provenance. Forwarded addresses count only from trusted proxies."""
    return Provenance(
        address=request.remote_addr or "",
        user_agent=request.user_agent.string,
        request_id=g.request_id,
        through=g.get("api_key_title", ""),
    )
