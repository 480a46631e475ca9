"""The first page after signing in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.product import activity, people
from app.product.clock import current_time
from app.product.models.members import Member, MemberStatus
from app.product.models.templates import Template, TestSend
from app.product.unit_of_work import db

LATELY = timedelta(days=30)
LATEST_TEMPLATES = 5
LATEST_ACTIVITY = 8


@dataclass(frozen=True)
class Figures:
    """The numbers at the top of the dashboard."""

    templates: int
    test_sends: int
    members: int


def show() -> ResponseReturnValue:
    account_id = people.required().member.account_id
    return render_template(
        "dashboard/show.html",
        figures=_count(db(), account_id, now=current_time()),
        templates=_latest_templates(db(), account_id),
        rows=activity.latest(db(), account_id, limit=LATEST_ACTIVITY),
    )


def _count(db: Session, account_id: str, *, now: datetime) -> Figures:
    templates = select(func.count(Template.id)).where(Template.account_id == account_id)
    test_sends = (
        select(func.count(TestSend.id))
        .join(Template, Template.id == TestSend.template_id)
        .where(Template.account_id == account_id, TestSend.sent_at > now - LATELY)
    )
    members = select(func.count(Member.id)).where(
        Member.account_id == account_id, Member.status == MemberStatus.ACTIVE
    )
    return Figures(*(db.scalar(query) or 0 for query in (templates, test_sends, members)))


def _latest_templates(db: Session, account_id: str) -> list[Template]:
    query = select(Template).where(Template.account_id == account_id)
    return [*db.scalars(query.order_by(Template.updated_at.desc()).limit(LATEST_TEMPLATES))]
