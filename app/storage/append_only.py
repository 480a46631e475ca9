"""Which tables only grow. Migrations guard them by triggers, each engine by means of its own."""

APPEND_ONLY_TABLES = frozenset({"audit_events", "audit_words", "audit_checkpoints", "audit_tiles"})
# What has been archived or erased on record may go; see `app.domain.audit_archives`.
PRUNED_TABLES = frozenset({"audit_events", "audit_words"})
