"""Letterbox as a WSGI application, built from the environment."""

import os

from dotenv import load_dotenv

from app.product import create_product_app, logs
from app.product.config import Config, ConfigError

# What the environment says already wins over the file.
load_dotenv("var/understudy.env")

if os.environ.get("UNDERSTUDY_DEMO") != "1":
    logs.set_up()
try:
    application = create_product_app(Config.from_environment(os.environ))
except ConfigError as error:
    raise SystemExit(f"Letterbox cannot start: {error}") from None
