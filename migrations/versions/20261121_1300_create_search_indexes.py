"""Searching by any part of a name or an address, and each account's number of members, stored.

The text that is searched comes to hold each word after two blanks, so that the trigrams of one or
two letters after blanks are the beginnings of words, and spells punctuation in capitals, as
PostgreSQL makes its trigrams of letters and digits alone.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# The number of the character to the base of 26, in capitals. The other punctuation, which names
# and addresses hardly have, is spelt when the row is next written.
SPELT = {".": "BU", "@": "CM", "-": "BT", "_": "DR", "+": "BR", "'": "BN"}
SEARCHED = {"accounts": "search_text", "members": "account_id, search_text"}
# app.storage.search_index says why there are three.
PARTS = ("= 0", "BETWEEN 1 AND 7", "> 7")
# Entries that have not been sorted in are read by each search, so there must not be many.
PENDING_KIBIBYTES = 1024
# 6400 letters that nobody has any other use for: three of them number the account of a member.
PRIVATE_USE = 57344


def upgrade() -> None:
    op.add_column(
        "accounts", sa.Column("member_count", sa.Integer(), server_default="0", nullable=False)
    )
    op.execute(
        "UPDATE accounts SET member_count ="
        " (SELECT count(*) FROM members WHERE members.account_id = accounts.id)"
    )
    text = "search_text"
    for letter, spelt in SPELT.items():
        text = f"replace({text}, '{letter.replace(chr(39), chr(39) * 2)}', '{spelt}')"
    for table in SEARCHED:
        op.execute(f"UPDATE {table} SET search_text = '  ' || replace({text}, ' ', '  ')")
    _upgrade_sqlite() if _is_sqlite() else _upgrade_postgresql()


def _upgrade_sqlite() -> None:
    for table, columns in SEARCHED.items():
        index, new, old = f"{table}_search", _indexed(table, "NEW"), _indexed(table, "OLD")
        # Which trigrams a text has is enough: what is found is compared with its text anyhow.
        op.execute(
            f"CREATE VIRTUAL TABLE {index} USING fts5(search_text, content='',"
            " tokenize='trigram case_sensitive 1', detail=none)"
        )
        add = f"INSERT INTO {index} (rowid, search_text) VALUES (NEW.rowid, {new});"
        remove = (
            f"INSERT INTO {index} ({index}, rowid, search_text)"
            f" VALUES ('delete', OLD.rowid, {old});"
        )
        has_changed = " OR ".join(f"OLD.{one} <> NEW.{one}" for one in columns.split(", "))
        op.execute(f"CREATE TRIGGER {index}_add AFTER INSERT ON {table} BEGIN {add} END")
        op.execute(f"CREATE TRIGGER {index}_remove AFTER DELETE ON {table} BEGIN {remove} END")
        op.execute(
            f"CREATE TRIGGER {index}_change AFTER UPDATE OF {columns} ON {table}"
            f" WHEN {has_changed} BEGIN {remove} {add} END"
        )
        op.execute(
            f"INSERT INTO {index} (rowid, search_text)"
            f" SELECT rowid, {_indexed(table, table)} FROM {table}"
        )


def _indexed(table: str, row: str) -> str:
    """Return the SQL for what FTS5 is given of a row: its text, and first its account's trigram."""
    if table == "accounts":
        return f"{row}.search_text"
    of_account = ", ".join(f"{PRIVATE_USE} + rowid / {one} % 6400" for one in (40960000, 6400, 1))
    account = f"SELECT char({of_account}) FROM accounts WHERE id = {row}.account_id"
    return f"({account}) || {row}.search_text"


def _upgrade_postgresql() -> None:
    # Both are trusted: who may create in the database may create them.
    for extension in ("pg_trgm", "btree_gin"):
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    for table, columns in SEARCHED.items():
        for number, part in enumerate(PARTS):
            op.execute(
                f"CREATE INDEX ix_{table}_search_{number} ON {table}"
                f" USING gin ({columns} gin_trgm_ops)"
                f" WITH (gin_pending_list_limit = {PENDING_KIBIBYTES})"
                f" WHERE hashtextextended(id, 0) & 63 {part}"
            )


def downgrade() -> None:
    # The extensions stay: others may have come to use them.
    for table in SEARCHED:
        if _is_sqlite():
            for name in ("add", "remove", "change"):
                op.execute(f"DROP TRIGGER {table}_search_{name}")
            op.execute(f"DROP TABLE {table}_search")
        else:
            for number in range(len(PARTS)):
                op.drop_index(f"ix_{table}_search_{number}", table)
    text = "replace(substr(search_text, 3), '  ', ' ')"
    for letter, spelt in SPELT.items():
        text = f"replace({text}, '{spelt}', '{letter.replace(chr(39), chr(39) * 2)}')"
    for table in SEARCHED:
        op.execute(f"UPDATE {table} SET search_text = {text}")
    op.drop_column("accounts", "member_count")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
