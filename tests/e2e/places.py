"""Every page of both sites, from their own route tables, so that a new page cannot be forgotten."""

from app.product.routes import ROUTES as PRODUCT_ROUTES
from app.web.admin.routes import ROUTES as ADMIN_ROUTES
from tests.e2e.site import Member, Site

IDS = {
    "account_id": "SELECT id FROM accounts WHERE domain = 'harbour.example'",
    "member_id": "SELECT id FROM members WHERE email = 'mia.chen@harbour.example'",
    "admin_id": "SELECT id FROM admins WHERE email = 'omar@example.com'",
    "api_key_id": "SELECT id FROM api_keys WHERE name = 'Letterbox'",
    # A session of the demo's past, which no story touches.
    "impersonation_id": "SELECT id FROM impersonations ORDER BY started_at LIMIT 1",
}


# For strangers, plain text, or for people with a second factor, of whom the demo has none.
NO_PAGES = {
    "/sign-in",
    "/sign-in/second-step",
    "/impersonations/<impersonation_id>/transcript",
    "/settings/security/enrolment",
    "/settings/security/factors/<factor_id>/removal",
    "/settings/security/step-up",
}


def admin_pages(site: Site) -> list[str]:
    """The addresses of all pages that an admin can open."""
    paths = [
        route.path
        for route in ADMIN_ROUTES
        if route.method == "GET"
        and not (route.background or route.changing)
        and route.path not in NO_PAGES
    ]
    ids = {f"<{name}>": site.value(query) for name, query in IDS.items()}
    return [site.admin_url + _filled(path, ids) for path in paths]


def product_pages(site: Site, member: Member) -> list[str]:
    """The addresses of all pages that the member can open."""
    paths = [route.path for route in PRODUCT_ROUTES if route.method == "GET"]
    ids = {"<template_id>": a_template(site, member)}
    return [site.product_url + _filled(path, ids) for path in paths if path != "/sign-in"]


def a_template(site: Site, member: Member) -> str:
    """The id of a template of the member's account."""
    query = "SELECT id FROM templates WHERE account_id = ? AND name = 'Welcome'"
    template: str = site.letterbox_value(query, member.account_id)
    return template


def _filled(path: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        path = path.replace(name, value)
    assert "<" not in path, f"no story knows what to put into {path}"
    return path
