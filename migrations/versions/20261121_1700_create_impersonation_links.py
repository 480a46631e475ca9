"""One-time links that start a session when they are followed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "impersonation_links",
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("impersonator_id", sa.String(), nullable=False),
        sa.Column("target_id", sa.String(), nullable=False),
        sa.Column("api_key_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("callback_url", sa.String(), nullable=False),
        sa.Column("response_type", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("impersonation_id", sa.String(), nullable=True),
        sa.CheckConstraint(
            "response_type IN ('code', 'token')", name=op.f("ck_impersonation_links_response_type")
        ),
        sa.CheckConstraint(
            "impersonation_id IS NULL OR used_at IS NOT NULL",
            name=op.f("ck_impersonation_links_use"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{other}.id"], name=op.f(f"fk_impersonation_links_{column}")
            )
            for column, other in (
                ("impersonator_id", "admins"),
                ("target_id", "members"),
                ("api_key_id", "api_keys"),
                ("client_id", "api_keys"),
                ("impersonation_id", "impersonations"),
            )
        ),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_impersonation_links")),
    )


def downgrade() -> None:
    op.drop_table("impersonation_links")
