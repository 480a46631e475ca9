"""Archives of the trail: what is in files, and ordering that more goes there."""

from datetime import UTC, datetime, time

from flask import flash, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import DateField
from wtforms.validators import InputRequired

from app.domain import audit_archives
from app.domain.audit_archives import SHORTEST_RETENTION
from app.domain.errors import DomainError
from app.domain.permissions import Permission
from app.storage.audit_archives import oldest_event
from app.web import htmx
from app.web.authentication import current_admin
from app.web.provenance import provenance


class OrderForm(FlaskForm):
    """From which day on events stay in the table."""

    before = DateField("Everything before (UTC)", [InputRequired("Choose a day.")])


def index() -> ResponseReturnValue:
    """What has been archived and ordered."""
    return _page(OrderForm(before=(g.now - SHORTEST_RETENTION).date()))


def create() -> ResponseReturnValue:
    """Order that older events be archived; the operator carries it out."""
    form = OrderForm(request.form)
    if not form.validate_on_submit() or form.before.data is None:
        return _page(form), 422
    try:
        last = audit_archives.order(
            g.db,
            before=datetime.combine(form.before.data, time.min, UTC),
            by=current_admin(),
            provenance=provenance(),
            now=g.now,
        )
    except DomainError as problem:
        form.form_errors.append(problem.sentence)
        return _page(form), 422
    flash(f"Ordered: everything up to event {last:,}. The operator carries it out.", "success")
    return htmx.go_to(url_for("archives.index"))


def _page(form: OrderForm) -> str:
    return render_template(
        "admin/archives/index.html",
        form=form,
        may_order=current_user.holds(Permission.AUDIT_TRAIL_ARCHIVE),
        oldest=oldest_event(g.db),
        archives=audit_archives.archives(g.db),
        waiting=audit_archives.waiting(g.db),
    )
