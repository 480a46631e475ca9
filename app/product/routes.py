"""Every page of Letterbox in one table, with who may ask for it. What is not listed is closed."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from flask import Flask, request
from flask.typing import ResponseReturnValue

from app.product import activity, dashboard, people, settings, sign_in, templates
from app.product.clock import current_time
from app.product.config import Config
from app.product.protection import refuse_forgery


class Who(StrEnum):
    """Who may ask."""

    ANYBODY = "anybody"
    MEMBER = "member"
    EDITOR = "editor"


@dataclass(frozen=True)
class Route:
    """One method at one address."""

    method: str
    path: str
    view: Callable[..., ResponseReturnValue]
    who: Who

    @property
    def endpoint(self) -> str:
        module = self.view.__module__.rpartition(".")[2]
        return f"{module}.{self.view.__name__}"


ROUTES = (
    Route("GET", "/sign-in", sign_in.new, Who.ANYBODY),
    Route("POST", "/sign-in", sign_in.create, Who.ANYBODY),
    Route("POST", "/sign-in/account", sign_in.choose, Who.ANYBODY),
    Route("POST", "/sign-out", sign_in.destroy, Who.MEMBER),
    Route("GET", "/", dashboard.show, Who.MEMBER),
    Route("GET", "/templates", templates.index, Who.MEMBER),
    Route("GET", "/templates/new", templates.new, Who.EDITOR),
    Route("POST", "/templates/new", templates.create, Who.EDITOR),
    Route("GET", "/templates/<template_id>", templates.show, Who.MEMBER),
    Route("GET", "/templates/<template_id>/edit", templates.edit, Who.EDITOR),
    Route("POST", "/templates/<template_id>/edit", templates.update, Who.EDITOR),
    Route("GET", "/templates/<template_id>/deletion", templates.confirm_delete, Who.EDITOR),
    Route("POST", "/templates/<template_id>/deletion", templates.delete, Who.EDITOR),
    Route("POST", "/templates/<template_id>/test-sends", templates.send_test, Who.EDITOR),
    Route("GET", "/activity", activity.index, Who.MEMBER),
    Route("GET", "/settings", settings.edit, Who.MEMBER),
    Route("POST", "/settings", settings.update, Who.MEMBER),
)


def register(app: Flask, config: Config) -> None:
    who_may = {"static": Who.ANYBODY} | {route.endpoint: route.who for route in ROUTES}
    for route in ROUTES:
        app.add_url_rule(
            route.path,
            route.endpoint,
            route.view,
            methods=[route.method],
            provide_automatic_options=False,
        )

    @app.before_request
    def guard() -> None:
        if request.endpoint is None:
            return
        who = who_may.get(request.endpoint, Who.MEMBER)
        _admit(who)
        refuse_forgery(config.product_url, signed_in=who is not Who.ANYBODY)


def _admit(who: Who) -> None:
    if who is Who.ANYBODY:
        return
    people.required()
    people.remember_seen(current_time())
    if who is Who.EDITOR:
        people.required_editor()
