"""The audit trail: a hash chain that only grows, and beside it the words of people."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import guards

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

EVENTS_GUARDS = tuple(f"audit_events_{name}" for name in ("in_order", "no_update", "no_delete"))
WORDS_GUARDS = tuple(f"audit_words_{name}" for name in ("in_order", "no_update", "no_delete"))

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


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
    _guard_events()
    _guard_words()


def downgrade() -> None:
    guards.drop_table("audit_words", *WORDS_GUARDS)
    guards.drop_table("audit_events", *EVENTS_GUARDS)


def _guard_events() -> None:
    """An event takes the next number, follows the event before it, and stays as it is.

    It goes only when a recorded archive holds it.
    """
    in_order, no_update, no_delete = EVENTS_GUARDS
    guards.refuse(
        in_order,
        "INSERT",
        "audit_events",
        when=f"""
            NEW.id <> (SELECT COALESCE(MAX(id), 0) + 1 FROM audit_events)
            OR NEW.previous_hash <> COALESCE(
                (SELECT hash FROM audit_events ORDER BY id DESC LIMIT 1), {guards.no_hash()}
            )
        """,
    )
    guards.refuse(no_update, "UPDATE", "audit_events")
    guards.refuse(no_delete, "DELETE", "audit_events", when=f"NOT {_is_archived('OLD.id')}")
    guards.refuse_truncate("audit_events")


def _guard_words() -> None:
    """Words come with their event and go when it does, or when one of their people is erased."""
    in_order, no_update, no_delete = WORDS_GUARDS
    guards.refuse(
        in_order,
        "INSERT",
        "audit_words",
        when="NEW.event_id <= (SELECT COALESCE(MAX(event_id), 0) FROM audit_words)",
    )
    guards.refuse(no_update, "UPDATE", "audit_words")
    guards.refuse(
        no_delete,
        "DELETE",
        "audit_words",
        when=f"NOT {_is_archived('OLD.event_id')} AND NOT {_IS_ERASED.format(_person_id())}",
    )
    guards.refuse_truncate("audit_words")


def _is_archived(number: str) -> str:
    last = guards.fact("archive", "last", number=True)
    return f"""
        EXISTS (
            SELECT 1 FROM audit_events AS archive
            WHERE archive.action = 'audit.archived' AND archive.id > {number} AND {last} >= {number}
        )
    """


def _person_id() -> str:
    return guards.fact("erasure", "person_id")


_IS_ERASED = """
    EXISTS (
        SELECT 1 FROM audit_events AS erasure
        JOIN audit_events AS erased ON erased.id = OLD.event_id
        WHERE erasure.action = 'audit.words_erased' AND erasure.id > OLD.event_id
        AND {} IN (erased.subject_id, erased.actor_id)
    )
"""
