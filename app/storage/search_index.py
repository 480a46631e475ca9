"""Which rows hold some pieces of text: by FTS5 on SQLite, by pg_trgm on PostgreSQL.

Either index finds the trigrams of the pieces; the text of each row that it names is compared too.
Migration 0007 makes them, and both follow their table by themselves.
"""

import re
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

Pieces = tuple[str, ...]

TRIGRAM = 3
# Of a long piece the beginning is looked up, which leaves few rows to compare with all of it.
LONGEST_LOOKED_UP = 20
# And of that a part: the rows that have twelve of its trigrams are hardly more.
MOST_TRIGRAMS = 12
# `folding` spells it in capitals.
PUNCTUATION = re.compile("[A-Z].?[A-Z]")
# One trigram that only the members of an account have, as migration 0007 makes it of the number of
# the account's row: of letters that nobody has any other use for.
ACCOUNT_TRIGRAM = """(
    SELECT char(57344 + rowid / 40960000 % 6400, 57344 + rowid / 6400 % 6400, 57344 + rowid % 6400)
    FROM accounts WHERE id = :account_id
)"""
# The column that says which account a row belongs to.
ACCOUNT = {"members": "account_id", "accounts": "id"}

# GIN gathers all that an index has before it gives the first. So there is one index for a
# sixty-fourth of the rows, one for seven and one for the rest: what is common has filled the page
# before the large one is asked.
PARTS = tuple(
    f"hashtextextended(id, 0) & 63 {part}"  # the conditions of the three indices, word by word
    for part in ("= 0", "BETWEEN 1 AND 7", "> 7")
)
SETTINGS = {
    # One plan for any text would be wrong for most.
    "plan_cache_mode": "force_custom_plan",
    # It takes what is common for so common that the table is read from its beginning.
    "enable_seqscan": "off",
    "max_parallel_workers_per_gather": "0",
}
PREPARE = text(
    "SELECT " + ", ".join(f"set_config('{name}', '{SETTINGS[name]}', true)" for name in SETTINGS)
)


def prepare(db: Session) -> None:
    """Set up the transaction for searching."""
    if _is_postgresql(db):
        db.execute(PREPARE)


def holding(
    db: Session,
    table: str,
    wanted: Sequence[Pieces],
    *,
    best: Pieces,
    account_id: str | None,
    limit: int,
) -> Sequence[tuple[str, str, bool]]:
    """Return at most `limit` rows with all of the pieces of one of `wanted`, in no order.

    Each is `id`, `sort_key` and whether it has all of the pieces of `best`. A piece is made of
    words as `folding` makes them, blanks before them included, and has three letters at least.
    `account_id` is for the members of one account, or for the account itself.
    """
    kind = _OnPostgreSQL if _is_postgresql(db) else _OnSQLite
    query = kind(table, wanted, best, account_id, limit)
    rows = db.execute(text(query.statement()), query.values)
    return [(id_, sort_key, bool(is_best)) for id_, sort_key, is_best in rows]


class _Query:
    """The words of one query and their values. Nothing that was typed is among the words."""

    def __init__(
        self,
        table: str,
        wanted: Sequence[Pieces],
        best: Pieces,
        account_id: str | None,
        limit: int,
    ) -> None:
        self.values: dict[str, str | int] = {"limit": limit}
        self.table = table
        self.wanted = wanted
        self.columns = f"id, sort_key, {self.all_of(best)} AS is_best"
        self.condition = f"({' OR '.join(self.all_of(pieces) for pieces in wanted)})"
        self.within = ""
        if account_id is not None:
            self.within = f" AND {ACCOUNT[table]} = :account_id"
            self.values["account_id"] = account_id

    def statement(self) -> str:
        """Return the query."""
        raise NotImplementedError

    def holds(self, piece: str) -> str:
        """Return the condition that the text holds the piece."""
        raise NotImplementedError

    def all_of(self, pieces: Pieces) -> str:
        """Return the condition that the text holds each of the pieces."""
        return f"({' AND '.join(self.holds(piece) for piece in pieces)})"

    def name(self, value: str) -> str:
        """Return the name by which the query calls the value."""
        name = f"value_{len(self.values)}"
        self.values[name] = value
        return f":{name}"


class _OnSQLite(_Query):
    """FTS5 is asked for trigrams, and then each row that it names for its text."""

    def statement(self) -> str:
        matches, index = self._trigrams(), f"{self.table}_search"
        if self.within and self.table == "members":
            matches = f"""'(' || {matches} || ') AND "' || {ACCOUNT_TRIGRAM} || '"'"""
        # A cross join is done in the order in which it is written.
        return (
            f"SELECT {self.columns} FROM"  # noqa: S608
            f" (SELECT rowid AS place FROM {index} WHERE {index} MATCH {matches})"
            f" CROSS JOIN {self.table} ON {self.table}.rowid = place"
            f" WHERE {self.condition}{self.within} LIMIT :limit"
        )

    def holds(self, piece: str) -> str:
        return f"search_text GLOB {self.name(f'*{piece}*')}"

    def _trigrams(self) -> str:
        each = (" AND ".join(f'"{one}"' for one in _trigrams(pieces)) for pieces in self.wanted)
        return self.name(" OR ".join(f"({trigrams})" for trigrams in each))


class _OnPostgreSQL(_Query):
    """One part of the index is asked after the other."""

    def statement(self) -> str:
        parts = " UNION ALL ".join(
            f"(SELECT {self.columns} FROM {self.table}"  # noqa: S608
            f" WHERE {part}{self.within} AND {self.condition} LIMIT :limit)"
            for part in PARTS
        )
        return f"SELECT * FROM ({parts}) AS found LIMIT :limit"  # noqa: S608

    def holds(self, piece: str) -> str:
        looked_up = f"search_text LIKE {self.name(f'%{piece[:LONGEST_LOOKED_UP]}%')}"
        if len(piece) <= LONGEST_LOOKED_UP:
            return looked_up
        return f"{looked_up} AND strpos(search_text, {self.name(piece)}) > 0"


def _trigrams(pieces: Pieces) -> list[str]:
    """Return the trigrams of the pieces that tell most; of many, some from all over them."""
    found = list(dict.fromkeys(one for piece in pieces for one in _telling(piece)))
    return found[:: -(-len(found) // MOST_TRIGRAMS)]


def _telling(piece: str) -> list[str]:
    """Return the trigrams of a piece, without those that are mostly punctuation if it has others.

    So many addresses hold one of those that going through them takes longer than all the rest.
    """
    starts = range(min(len(piece), LONGEST_LOOKED_UP) - TRIGRAM + 1)
    trigrams = [piece[start : start + TRIGRAM] for start in starts]
    # The letter at the end of "mia.s" is in no other.
    end = piece[-TRIGRAM:] if len(piece) <= LONGEST_LOOKED_UP else ""
    telling = [one for one in trigrams if one == end or not PUNCTUATION.search(one)]
    return telling if len(telling) > 1 else trigrams


def _is_postgresql(db: Session) -> bool:
    return db.get_bind().dialect.name == "postgresql"
