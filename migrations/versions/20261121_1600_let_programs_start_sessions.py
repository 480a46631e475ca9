"""What keys are limited to, what programs start, and the numbers that stand for members."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.storage.base import number_of

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

AT_ONCE = 10_000
# SQLite cannot add a constraint to a table, only a column that has one.
REFERENCES = (
    ("api_keys", "account_id", "accounts"),
    ("api_keys", "admin_id", "admins"),
    ("api_keys", "created_by_id", "admins"),
    ("impersonations", "api_key_id", "api_keys"),
    ("handoffs", "client_id", "api_keys"),
)
COLUMNS = (
    ("api_keys", "reason_required", "BOOLEAN DEFAULT TRUE NOT NULL"),
    ("api_keys", "callback_urls", "VARCHAR DEFAULT '' NOT NULL"),
    ("api_keys", "last_used_at", "BIGINT"),
    ("impersonations", "kept", "VARCHAR"),
    ("handoffs", "redirect_uri", "VARCHAR"),
    ("members", "number", "BIGINT DEFAULT 0 NOT NULL"),
)


def upgrade() -> None:
    for table, column, other in REFERENCES:
        constraint = f"CONSTRAINT fk_{table}_{column} REFERENCES {other} (id)"
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} VARCHAR {constraint}")
    for table, column, kind in COLUMNS:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    _number_members(op.get_bind())
    op.create_index("ix_members_number", "members", ["number"])


def _number_members(connection: sa.Connection) -> None:
    members = sa.table("members", sa.column("id"), sa.column("number"))
    change = members.update().where(members.c.id == sa.bindparam("id_"))
    change = change.values(number=sa.bindparam("number_"))
    last = ""
    while True:
        query = sa.select(members.c.id).where(members.c.id > last).order_by(members.c.id)
        ids = connection.scalars(query.limit(AT_ONCE)).all()
        if not ids:
            return
        connection.execute(change, [{"id_": id_, "number_": number_of(id_)} for id_ in ids])
        last = ids[-1]


def downgrade() -> None:
    op.drop_index("ix_members_number", "members")
    for table, column, _ in (*reversed(COLUMNS), *reversed(REFERENCES)):
        op.drop_column(table, column)
