"""Accounts: find one, see its members and sessions, switch impersonation on or off."""

from flask import flash, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from app.domain import accounts as verbs
from app.storage.accounts import Account, list_accounts, search_accounts
from app.storage.impersonations import past_impersonations
from app.storage.listed_members import ListedMember, list_members, search_members
from app.storage.paging import Page
from app.storage.sizes import Size, size_of
from app.web import htmx
from app.web.admin.loading import load_or_404, search_text
from app.web.admin.refusals import refusals
from app.web.admin.totals import count_line
from app.web.authentication import current_admin
from app.web.pagination import cursor, paged
from app.web.provenance import provenance

ALLOWED = "Impersonation is allowed in this account again."
SWITCHED_OFF = "Impersonation is off in this account. Running sessions have ended."


def index() -> ResponseReturnValue:
    """All accounts by name, or those that match, best first."""
    text = search_text()
    page: Page[Account] = (
        search_accounts(g.db, text=text, cursor=cursor())
        if text
        else list_accounts(g.db, cursor=cursor())
    )
    return htmx.render(
        "admin/accounts/index.html",
        "admin/accounts/_results.html",
        **paged(page),
        q=text,
        counted=count_line(page, "account", lambda: size_of(g.db, Account)),
    )


def show(account_id: str) -> ResponseReturnValue:
    """One account with its members."""
    account, text = load_or_404(Account, account_id), search_text()
    page: Page[ListedMember] = (
        search_members(g.db, text=text, cursor=cursor(), account_id=account.id)
        if text
        else list_members(g.db, cursor=cursor(), account_id=account.id)
    )
    return htmx.render(
        "admin/accounts/show.html",
        "admin/members/_results.html",
        **paged(page),
        account=account,
        q=text,
        counted=count_line(page, "member", lambda: Size(account.member_count)),
        refusals=refusals(g.db, current_admin(), page.rows, now=g.now),
    )


def sessions(account_id: str) -> ResponseReturnValue:
    """One account with the sessions in it."""
    account = load_or_404(Account, account_id)
    page = past_impersonations(g.db, cursor=cursor(), account_id=account.id, now=g.now)
    return htmx.render(
        "admin/accounts/sessions.html",
        "admin/impersonations/_results.html",
        **paged(page),
        account=account,
    )


def settings(account_id: str) -> ResponseReturnValue:
    """One account with what we decide about it."""
    return render_template("admin/accounts/settings.html", account=load_or_404(Account, account_id))


def confirm_switching_off(account_id: str) -> ResponseReturnValue:
    """The one question before impersonation is switched off."""
    return htmx.ask(
        "admin/accounts/_confirm_switching_off.html",
        title="Switch impersonation off",
        account=load_or_404(Account, account_id),
    )


def switch_impersonation(account_id: str) -> ResponseReturnValue:
    """Allow or forbid impersonation in the account."""
    account = load_or_404(Account, account_id)
    wanted = request.form.get("allowed")
    if wanted not in ("yes", "no"):
        raise BadRequest("Say whether impersonation is to be allowed: yes or no.")
    verbs.switch_impersonation(
        g.db,
        account,
        allowed=wanted == "yes",
        by=current_admin(),
        provenance=provenance(),
        now=g.now,
    )
    flash(ALLOWED if wanted == "yes" else SWITCHED_OFF, "success")
    return htmx.go_to(url_for("accounts.settings", account_id=account.id))
