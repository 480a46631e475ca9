"""Letterbox, the sample product: e-mail templates for small companies."""

from pathlib import Path

from flask import Flask
from jinja2 import StrictUndefined

from app.kit.client import AdminClient
from app.kit.middleware import ImpersonationMiddleware
from app.kit.pages import asset_url
from app.product import (
    commands,
    errors,
    logs,
    merge_fields,
    notices,
    people,
    protection,
    routes,
    template_filters,
    unit_of_work,
)
from app.product.config import Config
from app.product.database import Database
from app.product.protection import HostGate

ROOT = Path(__file__).parents[2]


def create_product_app(config: Config) -> Flask:
    app = unit_of_work.UnitOfWorkFlask(
        __name__,
        static_url_path="/static",
        template_folder=ROOT / "templates" / "product",
        static_folder=ROOT / "static" / "product",
    )
    database = Database(config.database_url)
    database.create_tables()
    unit_of_work.register(app, database)
    protection.register(app, config)
    errors.register(app)
    logs.register(app)
    routes.register(app, config)
    template_filters.register(app)
    commands.register(app, database)
    _prepare_pages(app)
    # Adopting the integration kit: these lines, one script in the layout, and `people`.
    app.jinja_env.globals["kit_asset"] = asset_url
    admin_client = AdminClient(config.admin_url, config.api_key)
    app.wsgi_app = ImpersonationMiddleware(  # type: ignore[method-assign]
        app.wsgi_app,
        admin_client,
        member_only=routes.MEMBER_ONLY,
        presence_seconds=config.presence_seconds,
    )
    app.wsgi_app = HostGate(app.wsgi_app, config.host, demo=config.demo)  # type: ignore[method-assign]
    return app


def _prepare_pages(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        pieces=merge_fields.pieces, fields=merge_fields.fields_in, sample=merge_fields.sample_of
    )
    app.jinja_env.globals.update(visitor=people.current, notice=notices.current_notice)
