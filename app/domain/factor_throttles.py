"""Throttles of second factors: who types wrong codes waits, as who types wrong passwords (S6, S8).

Step-up is counted by the sign-in that it is of: no stranger has one, and so none can make anybody
wait here.

Six digits are few: who is patient could try hundreds in a day, so wrong codes are counted by the
day as well. Passkeys are not guessed, and go on.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.throttles import FREE_FAILURES_PER_ACCOUNT, SIGN_IN_WINDOW, left
from app.storage import counters
from app.storage.admins import Admin, has_signed_in_from
from app.storage.counters import Run
from app.storage.networks import network

DAY = timedelta(days=1)
FREE_CODES = 50
WAIT_FOR_CODES = timedelta(hours=1)


def code_wait(db: Session, admin: Admin, *, address: str, now: datetime) -> timedelta:
    """Return how long whoever types a code as that admin from there has to wait; 0 for not at all.

    Where the admin has signed in before, what was typed elsewhere keeps nobody waiting.
    """
    anywhere, here = _code_counters(admin.id, address)
    name = here if has_signed_in_from(db, admin.id, address) else anywhere
    return _left_of_codes(counters.runs(db, [name], now=now).get(name), now)


def count_wrong_code(db: Session, admin: Admin, *, address: str, now: datetime) -> None:
    """Count a wrong code in a second step against the admin, and the admin at this address."""
    counters.add(db, dict.fromkeys(_code_counters(admin.id, address), DAY), now=now)


def step_up_wait(db: Session, sign_in_id: str, *, by_code: bool, now: datetime) -> timedelta:
    """Return how long the next proof in this sign-in has to wait; 0 for not at all."""
    lately, today = _step_up_counters(sign_in_id)
    runs = counters.runs(db, (lately, today), now=now)
    wait = left(runs.get(lately), FREE_FAILURES_PER_ACCOUNT, now=now)
    return max(wait, _left_of_codes(runs.get(today), now)) if by_code else wait


def count_failed_step_up(db: Session, sign_in_id: str, *, now: datetime) -> None:
    """Count a proof that was not good against the sign-in that it came in."""
    lately, today = _step_up_counters(sign_in_id)
    counters.add(db, {lately: SIGN_IN_WINDOW, today: DAY}, now=now)


def _code_counters(admin_id: str, address: str) -> tuple[str, str]:
    name = f"wrong codes as {admin_id}"
    return name, f"{name} from {network(address)}"


def _step_up_counters(sign_in_id: str) -> tuple[str, str]:
    return f"step-up in {sign_in_id}", f"step-up in {sign_in_id} in a day"


def _left_of_codes(run: Run | None, now: datetime) -> timedelta:
    if run is None or run.count < FREE_CODES:
        return timedelta(0)
    # When the clock has been set back, nobody waits until it is that late again (R5).
    return max(timedelta(0), min(WAIT_FOR_CODES, run.at + WAIT_FOR_CODES - now))
