"""An admin's own security: their second factors, and where they are signed in."""

from flask import flash, g, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import NotFound

from app.domain import sign_ins as verbs
from app.storage.admins import SignIn, open_sign_ins
from app.storage.company_accounts import company_account_of
from app.storage.factors import codes_left, factors_of
from app.web import htmx
from app.web.admin.loading import load_or_404
from app.web.admin.second_step import has_passkeys
from app.web.application_context import company_rules, settings
from app.web.authentication import current_admin, current_sign_in
from app.web.provenance import provenance


def index() -> ResponseReturnValue:
    """What the admin signs in with, and where they are signed in."""
    rows = open_sign_ins(g.db, current_user.id)
    factors, company = factors_of(g.db, current_user.id), settings().company
    return render_template(
        "admin/sign_ins/index.html",
        sign_ins=[row for row in rows if not verbs.is_over(row, now=g.now)],
        factors=factors,
        has_passkeys=has_passkeys(),
        last_stays=settings().second_factor_required and len(factors) == 1,
        by_password=settings().password_sign_in,
        codes_left=codes_left(g.db, current_user.id),
        company=company,
        company_account=(
            company_account_of(g.db, current_user.id, company.issuer) if company else None
        ),
        gives_roles=bool(company_rules().role_claim),
    )


def end(sign_in_id: str) -> ResponseReturnValue:
    """End one of them; another admin's is as good as missing."""
    row = load_or_404(SignIn, sign_in_id)
    if row.admin_id != current_user.id:
        raise NotFound("There is nothing here, or not any more.")
    ended = verbs.sign_out(g.db, row, by=current_admin(), provenance=provenance(), now=g.now)
    flash(f"That sign-in has ended.{' Your session has ended, too.' if ended else ''}", "success")
    return htmx.go_to(url_for("sign_ins.index"))


def confirm_ending_others() -> ResponseReturnValue:
    """The one question before all other sign-ins end."""
    return htmx.ask("admin/sign_ins/_confirm_ending_others.html", title="End all others")


def end_others() -> ResponseReturnValue:
    """End all of them but this one."""
    row = current_sign_in()
    verbs.end_others(g.db, row, why="others_ended", provenance=provenance(), now=g.now)
    flash("You are signed in here alone now.", "success")
    return htmx.go_to(url_for("sign_ins.index"))
