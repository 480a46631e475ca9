"""Alerts about sign-ins that a password opened and a second factor did not (S6, S8)."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import alerts
from app.domain.alerts import About, AlertKind
from app.domain.audit_trail import Provenance
from app.storage import counters
from app.storage.admins import Admin


def watch_begun(db: Session, admin: Admin, *, provenance: Provenance, now: datetime) -> None:
    """Watch a sign-in that waits for its second step: repeated ones that go no further."""
    _watch(db, AlertKind.SIGN_INS_BEGUN, admin, provenance, now)


def forget_begun(db: Session, admin: Admin) -> None:
    """Count anew: a sign-in went on, so whoever began it has the factor too."""
    counters.end(db, alerts.counter(AlertKind.SIGN_INS_BEGUN, admin.id))


def watch_wrong_factor(db: Session, admin: Admin, *, provenance: Provenance, now: datetime) -> None:
    """Watch a second step that failed: whoever did it knows the password."""
    _watch(db, AlertKind.WRONG_FACTORS, admin, provenance, now)


def watch_failed_step_up(
    db: Session, admin: Admin, *, provenance: Provenance, now: datetime
) -> None:
    """Watch a step-up that failed, of somebody who is signed in as the admin."""
    about = About(provenance, actor=admin)
    alerts.watch(db, {AlertKind.FAILED_STEP_UPS: admin.id}, about, now=now)


def _watch(
    db: Session, kind: AlertKind, admin: Admin, provenance: Provenance, now: datetime
) -> None:
    # It need not be the admin who has the password.
    about = About(provenance, actor_kind="stranger", email=admin.email, admin_id=admin.id)
    alerts.watch(db, {kind: admin.id}, about, now=now)
