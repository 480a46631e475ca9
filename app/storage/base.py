"""What every row class shares: names of constraints, ids and points in time."""

import hashlib
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Dialect, Index, MetaData, String, text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# Of seven bytes, what is more than the 52 bits.
NUMBER_SHIFT = 4


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept as whole microseconds since 1970 in UTC.

    A number means the same on SQLite and PostgreSQL, sorts and subtracts in a CHECK, and leaves
    no room for a forgotten time zone.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a point in time needs its time zone")
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + value * MICROSECOND


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UTCDateTime, str: String}


def indexed_where_known(name: str, column: str) -> Index:
    """Return an index of the rows whose `column` is not NULL, for one that is NULL in most."""
    known = text(f"{column} IS NOT NULL")
    return Index(name, column, sqlite_where=known, postgresql_where=known)


def can_be_stored(text: str) -> bool:
    """Whether every database takes the text: JSON can spell half a character, and NUL."""
    return UNSTORABLE.search(text) is None


def new_id() -> str:
    """A fresh random id: it can be guessed by nobody and made without asking the database."""
    return str(uuid.uuid4())


def number_of(id_: str) -> int:
    """Return the whole number that stands for an id where only numbers are understood.

    It follows from the id alone, and JavaScript can say it exactly: it has 52 bits. Two ids may
    share one, if hardly ever: whoever looks somebody up by it asks for the second as well.
    """
    digest = hashlib.sha256(id_.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7]) >> NUMBER_SHIFT
