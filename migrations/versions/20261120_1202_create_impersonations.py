"""Impersonation sessions and their hand-off tickets."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "impersonations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("impersonator_id", sa.String(), nullable=False),
        sa.Column("target_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ticket_url", sa.String(), nullable=False),
        sa.Column("form_key", sa.String(), nullable=False),
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("page_id", sa.String(), nullable=True),
        sa.Column("closing_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("ended_by_id", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_impersonations_end")
        ),
        sa.CheckConstraint(
            "expires_at > started_at AND expires_at - started_at <= 1200000000",
            name=op.f("ck_impersonations_lifetime"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_impersonations_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["ended_by_id"], ["admins.id"], name=op.f("fk_impersonations_ended_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["impersonator_id"], ["admins.id"], name=op.f("fk_impersonations_impersonator_id")
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["members.id"], name=op.f("fk_impersonations_target_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_impersonations")),
        sa.UniqueConstraint(
            "impersonator_id", "form_key", name=op.f("uq_impersonations_impersonator_id_form_key")
        ),
    )
    op.create_index(
        "ix_impersonations_account_id_started_at_id",
        "impersonations",
        ["account_id", "started_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_impersonations_impersonator_id_started_at",
        "impersonations",
        ["impersonator_id", "started_at"],
        unique=False,
    )
    op.create_index(
        "ix_impersonations_started_at_id", "impersonations", ["started_at", "id"], unique=False
    )
    op.create_index(
        "ix_impersonations_target_id_started_at_id",
        "impersonations",
        ["target_id", "started_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_impersonations_active_impersonator",
        "impersonations",
        ["impersonator_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "handoffs",
        sa.Column("ticket_hash", sa.String(), nullable=False),
        sa.Column("impersonation_id", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["impersonation_id"], ["impersonations.id"], name=op.f("fk_handoffs_impersonation_id")
        ),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_handoffs")),
    )


def downgrade() -> None:
    op.drop_table("handoffs")
    op.drop_table("impersonations")
