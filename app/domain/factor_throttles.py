"""Throttles of second factors: who types wrong codes waits, as who types wrong passwords (S6, S8).

Step-up is counted by the sign-in that it is of: no stranger has one, and so none can make anybody
wait here.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.throttles import FREE_FAILURES_PER_ACCOUNT, SIGN_IN_WINDOW, left
from app.storage import counters


def step_up_wait(db: Session, sign_in_id: str, *, now: datetime) -> timedelta:
    """Return how long the next proof in this sign-in has to wait; 0 for not at all."""
    name = _step_up(sign_in_id)
    run = counters.runs(db, [name], now=now).get(name)
    return left(run, FREE_FAILURES_PER_ACCOUNT, now=now)


def count_failed_step_up(db: Session, sign_in_id: str, *, now: datetime) -> None:
    """Count a proof that was not good against the sign-in that it came in."""
    counters.add(db, {_step_up(sign_in_id): SIGN_IN_WINDOW}, now=now)


def _step_up(sign_in_id: str) -> str:
    return f"step-up in {sign_in_id}"
