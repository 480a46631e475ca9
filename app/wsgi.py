"""The admin site for a WSGI server, as the environment describes it."""

import gc
import os
import sys

from flask import g, has_request_context

from app import config, logs, setting_changes, start_check
from app.web.application import Application, create_admin_app
from app.web.authentication import clock


def build() -> Application:
    """Return the admin site; stop the start with what is wrong when it cannot be trusted to run."""
    environ = config.read_environment(os.environ)
    if found := start_check.findings(environ):
        sys.exit("\n".join(f"understudy: {sentence}" for sentence in found))
    settings = config.from_environment(environ)
    logs.set_up("site", as_json=not settings.demo, request_id=_request_id)
    site = create_admin_app(settings)
    try:
        setting_changes.record(site.database, settings, now=clock())
    except setting_changes.NotRecorded as error:
        sys.exit(f"understudy: UNDERSTUDY_DATABASE_URL takes no record of the settings: {error}.")
    # A server may fork after this, and no two processes share a connection.
    site.database.dispose()
    return site


def _request_id() -> str | None:
    request_id: str | None = g.get("request_id") if has_request_context() else None
    return request_id


admin = build()
# What the site is made of stays: looking through it again and again makes somebody wait.
gc.collect()
gc.freeze()
