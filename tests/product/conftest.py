"""Letterbox on a file of its own, with its cast."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from app.product import create_product_app
from app.product.config import Config
from app.product.database import Database
from app.product.unit_of_work import EXTENSION
from tests.product.browsing import Browser
from tests.product.cast import Cast, add_cast, impersonation_of


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        database_url=f"sqlite:///{tmp_path}/letterbox.db",
        secret_key="a secret key that only these tests know",
        # Nobody listens there: an ordinary request must not notice.
        admin_url="http://localhost:9",
        product_url="http://127.0.0.1:8001",
        api_key="an-api-key-of-the-admin-site",
    )


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """What each test's own Letterbox need not compile again."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(config: Config, compiled_templates: FileSystemBytecodeCache) -> Iterator[Flask]:
    app = create_product_app(config)
    app.jinja_env.bytecode_cache = compiled_templates
    yield app
    app.extensions[EXTENSION].dispose()


@pytest.fixture
def database(app: Flask) -> Database:
    database: Database = app.extensions[EXTENSION]
    return database


@pytest.fixture
def cast(database: Database) -> Cast:
    with database.session(writing=True) as db, db.begin():
        return add_cast(db)


@pytest.fixture
def stranger(app: Flask, cast: Cast) -> Browser:
    return Browser(app)


@pytest.fixture
def mia(app: Flask, cast: Cast) -> Browser:
    """An editor of Harbour Analytics, signed in."""
    return Browser(app).sign_in(cast.mia)


@pytest.fixture
def vera(app: Flask, cast: Cast) -> Browser:
    """A viewer of Harbour Analytics, signed in."""
    return Browser(app).sign_in(cast.vera)


@pytest.fixture
def nikos(app: Flask, cast: Cast) -> Browser:
    """An editor of another account, signed in."""
    return Browser(app).sign_in(cast.nikos)


@pytest.fixture
def support(app: Flask, cast: Cast) -> Browser:
    """Ada Lovelace of support, as Mia."""
    found = impersonation_of(cast, member_id=cast.mia_id, account_id=cast.harbour_id)
    return Browser(app, found)
