"""What is said of a database that cannot be read: why, in one line, and never its password."""

from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import NoSuchModuleError, StatementError

from app.domain.directory_reading import Unusable

LONGEST = 300


def cannot_open(url: URL) -> None:
    """Raise Unusable for a SQLite file that is not there: SQLite itself would make an empty one."""
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        raise Unusable(f"the directory cannot be read: there is no file {url.database}.")


def cannot_connect(url: URL, error: Exception) -> Unusable:
    """Return why there is no connection."""
    if isinstance(error, ModuleNotFoundError):
        return Unusable(
            f"the driver {error.name} for {url.drivername}:// is not installed: pip install it."
        )
    if isinstance(error, NoSuchModuleError):
        return Unusable(f"{url.drivername}:// is no database that SQLAlchemy knows.")
    return Unusable(f"the directory cannot be read: {_line(url, error)}")


def cannot_read(url: URL, query: str, error: Exception) -> Unusable:
    """Return why a query gives nothing."""
    return Unusable(f"the directory cannot be read: the query {query}: {_line(url, error)}")


def without_secrets(url: URL) -> str:
    """Return the URL as it may be shown: neither user nor password nor options are in it."""
    bare = URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
    return bare.render_as_string()


def _line(url: URL, error: Exception) -> str:
    # The driver's own words; SQLAlchemy's would repeat the query and its values.
    cause = error.orig if isinstance(error, StatementError) and error.orig else error
    told = " ".join(str(cause).split()) or type(cause).__name__
    for secret in _secrets(url):
        told = told.replace(secret, "***")
    told = told.encode("utf-8", "replace").decode()
    printable = "".join(one if one.isprintable() else " " for one in told)
    return printable[:LONGEST].rstrip(" .") + "."


def _secrets(url: URL) -> list[str]:
    options = [one for value in url.query.values() for one in _texts(value)]
    # The longest first, as one may be part of another.
    return sorted({one for one in (str(url.password or ""), *options) if one}, key=len)[::-1]


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
