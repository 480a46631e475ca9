"""Throttles: who has done something too often waits, whichever worker they ask (S6, P5).

All of them count in the database (app.storage.counters).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain import alerts
from app.domain.alerts import RULES, About, AlertKind
from app.domain.audit_trail import Provenance
from app.domain.errors import Throttled
from app.domain.policies import Refusal
from app.domain.secrets import hash_secret
from app.domain.start_limits import StartLimits
from app.storage import counters
from app.storage.admins import Admin, has_signed_in_from
from app.storage.counters import Run
from app.storage.folding import fold
from app.storage.networks import network

SIGN_IN_WINDOW = timedelta(minutes=15)
FREE_FAILURES_PER_ACCOUNT = 5
FREE_FAILURES_PER_ADDRESS = 30
LONGEST_WAIT = timedelta(minutes=5)

REQUEST_WINDOW = timedelta(minutes=1)
SHARES = 100

TOO_MANY_KEYS = "Too many requests from here had no good API key. Try again later."


def sign_in_wait(
    db: Session, admin: Admin | None, *, email: str, address: str, now: datetime
) -> timedelta:
    """Return how long whoever signs in as `email` from `address` has to wait; see S6.

    The wait doubles with each failure beyond the free ones. A stranger can slow an admin down this
    way, never lock her out of where she works.
    """
    # Whoever guesses without a pause takes every turn there is. Where the admin has signed in
    # before, she waits for what failed there as her, or a stranger could shut her out: elsewhere
    # by guessing as her, and beside her by guessing as anybody.
    account, here, anybody = _sign_in_counters(email, address)
    runs = counters.runs(db, (account, here, anybody), now=now)
    if admin is not None and has_signed_in_from(db, admin.id, address):
        return left(runs.get(here), FREE_FAILURES_PER_ACCOUNT, now=now)
    return max(
        left(runs.get(account), FREE_FAILURES_PER_ACCOUNT, now=now),
        left(runs.get(anybody), FREE_FAILURES_PER_ADDRESS, now=now),
    )


def count_failed_sign_in(db: Session, *, email: str, address: str, now: datetime) -> None:
    """Count a failure against the account, the account at this address, and the address."""
    names = _sign_in_counters(email, address)
    counters.add(db, dict.fromkeys(names, SIGN_IN_WINDOW), now=now)


def count_hasty_sign_in(db: Session, *, email: str, address: str, now: datetime) -> int | None:
    """Count an attempt that came too soon; return how many there were, None for one of many.

    However often strangers try, as one admin or from one address, the trail does not grow by each.
    """
    account, _, anybody = _sign_in_counters(email, address)
    names = (f"too soon: {account}", f"too soon: {anybody}")
    counted = counters.add(db, dict.fromkeys(names, SIGN_IN_WINDOW), now=now).values()
    counts = [run.count for run in counted]
    return max(counts) if all(map(is_told, counts)) else None


def is_told(count: int) -> bool:
    """Whether the one that makes it so many is recorded: the first, the tenth, the hundredth."""
    return str(count).rstrip("0") == "1"


def start_wait(db: Session, admin_id: str, *, limits: StartLimits, now: datetime) -> timedelta:
    """Return how long the admin has to wait until the next session may start; 0 for not at all.

    The hour begins with its first session.
    """
    # What alerts count is what is limited: a start is counted once.
    name = alerts.counter(AlertKind.MANY_STARTS, admin_id)
    run = counters.runs(db, [name], now=now).get(name)
    if run is None or not limits.per_hour or run.count < limits.per_hour:
        return timedelta(0)
    return min(run.until - now, alerts.HOUR)


def start_sentence(wait: timedelta) -> str:
    """Return what is said to whoever has to wait so long, without its full stop."""
    minutes = -(-wait // timedelta(minutes=1))
    return f"{Refusal.STARTS_THROTTLED.sentence}: the next can start in {minutes} min"


@dataclass(frozen=True)
class Grant:
    """How many more requests a worker may answer with an API key, before that point in time."""

    requests: int
    until: datetime


def grant_requests(
    db: Session, key_id: str, *, most: int, provenance: Provenance, now: datetime
) -> Grant:
    """Give the worker that asks its next share of the `most` requests of this minute.

    All shares together are never more than that. A share is a hundredth, so that a busy key costs
    one write for many requests; what a worker does not use of its shares is nobody else's.
    """
    share = max(1, most // SHARES)
    name = f"requests {key_id}"
    run = counters.add(db, {name: REQUEST_WINDOW}, now=now, steps=share)[name]
    granted = max(0, min(share, most - (run.count - share)))
    if not granted:
        about = About(provenance, actor_kind="program")
        alerts.watch(db, {AlertKind.API_KEY_THROTTLED: key_id}, about, now=now)
    return Grant(granted, run.until)


def check_failed_keys(db: Session, *, address: str, now: datetime) -> None:
    """Raise Throttled when too many requests from this address had no good API key lately.

    It is asked about those alone: who has a good key is let in from everywhere.
    """
    rule = RULES[AlertKind.FAILED_API_KEYS]
    name = alerts.counter(AlertKind.FAILED_API_KEYS, network(address))
    run = counters.runs(db, [name], now=now).get(name)
    if run is not None and run.count >= rule.times:
        raise Throttled(TOO_MANY_KEYS, retry_after=min(run.until - now, rule.within))


def count_failed_key(db: Session, *, provenance: Provenance, now: datetime) -> None:
    """Count a request that had no good API key against its address."""
    about = About(provenance, actor_kind="stranger")
    alerts.watch(db, {AlertKind.FAILED_API_KEYS: network(provenance.address)}, about, now=now)


def _sign_in_counters(email: str, address: str) -> tuple[str, str, str]:
    # What is typed into the wrong field may be a password, or of any length.
    account = f"sign-in as {hash_secret(fold(email))}"
    place = network(address)
    return account, f"{account} from {place}", f"sign-in from {place}"


def left(run: Run | None, free: int, *, now: datetime) -> timedelta:
    """Return how long to wait after so many failures; the first `free` ones cost nothing."""
    if run is None or run.count < free:
        return timedelta(0)
    doublings = min(run.count - free, 20)
    wait = min(timedelta(seconds=2**doublings), LONGEST_WAIT)
    # When the clock has been set back, nobody waits until it is that late again (R5).
    return max(timedelta(0), min(wait, run.at + wait - now))
