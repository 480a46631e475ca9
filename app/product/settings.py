"""The member's own name, and the name under which the account sends."""

from datetime import datetime

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from app.product import activity, people
from app.product.clock import current_time
from app.product.forms import PageForm, one_line, stripped
from app.product.models.activity import Action
from app.product.people import Visitor
from app.product.unit_of_work import db


class SettingsForm(PageForm):
    """What every member may change."""

    name = StringField(
        "Your name",
        filters=[stripped],
        validators=[
            DataRequired("Write your name."),
            Length(max=200, message="A name has at most 200 characters."),
            one_line,
        ],
    )


class AccountSettingsForm(SettingsForm):
    """What those who may edit can change besides."""

    sender_name = StringField(
        "Sender name",
        filters=[stripped],
        validators=[
            DataRequired("Write the name that readers will see as the sender."),
            Length(max=120, message="A sender name has at most 120 characters."),
            one_line,
        ],
    )


def edit() -> ResponseReturnValue:
    return _page(_form(people.required()))


def update() -> ResponseReturnValue:
    visitor = people.required()
    form = _form(visitor)
    if not form.validate():
        return _page(form), 422
    changed = _save(db(), form, visitor=visitor, now=current_time())
    notice = "settings-changed" if changed else "nothing-changed"
    return redirect(url_for("settings.edit", notice=notice), 303)


def _form(visitor: Visitor) -> SettingsForm:
    member = visitor.member
    kind = AccountSettingsForm if member.may_edit else SettingsForm
    return kind(request.form, name=member.name, sender_name=member.account.sender_name)


def _save(db: Session, form: SettingsForm, *, visitor: Visitor, now: datetime) -> bool:
    member, account = visitor.member, visitor.member.account
    name, sender_name = form.data["name"], form.data.get("sender_name", account.sender_name)
    changed = False
    if name != member.name:
        activity.record(db, Action.NAME_CHANGED, visitor=visitor, now=now, subject_name=name)
        member.name, member.updated_at, changed = name, now, True
    if sender_name != account.sender_name:
        account.sender_name, changed = sender_name, True
        activity.record(
            db, Action.SENDER_NAME_CHANGED, visitor=visitor, now=now, subject_name=sender_name
        )
    return changed


def _page(form: SettingsForm) -> str:
    return render_template("settings/edit.html", form=form)
