"""Events by the number of their page, for programs that know no other way to turn pages.

A page by number costs what all before it cost, so only the newest MOST events have one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Subquery, func, select, union_all
from sqlalchemy.orm import Session

from app.storage.audit_trail import AuditEvent

MOST = 10_000


@dataclass(frozen=True)
class NumberedEvents:
    """The newest MOST events of some actions, and of them those of one account if it is given."""

    db: Session
    actions: Sequence[str]
    account_id: str | None = None

    def count(self) -> int:
        """Return how many there are."""
        ids = self._ids().subquery()
        return self.db.scalar(select(func.count()).select_from(ids)) or 0

    def rows(self, before: int, size: int) -> Sequence[AuditEvent]:
        """Return `size` of them, the newest first, without the newest `before`."""
        ids = self._ids()
        page = ids.order_by(ids.selected_columns.id.desc()).offset(before).limit(size)
        query = select(AuditEvent).where(AuditEvent.id.in_(self.db.scalars(page).all()))
        return self.db.scalars(query.order_by(AuditEvent.id.desc())).all()

    def _ids(self) -> Any:
        newest = union_all(*(select(self._newest(action)) for action in self.actions)).subquery()
        query = select(newest).order_by(newest.c.id.desc()).limit(MOST)
        within = query.subquery().c
        ids = select(within.id)
        return ids.where(within.account_id == self.account_id) if self.account_id else ids

    def _newest(self, action: str) -> Subquery:
        # Only what the index of actions holds, unless it is about an account.
        columns = (AuditEvent.id, AuditEvent.account_id) if self.account_id else (AuditEvent.id,)
        query = select(*columns).where(AuditEvent.action == action)
        return query.order_by(AuditEvent.id.desc()).limit(MOST).subquery()
