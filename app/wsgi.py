"""The admin site for a WSGI server, as the environment describes it."""

import gc
import os
import sys

from sqlalchemy.exc import SQLAlchemyError

from app import config
from app.demo import people
from app.domain.signing_keys import UnusableKey
from app.storage import grants
from app.web.application import Application, create_admin_app


def build() -> Application:
    """Return the admin site; stop the start with one line when it cannot be trusted to run."""
    try:
        settings = config.from_environment(config.read_environment(os.environ))
        app = create_admin_app(settings)
        if not settings.demo:
            _refuse_demo_data(app)
            _warn_of_an_owner(app)
    except (config.BadSetting, UnusableKey) as error:
        sys.exit(f"understudy: {error}")
    except SQLAlchemyError as error:
        sys.exit(f"understudy: UNDERSTUDY_DATABASE_URL cannot be used: {type(error).__name__}")
    return app


def _refuse_demo_data(app: Application) -> None:
    with app.database.unit_of_work(writing=False) as db:
        if people.are_here(db):
            raise config.BadSetting(
                "UNDERSTUDY_DATABASE_URL holds the demo's admins, whose password everybody knows."
            )


def _warn_of_an_owner(app: Application) -> None:
    with app.database.unit_of_work(writing=False) as db:
        if app.database.is_postgresql and grants.may_rewrite(db.connection()):
            app.logger.warning("understudy: %s", grants.REWRITES)


admin = build()
# What the site is made of stays: looking through it again and again makes somebody wait.
gc.collect()
gc.freeze()
