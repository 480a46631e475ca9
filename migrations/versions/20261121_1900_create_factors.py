"""Second factors of admins, sign-ins that wait for one, and how a sign-in was proved."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = (
    ("method", "VARCHAR DEFAULT 'password' NOT NULL"),
    ("verified_at", "BIGINT"),
)


def upgrade() -> None:
    for column, kind in COLUMNS:
        op.execute(f"ALTER TABLE sign_ins ADD COLUMN {column} {kind}")
    _create_half_open_sign_ins()
    _create_factors()
    _create_recovery_codes()
    _create_passkey_challenges()


def _create_half_open_sign_ins() -> None:
    op.create_table(
        "half_open_sign_ins",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("admin_id", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("good_until", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admins.id"], name=op.f("fk_half_open_sign_ins_admin_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_half_open_sign_ins")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_half_open_sign_ins_secret_hash")),
    )
    op.create_index("ix_half_open_sign_ins_admin_id", "half_open_sign_ins", ["admin_id"])


def _create_factors() -> None:
    op.create_table(
        "factors",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("admin_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("sealed_secret", sa.String(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("credential_id", sa.String(), nullable=True),
        sa.Column("public_key", sa.String(), nullable=True),
        sa.Column("sign_count", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('totp', 'passkey')", name=op.f("ck_factors_kind")),
        sa.CheckConstraint(
            "kind <> 'totp' OR removed_at IS NOT NULL"
            " OR (sealed_secret IS NOT NULL AND last_step IS NOT NULL)",
            name=op.f("ck_factors_totp"),
        ),
        sa.CheckConstraint(
            "kind <> 'passkey' OR removed_at IS NOT NULL"
            " OR (credential_id IS NOT NULL AND public_key IS NOT NULL AND sign_count IS NOT NULL)",
            name=op.f("ck_factors_passkey"),
        ),
        sa.ForeignKeyConstraint(["admin_id"], ["admins.id"], name=op.f("fk_factors_admin_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_factors")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_factors_credential_id")),
    )
    op.create_index("ix_factors_admin_id", "factors", ["admin_id"])


def _create_recovery_codes() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("admin_id", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("void_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admins.id"], name=op.f("fk_recovery_codes_admin_id")
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_index("ix_recovery_codes_admin_id", "recovery_codes", ["admin_id"])


def _create_passkey_challenges() -> None:
    op.create_table(
        "passkey_challenges",
        sa.Column("challenge_hash", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("holder_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("good_until", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('sign_in', 'second_step', 'step_up', 'enrolment')",
            name=op.f("ck_passkey_challenges_purpose"),
        ),
        sa.PrimaryKeyConstraint("challenge_hash", name=op.f("pk_passkey_challenges")),
    )
    op.create_index(
        "ix_passkey_challenges_address_good_until",
        "passkey_challenges",
        ["address", "good_until"],
    )


def downgrade() -> None:
    for table in ("passkey_challenges", "recovery_codes", "factors", "half_open_sign_ins"):
        op.drop_table(table)
    for column, _ in reversed(COLUMNS):
        op.drop_column("sign_ins", column)
