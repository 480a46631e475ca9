"""The activity page, and the one way in which activity is written down."""

from datetime import datetime

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from app.product import people
from app.product.models.activity import Action, Activity
from app.product.models.templates import Template
from app.product.people import Visitor
from app.product.unit_of_work import db

PAGE_SIZE = 40


def index() -> ResponseReturnValue:
    account_id = people.required().member.account_id
    rows = latest(db(), account_id, limit=PAGE_SIZE + 1, before=request.args.get("before"))
    return render_template(
        "activity/index.html", rows=rows[:PAGE_SIZE], has_older=len(rows) > PAGE_SIZE
    )


def record(
    db: Session,
    action: Action,
    *,
    visitor: Visitor,
    now: datetime,
    template: Template | None = None,
    subject_name: str = "",
) -> None:
    """The member did it; if support did it for the member, that is kept as well."""
    impersonation = visitor.impersonation
    db.add(
        Activity(
            account_id=visitor.member.account_id,
            happened_at=now,
            action=action,
            member_id=visitor.member.id,
            member_name=visitor.member.name,
            template_id=template.id if template else None,
            subject_name=template.name if template else subject_name,
            impersonator_id=impersonation.actor.id if impersonation else None,
            impersonator_name=impersonation.actor.name if impersonation else None,
            impersonation_id=impersonation.id if impersonation else None,
        )
    )


def latest(
    db: Session, account_id: str, *, limit: int, before: str | None = None
) -> list[Activity]:
    """The newest first; `before` is the id of the row after which to go on."""
    place = tuple_(Activity.happened_at, Activity.id)
    query = select(Activity).where(Activity.account_id == account_id)
    mark = db.get(Activity, before) if before else None
    if mark is not None and mark.account_id == account_id:
        query = query.where(place < (mark.happened_at, mark.id))
    return [
        *db.scalars(query.order_by(Activity.happened_at.desc(), Activity.id.desc()).limit(limit))
    ]


def history_of(db: Session, template: Template, *, limit: int) -> list[Activity]:
    query = select(Activity).where(Activity.template_id == template.id)
    return [
        *db.scalars(query.order_by(Activity.happened_at.desc(), Activity.id.desc()).limit(limit))
    ]
