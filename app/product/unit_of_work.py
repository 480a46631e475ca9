"""One database session a request: returning commits, raising rolls back, here alone."""

from flask import Flask, current_app, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.product.database import Database

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
EXTENSION = "letterbox.database"


class UnitOfWorkFlask(Flask):
    """A Flask whose views are each one transaction."""

    # Not in an after-request hook: there, what a commit raises never reaches the error pages.
    def dispatch_request(self) -> ResponseReturnValue:
        try:
            response = super().dispatch_request()
            if "db" in g:
                g.db.commit()
        except Exception:
            start_over()
            raise
        return response


def register(app: Flask, database: Database) -> None:
    app.extensions[EXTENSION] = database
    app.teardown_appcontext(_close)


def db() -> Session:
    """The session of this request, opened when it is first asked for."""
    if "db" not in g:
        g.db = _database().session(writing=request.method not in SAFE_METHODS)
    session: Session = g.db
    return session


def start_over(*, writing: bool = False) -> None:
    """Drop everything read so far, and the people who were read with it."""
    g.pop("visitor", None)
    _close()
    if writing:
        g.db = _database().session(writing=True)


def _database() -> Database:
    database: Database = current_app.extensions[EXTENSION]
    return database


def _close(_error: BaseException | None = None) -> None:
    session = g.pop("db", None)
    if session is not None:
        session.close()
