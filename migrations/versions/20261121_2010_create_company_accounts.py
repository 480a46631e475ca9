"""As whom the company's identity provider knows an admin."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "company_accounts",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("admin_id", sa.String(), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admins.id"], name=op.f("fk_company_accounts_admin_id")
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_company_accounts")),
        sa.UniqueConstraint("issuer", "admin_id", name=op.f("uq_company_accounts_issuer_admin_id")),
    )


def downgrade() -> None:
    op.drop_table("company_accounts")
