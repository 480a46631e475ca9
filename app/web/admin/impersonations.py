"""Impersonation sessions: the question, the start, the lists, the timeline, the end."""

from flask import Response, flash, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.domain import endings
from app.domain import impersonations as verbs
from app.domain.audit_archives import absent
from app.domain.errors import Invalid
from app.domain.impersonations import REASON_LENGTH, TICKET_URL_LENGTH
from app.domain.secrets import new_secret
from app.storage.admins import admin_names
from app.storage.audit_trail import events_of_impersonation
from app.storage.impersonations import EndReason, Impersonation, past_impersonations
from app.storage.members import Member
from app.web import htmx
from app.web.admin import step_up, transcripts
from app.web.admin.active_sessions import active_sessions
from app.web.admin.loading import load_or_404
from app.web.admin.refusals import refusals
from app.web.application_context import settings, start_limits
from app.web.authentication import current_admin, current_sign_in
from app.web.event_sentences import lines
from app.web.handoffs import landing_url
from app.web.pagination import cursor, paged
from app.web.provenance import provenance
from app.web.session_heads import head_of


class StartForm(FlaskForm):
    """Why, and for which ticket. `form_key` is new on each form, so that one starts one session."""

    reason = TextAreaField("Reason", [Length(max=REASON_LENGTH)])
    ticket_url = StringField("Ticket link", [Length(max=TICKET_URL_LENGTH)])
    form_key = HiddenField(validators=[InputRequired(), Length(min=16, max=64)])


def new(member_id: str) -> ResponseReturnValue:
    """The question, as a dialog's content or as a page."""
    member = load_or_404(Member, member_id)
    return _question(member, StartForm(form_key=new_secret()), status=200)


def create(member_id: str) -> ResponseReturnValue:
    """Start the session and send the new tab to the product app, the ticket in the fragment."""
    member = load_or_404(Member, member_id)
    form = StartForm(request.form)
    if not step_up.passed() or not form.validate_on_submit():
        return _question(member, form, status=422)
    try:
        started = verbs.start(
            g.db,
            impersonator=current_admin(),
            target=member,
            reason=form.reason.data or "",
            ticket_url=form.ticket_url.data or "",
            form_key=form.form_key.data or "",
            reason_required=settings().reason_required,
            limits=start_limits(),
            sign_in=current_sign_in(),
            provenance=provenance(),
            now=g.now,
        )
    except Invalid as invalid:
        form.form_errors.append(invalid.sentence)
        return _question(member, form, status=422)
    response = Response(status=303, headers={"Location": landing_url(started.ticket)})
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def index() -> ResponseReturnValue:
    """Active and past sessions, filtered by what the address says."""
    state, impersonator = request.args.get("state", ""), request.args.get("impersonator", "")
    page = past_impersonations(
        g.db, cursor=cursor(), now=g.now, state=state, impersonator_id=impersonator
    )
    return htmx.render(
        "admin/impersonations/index.html",
        "admin/impersonations/_results.html",
        **paged(page),
        state=state,
        impersonator=impersonator,
        admins=admin_names(g.db),
    )


def active() -> ResponseReturnValue:
    """The table of the overview, or 304 when the page that asks shows it already."""
    sessions = active_sessions(g.db, now=g.now)
    if request.headers.get("If-None-Match") == sessions.version:
        return Response(status=304)
    return render_template(
        "admin/impersonations/_active.html", active=sessions.rows, version=sessions.version
    )


def show(impersonation_id: str) -> ResponseReturnValue:
    """One session from start to end."""
    impersonation = load_or_404(Impersonation, impersonation_id)
    events = events_of_impersonation(g.db, impersonation.id)
    return render_template(
        "admin/impersonations/show.html",
        impersonation=impersonation,
        head=head_of(impersonation, events),
        absent=absent(g.db),
        lines=lines(events, is_whole=True),
        count=len(events),
    )


def transcript(impersonation_id: str) -> ResponseReturnValue:
    """One session from start to end as plain text, to be put into a ticket."""
    impersonation = load_or_404(Impersonation, impersonation_id)
    events = events_of_impersonation(g.db, impersonation.id)
    text = transcripts.transcript(
        impersonation, events, absent=absent(g.db), site=settings().admin_url, now=g.now
    )
    return Response(text, mimetype="text/plain")


def confirm_end(impersonation_id: str) -> ResponseReturnValue:
    """The one question before an end."""
    return htmx.ask(
        "admin/impersonations/_confirm_end.html",
        title="End the session",
        impersonation=load_or_404(Impersonation, impersonation_id),
    )


def end(impersonation_id: str) -> ResponseReturnValue:
    """End the session; ending it again changes nothing and says the same (I4)."""
    impersonation = load_or_404(Impersonation, impersonation_id)
    ended = endings.end(
        g.db,
        impersonation,
        why=EndReason.ADMIN_ENDED,
        by=current_admin(),
        provenance=provenance(),
        now=g.now,
    )
    when = "has ended" if ended else "had ended already"
    flash(f"The session as {impersonation.target.name} {when}.", "success")
    return htmx.go_to(url_for("overview.show"))


def _question(member: Member, form: StartForm, *, status: int) -> ResponseReturnValue:
    form.reason.flags.required = settings().reason_required
    return htmx.render(
        "admin/impersonations/new.html",
        "admin/impersonations/_form.html",
        status=status,
        member=member,
        form=form,
        refusal=refusals(g.db, current_admin(), [member], now=g.now)[member.id],
        asked=step_up.asked(),
    )
