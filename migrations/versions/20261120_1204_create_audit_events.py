"""The audit trail: a hash chain that only grows, and beside it the words of people."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# A trigger that refuses UPDATE and DELETE does not see INSERT OR REPLACE, which deletes without
# saying so: a row whose number is taken is refused before that. An event takes the next number,
# follows the event before it, and stays as it is. It goes only when a recorded archive holds it,
# its words also when the erasure of one of their people has been recorded.
ANYTHING = "true"
OUT_OF_ORDER = """
    NEW.id IS NOT (SELECT COALESCE(MAX(id), 0) + 1 FROM audit_events)
    OR NEW.previous_hash IS NOT COALESCE(
        (SELECT hash FROM audit_events ORDER BY id DESC LIMIT 1), zeroblob(32)
    )
"""
NOT_ARCHIVED = """
    NOT EXISTS (
        SELECT 1 FROM audit_events WHERE action = 'audit.archived'
        AND id > OLD.id AND json_extract(facts, '$.last') >= OLD.id
    )
"""
NOT_ERASED = """
    NOT EXISTS (
        SELECT 1 FROM audit_events AS erasure
        JOIN audit_events AS erased ON erased.id = OLD.event_id
        WHERE erasure.action = 'audit.words_erased' AND erasure.id > OLD.event_id
        AND json_extract(erasure.facts, '$.person_id') IN (erased.subject_id, erased.actor_id)
    )
"""
REPEATED = "NEW.event_id <= (SELECT COALESCE(MAX(event_id), 0) FROM audit_words)"
SQLITE_GUARDS = (
    ("audit_events_no_update", "UPDATE ON audit_events", ANYTHING),
    ("audit_events_no_delete", "DELETE ON audit_events", NOT_ARCHIVED),
    ("audit_events_in_order", "INSERT ON audit_events", OUT_OF_ORDER),
    ("audit_words_no_update", "UPDATE ON audit_words", ANYTHING),
    (
        "audit_words_no_delete",
        "DELETE ON audit_words",
        NOT_ARCHIVED.replace("OLD.id", "OLD.event_id") + "AND" + NOT_ERASED,
    ),
    ("audit_words_in_order", "INSERT ON audit_words", REPEATED),
)


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("impersonation_id", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("words_digest", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id > 0", name=op.f("ck_audit_events_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_audit_events_previous_hash")),
    )
    for column in ("impersonation_id", "actor_id", "subject_id", "account_id", "action"):
        op.create_index(f"ix_audit_events_{column}_id", "audit_events", [column, "id"])
    op.create_index("ix_audit_events_outcome_at", "audit_events", ["outcome", "at"])
    op.create_index("ix_audit_events_at", "audit_events", ["at"])
    op.create_table(
        "audit_words",
        sa.Column("event_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_audit_words")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for name, change, condition in SQLITE_GUARDS:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {change} WHEN {condition}"
                " BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            )


def downgrade() -> None:
    op.drop_table("audit_words")
    op.drop_table("audit_events")
