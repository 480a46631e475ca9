"""What a push over SCIM tells of accounts and members beside the rest."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# NULL in most rows, so the indices hold the others alone.
INDEXED = (("accounts", "external_id"), ("members", "external_id"), ("members", "user_name_key"))


def upgrade() -> None:
    for table in ("accounts", "members"):
        op.add_column(table, sa.Column("external_id", sa.String(), nullable=True))
        op.add_column(table, sa.Column("removed_at", sa.BigInteger(), nullable=True))
    op.add_column("members", sa.Column("user_name", sa.String(), nullable=True))
    op.add_column("members", sa.Column("user_name_key", sa.String(), nullable=True))
    for table, column in INDEXED:
        known = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_{table}_{column}", table, [column], sqlite_where=known, postgresql_where=known
        )


def downgrade() -> None:
    for table, column in INDEXED:
        op.drop_index(f"ix_{table}_{column}", table)
    op.drop_column("members", "user_name_key")
    op.drop_column("members", "user_name")
    for table in ("accounts", "members"):
        op.drop_column(table, "removed_at")
        op.drop_column(table, "external_id")
