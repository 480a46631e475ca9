"""E-mail templates: list, read, write, change, delete, and send a test."""

from datetime import datetime

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.product import activity, people
from app.product.clock import current_time
from app.product.forms import (
    LONGEST_EMAIL,
    PageForm,
    changes,
    email_address,
    lowered,
    one_line,
    stripped,
    with_plain_newlines,
)
from app.product.merge_fields import fill_with_samples
from app.product.models.activity import Action
from app.product.models.templates import (
    LONGEST_BODY,
    LONGEST_NAME,
    LONGEST_SUBJECT,
    Template,
    TestSend,
)
from app.product.people import Visitor
from app.product.unit_of_work import db

LONGEST_SEARCH = 100
LATEST = 6


class TemplateForm(PageForm):
    """A template as a person writes it."""

    name = StringField(
        "Name",
        description="Only your team sees it.",
        filters=[stripped],
        validators=[
            DataRequired("Give the template a name."),
            Length(max=LONGEST_NAME, message=f"A name has at most {LONGEST_NAME} characters."),
            one_line,
        ],
    )
    subject = StringField(
        "Subject",
        filters=[stripped],
        validators=[
            DataRequired("Write a subject."),
            Length(max=LONGEST_SUBJECT, message=f"At most {LONGEST_SUBJECT} characters."),
            one_line,
        ],
    )
    body = TextAreaField(
        "Text",
        description="Write merge fields in double braces: {{\u00a0first_name\u00a0}}.",
        filters=[with_plain_newlines],
        validators=[
            DataRequired("Write the text of the e-mail."),
            Length(max=LONGEST_BODY, message=f"At most {LONGEST_BODY} characters."),
        ],
    )


class TestSendForm(PageForm):
    """Where a test goes."""

    # Keeps pytest from taking it for a test.
    __test__ = False

    recipient = StringField(
        "Send a test to",
        filters=[lowered],
        validators=[
            DataRequired("Write an e-mail address."),
            Length(max=LONGEST_EMAIL),
            email_address,
        ],
    )


def index() -> ResponseReturnValue:
    words = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    found = _search(db(), people.required().member.account_id, words)
    return render_template("templates/index.html", templates=found, words=words)


def show(template_id: str) -> ResponseReturnValue:
    form = TestSendForm(recipient=people.required().member.email)
    return _show(_load(template_id), form)


def new() -> ResponseReturnValue:
    return render_template("templates/new.html", form=TemplateForm())


def create() -> ResponseReturnValue:
    form = TemplateForm(request.form)
    if not form.validate():
        return render_template("templates/new.html", form=form), 422
    template = _write(db(), form, visitor=people.required(), now=current_time())
    return _back_to(template, "template-created")


def edit(template_id: str) -> ResponseReturnValue:
    template = _load(template_id)
    return render_template(
        "templates/edit.html", template=template, form=TemplateForm(obj=template)
    )


def update(template_id: str) -> ResponseReturnValue:
    template = _load(template_id)
    form = TemplateForm(request.form)
    if not form.validate():
        return render_template("templates/edit.html", template=template, form=form), 422
    if not changes(form, template):
        return _back_to(template, "nothing-changed")
    _change(db(), template, form, visitor=people.required(), now=current_time())
    return _back_to(template, "template-changed")


def confirm_delete(template_id: str) -> ResponseReturnValue:
    return render_template("templates/confirm_delete.html", template=_load(template_id))


def delete(template_id: str) -> ResponseReturnValue:
    template = _load(template_id)
    activity.record(
        db(),
        Action.TEMPLATE_DELETED,
        visitor=people.required(),
        now=current_time(),
        template=template,
    )
    db().delete(template)
    return redirect(url_for("templates.index", notice="template-deleted"), 303)


def send_test(template_id: str) -> ResponseReturnValue:
    template = _load(template_id)
    form = TestSendForm(request.form)
    if not form.validate():
        return _show(template, form), 422
    recipient: str = form.data["recipient"]
    _send(db(), template, recipient, visitor=people.required(), now=current_time())
    return _back_to(template, "test-sent")


def _load(template_id: str) -> Template:
    """A template of another account is as absent as one that never was."""
    template = db().get(Template, template_id)
    if template is None or template.account_id != people.required().member.account_id:
        raise NotFound
    return template


def _search(db: Session, account_id: str, words: str) -> list[Template]:
    # SQLite folds the case of ASCII letters only, and an account has dozens of templates,
    # not thousands: the words are looked for here.
    query = select(Template).where(Template.account_id == account_id)
    templates = db.scalars(query.order_by(Template.updated_at.desc(), Template.id))
    return [template for template in templates if template.mentions(words)]


def _write(db: Session, form: TemplateForm, *, visitor: Visitor, now: datetime) -> Template:
    template = Template(
        account_id=visitor.member.account_id,
        updated_at=now,
        updated_by_id=visitor.member.id,
        **form.data,
    )
    db.add(template)
    # The activity needs the template's id.
    db.flush()
    activity.record(db, Action.TEMPLATE_CREATED, visitor=visitor, now=now, template=template)
    return template


def _change(
    db: Session, template: Template, form: TemplateForm, *, visitor: Visitor, now: datetime
) -> None:
    form.populate_obj(template)
    template.updated_at, template.updated_by_id = now, visitor.member.id
    activity.record(db, Action.TEMPLATE_CHANGED, visitor=visitor, now=now, template=template)


def _send(
    db: Session, template: Template, recipient: str, *, visitor: Visitor, now: datetime
) -> None:
    db.add(
        TestSend(
            template_id=template.id,
            recipient=recipient,
            subject=fill_with_samples(template.subject, visitor.member.account.name),
            body=fill_with_samples(template.body, visitor.member.account.name),
            sent_at=now,
            sent_by_id=visitor.member.id,
        )
    )
    activity.record(db, Action.TEST_SENT, visitor=visitor, now=now, template=template)


def _show(template: Template, form: TestSendForm) -> str:
    sends = select(TestSend).where(TestSend.template_id == template.id)
    return render_template(
        "templates/show.html",
        template=template,
        form=form,
        filled=request.args.get("fields") == "filled",
        sends=db().scalars(sends.order_by(TestSend.sent_at.desc()).limit(LATEST)).all(),
        rows=activity.history_of(db(), template, limit=LATEST),
    )


def _back_to(template: Template, notice: str) -> ResponseReturnValue:
    return redirect(url_for("templates.show", template_id=template.id, notice=notice), 303)
