"""Every route for people, with who may use it."""

from app.domain.permissions import Permission
from app.web.admin import (
    accounts,
    admins,
    audit_trail,
    impersonations,
    members,
    overview,
    sign_in,
    sign_ins,
)
from app.web.routing import Anyone, Route

ROUTES = [
    Route("GET", "/sign-in", sign_in.new, Anyone.ANYONE),
    Route("POST", "/sign-in", sign_in.create, Anyone.ANYONE),
    Route("POST", "/sign-out", sign_in.destroy, Permission.SIGN_INS_OWN),
    Route("GET", "/", overview.show, Permission.IMPERSONATIONS_READ),
    Route("GET", "/accounts", accounts.index, Permission.ACCOUNTS_READ),
    Route("GET", "/accounts/<account_id>", accounts.show, Permission.ACCOUNTS_READ),
    Route("GET", "/accounts/<account_id>/sessions", accounts.sessions, Permission.ACCOUNTS_READ),
    Route("GET", "/accounts/<account_id>/settings", accounts.settings, Permission.ACCOUNTS_READ),
    Route(
        "GET",
        "/accounts/<account_id>/impersonation-switch",
        accounts.confirm_switching_off,
        Permission.ACCOUNTS_MANAGE,
    ),
    Route(
        "POST",
        "/accounts/<account_id>/impersonation-switch",
        accounts.switch_impersonation,
        Permission.ACCOUNTS_MANAGE,
    ),
    Route("GET", "/members", members.index, Permission.MEMBERS_READ),
    Route("GET", "/members/<member_id>", members.show, Permission.MEMBERS_READ),
    Route(
        "GET",
        "/members/<member_id>/impersonations/new",
        impersonations.new,
        Permission.IMPERSONATIONS_START,
    ),
    Route(
        "POST",
        "/members/<member_id>/impersonations",
        impersonations.create,
        Permission.IMPERSONATIONS_START,
    ),
    Route("GET", "/impersonations", impersonations.index, Permission.IMPERSONATIONS_READ),
    Route(
        "GET",
        "/impersonations/active",
        impersonations.active,
        Permission.IMPERSONATIONS_READ,
        background=True,
    ),
    Route(
        "GET",
        "/impersonations/<impersonation_id>",
        impersonations.show,
        Permission.IMPERSONATIONS_READ,
    ),
    Route(
        "GET",
        "/impersonations/<impersonation_id>/end",
        impersonations.confirm_end,
        Permission.IMPERSONATIONS_END,
    ),
    Route(
        "POST",
        "/impersonations/<impersonation_id>/end",
        impersonations.end,
        Permission.IMPERSONATIONS_END,
    ),
    Route("GET", "/audit", audit_trail.index, Permission.AUDIT_TRAIL_READ),
    Route("GET", "/admins", admins.index, Permission.ADMINS_READ),
    Route("GET", "/admins/new", admins.new, Permission.ADMINS_MANAGE),
    Route("POST", "/admins", admins.create, Permission.ADMINS_MANAGE),
    Route("GET", "/admins/<admin_id>", admins.show, Permission.ADMINS_READ),
    Route("GET", "/admins/<admin_id>/role", admins.confirm_role, Permission.ADMINS_MANAGE),
    Route("POST", "/admins/<admin_id>/role", admins.change_role, Permission.ADMINS_MANAGE),
    Route(
        "GET", "/admins/<admin_id>/disabling", admins.confirm_disabling, Permission.ADMINS_MANAGE
    ),
    Route("POST", "/admins/<admin_id>/disabling", admins.disable, Permission.ADMINS_MANAGE),
    Route("POST", "/admins/<admin_id>/enabling", admins.enable, Permission.ADMINS_MANAGE),
    Route(
        "GET",
        "/admins/<admin_id>/sign-ins/end",
        admins.confirm_ending_sign_ins,
        Permission.ADMINS_MANAGE,
    ),
    Route("POST", "/admins/<admin_id>/sign-ins/end", admins.end_sign_ins, Permission.ADMINS_MANAGE),
    Route("GET", "/settings/security", sign_ins.index, Permission.SIGN_INS_OWN),
    Route("POST", "/settings/security/<sign_in_id>/end", sign_ins.end, Permission.SIGN_INS_OWN),
]
