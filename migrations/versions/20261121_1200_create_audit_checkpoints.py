"""Signed checkpoints of the audit trail, the tiles of its tree, and how far copies have come."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import guards

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What tells two rows of a table apart.
APPEND_ONLY_TABLES = {
    "audit_checkpoints": "size = NEW.size",
    "audit_tiles": "height = NEW.height AND position = NEW.position",
}
GUARDS = ("no_replace", "no_update", "no_delete")


def upgrade() -> None:
    op.create_table(
        "audit_checkpoints",
        sa.Column("size", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoints")),
    )
    op.create_table(
        "audit_tiles",
        sa.Column("height", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", NUMBER, autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("height", "position", name=op.f("pk_audit_tiles")),
    )
    op.create_table(
        "audit_copies",
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("last_event_id", NUMBER, nullable=False),
        sa.Column("last_checkpoint_size", NUMBER, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_audit_copies")),
    )
    for table, same in APPEND_ONLY_TABLES.items():
        no_replace, no_update, no_delete = _names(table)
        taken = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"
        guards.refuse(no_replace, "INSERT", table, when=taken)
        guards.refuse(no_update, "UPDATE", table)
        guards.refuse(no_delete, "DELETE", table)
        guards.refuse_truncate(table)


def downgrade() -> None:
    op.drop_table("audit_copies")
    for table in APPEND_ONLY_TABLES:
        guards.drop_table(table, *_names(table))


def _names(table: str) -> list[str]:
    return [f"{table}_{guard}" for guard in GUARDS]
