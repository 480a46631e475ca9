"""Signed checkpoints of the audit trail, the tiles of its tree, and how far copies have come."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# A row that is there stays as it is; the third guard is for INSERT OR REPLACE.
SQLITE_GUARDS = (
    ("no_update", "UPDATE", "true"),
    ("no_delete", "DELETE", "true"),
    ("no_replace", "INSERT", "EXISTS (SELECT 1 FROM {table} WHERE {same})"),
)
APPEND_ONLY_TABLES = {
    "audit_checkpoints": "size = NEW.size",
    "audit_tiles": "height = NEW.height AND position = NEW.position",
}


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
    if op.get_bind().dialect.name == "sqlite":
        for table, same in APPEND_ONLY_TABLES.items():
            for name, change, condition in SQLITE_GUARDS:
                op.execute(
                    f"CREATE TRIGGER {table}_{name} BEFORE {change} ON {table}"
                    f" WHEN {condition.format(table=table, same=same)}"
                    " BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
                )


def downgrade() -> None:
    op.drop_table("audit_copies")
    op.drop_table("audit_tiles")
    op.drop_table("audit_checkpoints")
