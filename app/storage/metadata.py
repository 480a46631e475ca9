"""Every row class, imported once: what Alembic compares the schema with."""

from app.storage import (
    accounts,
    admins,
    api_keys,
    audit_checkpoints,
    audit_copies,
    audit_trail,
    company_accounts,
    counters,
    directory_sources,
    factors,
    impersonation_links,
    impersonations,
    members,
)
from app.storage.base import Base

__all__ = [
    "accounts",
    "admins",
    "api_keys",
    "audit_checkpoints",
    "audit_copies",
    "audit_trail",
    "company_accounts",
    "counters",
    "directory_sources",
    "factors",
    "impersonation_links",
    "impersonations",
    "members",
    "metadata",
]

metadata = Base.metadata
