"""Members: find one across all accounts, see one."""

from flask import g, render_template
from flask.typing import ResponseReturnValue

from app.storage.impersonations import past_impersonations
from app.storage.listed_members import ListedMember, list_members, search_members
from app.storage.members import Member, members_with_email
from app.storage.paging import Page
from app.storage.sizes import size_of
from app.web import htmx
from app.web.admin.loading import load_or_404, search_text
from app.web.admin.refusals import refusals
from app.web.admin.totals import count_line
from app.web.authentication import current_admin
from app.web.pagination import cursor, paged


def index() -> ResponseReturnValue:
    """All members by name, or those that match, best first."""
    text = search_text()
    page: Page[ListedMember] = (
        search_members(g.db, text=text, cursor=cursor())
        if text
        else list_members(g.db, cursor=cursor())
    )
    return htmx.render(
        "admin/members/index.html",
        "admin/members/_results.html",
        **paged(page),
        q=text,
        counted=count_line(page, "member", lambda: size_of(g.db, Member)),
        refusals=refusals(g.db, current_admin(), page.rows, now=g.now),
    )


def show(member_id: str) -> ResponseReturnValue:
    """One member: what one can do, who was inside before, the same person elsewhere."""
    member = load_or_404(Member, member_id)
    elsewhere = [one for one in members_with_email(g.db, member.email) if one.id != member.id]
    return render_template(
        "admin/members/show.html",
        member=member,
        refusal=refusals(g.db, current_admin(), [member], now=g.now)[member.id],
        elsewhere=elsewhere,
        **paged(past_impersonations(g.db, cursor=cursor(), target_id=member.id, now=g.now)),
    )
