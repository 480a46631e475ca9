"""Admins: who they are, and for superadmins what they may."""

from flask import flash, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from app.domain import admins as verbs
from app.domain import factor_resets
from app.domain.authentication import EMAIL_LENGTH
from app.domain.errors import DomainError
from app.domain.sign_ins import end_all, is_over
from app.storage.admins import Admin, Role, admins_by_name, open_sign_ins
from app.storage.company_accounts import company_accounts_of
from app.storage.factors import factors_of
from app.storage.impersonations import past_impersonations
from app.web import htmx
from app.web.admin import step_up
from app.web.admin.loading import load_or_404
from app.web.application_context import settings
from app.web.authentication import current_admin
from app.web.provenance import provenance

ROLE_NAMES = {Role.ADMIN.value: "Admin", Role.SUPERADMIN.value: "Superadmin"}


class AdminForm(FlaskForm):
    """A new admin."""

    name = StringField("Name", [InputRequired("Type a name."), Length(max=200)])
    email = EmailField("E-mail", [InputRequired("Type an e-mail."), Length(max=EMAIL_LENGTH)])
    role = SelectField("Role", choices=ROLE_NAMES)
    password = PasswordField("Password", [InputRequired("Choose a password.")])


def index() -> ResponseReturnValue:
    """All admins."""
    return render_template("admin/admins/index.html", admins=admins_by_name(g.db))


def new() -> ResponseReturnValue:
    """The form for a new admin."""
    return _page(_form())


def create() -> ResponseReturnValue:
    """Add an admin."""
    form = _form()
    if not step_up.passed() or not form.validate_on_submit():
        return _page(form), 422
    try:
        admin = verbs.create(
            g.db,
            email=form.email.data or "",
            name=form.name.data or "",
            role=form.role.data,
            password=(form.password.data or "") if form.password else None,
            by=current_admin(),
            provenance=provenance(),
            now=g.now,
        )
    except DomainError as problem:
        form.form_errors.append(problem.sentence)
        return _page(form), 422
    return _to(admin, "may sign in now" if form.password else "has been added")


def show(admin_id: str) -> ResponseReturnValue:
    """One admin, with where they are signed in."""
    admin = load_or_404(Admin, admin_id)
    return render_template(
        "admin/admins/show.html",
        admin=admin,
        sign_ins=[row for row in open_sign_ins(g.db, admin.id) if not is_over(row, now=g.now)],
        factors=factors_of(g.db, admin.id),
        is_linked=bool(company_accounts_of(g.db, admin.id)),
        impersonations=past_impersonations(
            g.db, cursor=None, impersonator_id=admin.id, now=g.now
        ).rows,
    )


def confirm_role(admin_id: str) -> ResponseReturnValue:
    """The one question before another role: there are two of them."""
    return _role_question(load_or_404(Admin, admin_id))


def change_role(admin_id: str) -> ResponseReturnValue:
    """Give the admin another role."""
    admin = load_or_404(Admin, admin_id)
    if not step_up.passed():
        return _role_question(admin, status=422)
    role = request.form.get("role", "")
    verbs.change_role(
        g.db, admin, role=role, by=current_admin(), provenance=provenance(), now=g.now
    )
    return _to(admin, f"is {admin.role} now and has been signed out")


def confirm_disabling(admin_id: str) -> ResponseReturnValue:
    """The one question before an admin is shut out."""
    return htmx.ask(
        "admin/admins/_confirm_disabling.html",
        title="Disable an admin",
        admin=load_or_404(Admin, admin_id),
    )


def disable(admin_id: str) -> ResponseReturnValue:
    """Shut the admin out."""
    admin = load_or_404(Admin, admin_id)
    verbs.disable(g.db, admin, by=current_admin(), provenance=provenance(), now=g.now)
    return _to(admin, "has been shut out")


def enable(admin_id: str) -> ResponseReturnValue:
    """Let the admin in again."""
    admin = load_or_404(Admin, admin_id)
    if not step_up.passed():
        return step_up.first(url_for("admins.show", admin_id=admin.id))
    verbs.enable(g.db, admin, by=current_admin(), provenance=provenance(), now=g.now)
    return _to(admin, "may sign in again")


def confirm_ending_sign_ins(admin_id: str) -> ResponseReturnValue:
    """The one question before an admin is signed out."""
    return htmx.ask(
        "admin/admins/_confirm_ending_sign_ins.html",
        title="End all sign-ins",
        admin=load_or_404(Admin, admin_id),
    )


def end_sign_ins(admin_id: str) -> ResponseReturnValue:
    """Sign the admin out everywhere."""
    admin = load_or_404(Admin, admin_id)
    end_all(
        g.db,
        admin,
        why="ended_by_admin",
        by=current_admin(),
        provenance=provenance(),
        now=g.now,
    )
    return _to(admin, "has been signed out everywhere")


def confirm_resetting_factors(admin_id: str) -> ResponseReturnValue:
    """The one question before an admin's second factors are gone."""
    return _reset_question(load_or_404(Admin, admin_id))


def reset_factors(admin_id: str) -> ResponseReturnValue:
    """Remove all second factors of an admin who has lost them."""
    admin = load_or_404(Admin, admin_id)
    if not step_up.passed():
        return _reset_question(admin, status=422)
    factor_resets.reset(g.db, admin, by=current_admin(), provenance=provenance(), now=g.now)
    return _to(admin, "has no second factor any more and has been signed out")


def _form() -> AdminForm:
    form = AdminForm(request.form)
    # Nobody chooses what nobody can sign in with.
    if not settings().password_sign_in:
        del form.password
    return form


def _page(form: AdminForm) -> str:
    return render_template("admin/admins/new.html", form=form, asked=step_up.asked())


def _role_question(admin: Admin, *, status: int = 200) -> ResponseReturnValue:
    role = Role.ADMIN if admin.is_superadmin else Role.SUPERADMIN
    return htmx.ask(
        "admin/admins/_confirm_role.html",
        title="Change the role",
        status=status,
        admin=admin,
        role=role.value,
        asked=step_up.asked(),
    )


def _reset_question(admin: Admin, *, status: int = 200) -> ResponseReturnValue:
    return htmx.ask(
        "admin/admins/_confirm_resetting_factors.html",
        title="Reset second factors",
        status=status,
        admin=admin,
        asked=step_up.asked(),
    )


def _to(admin: Admin, what: str) -> ResponseReturnValue:
    flash(f"{admin.name} {what}.", "success")
    return htmx.go_to(url_for("admins.show", admin_id=admin.id))
