"""What sign-ins ask is found by when it is over, as it is deleted a day later."""

from collections.abc import Sequence

from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # How many an address asks for is counted elsewhere now.
    op.drop_index("ix_passkey_challenges_address_good_until", table_name="passkey_challenges")
    op.create_index("ix_passkey_challenges_good_until", "passkey_challenges", ["good_until"])
    op.create_index("ix_half_open_sign_ins_good_until", "half_open_sign_ins", ["good_until"])


def downgrade() -> None:
    op.drop_index("ix_half_open_sign_ins_good_until", table_name="half_open_sign_ins")
    op.drop_index("ix_passkey_challenges_good_until", table_name="passkey_challenges")
    op.create_index(
        "ix_passkey_challenges_address_good_until", "passkey_challenges", ["address", "good_until"]
    )
