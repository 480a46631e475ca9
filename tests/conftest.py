"""What every test can ask for: a migrated database with the cast in it, a site, a clock."""

import gc
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from flask.testing import FlaskClient
from hypothesis import settings
from playwright.sync_api import BrowserType
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from app.cli.database import alembic_config
from app.config import Config
from app.domain import factor_keys, sign_ins, signing_keys
from app.domain.factors import Lock
from app.domain.key_ring import CurrentKeys, KeyFiles
from app.domain.passkeys import RelyingParty
from app.domain.sign_ins import Method, SignedIn
from app.domain.tokens import Tokens
from app.postgresql_server import Server
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.members import Member
from app.storage.postgresql import COMMAND, SITE
from app.web import authentication
from app.web.application import Application, create_admin_app
from tests import cast, network, postgresql
from tests.budget import tries
from tests.cast import Person
from tests.chromium import chromium_path
from tests.clock import Clock
from tests.factories import FROM_THE_OFFICE
from tests.lending import lent, opened
from tests.scratch import scratch_folder

pytest_plugins = ["tests.scheduling", "tests.twins"]

ADMIN_URL = "http://localhost:8000"
PRODUCT_URL = "http://127.0.0.1:8001"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


settings.register_profile("budget", max_examples=tries(100))
settings.load_profile("budget")

ENGINES = ("sqlite", "postgresql")
# Every test that asks for a database runs on both engines, but for these.
on_sqlite = pytest.mark.parametrize("engine_name", ["sqlite"])
on_postgresql = pytest.mark.parametrize("engine_name", ["postgresql"])


class Undone(Exception):
    """Ends a unit of work that is to leave nothing behind."""


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    # What has been imported and collected stays until the end: nobody need look through it for
    # garbage, which would take a tenth of the time.
    gc.collect()
    gc.freeze()


class SiteClient(FlaskClient):
    """A test client that calls the site by its name, as a browser does."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        kwargs.setdefault("base_url", ADMIN_URL)
        return super().open(*args, **kwargs)


@pytest.fixture(scope="session", autouse=True)
def network_is_off() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        network.keep_to_this_machine(monkeypatch)
        yield


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def clock(now: datetime, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The site's clock, which stands at `now` until it is moved."""
    clock = Clock(now)
    monkeypatch.setattr(authentication, "clock", clock)
    return clock


@pytest.fixture(scope="session")
def empty_database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as `flask db upgrade` leaves it, made once."""
    path = tmp_path_factory.mktemp("empty") / "understudy.db"
    command.upgrade(alembic_config(f"sqlite:///{path}"), "head")
    return path


@pytest.fixture(scope="session")
def database_file(empty_database_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the cast in it."""
    path = tmp_path_factory.mktemp("cast") / "understudy.db"
    shutil.copyfile(empty_database_file, path)
    database = Database(f"sqlite:///{path}")
    with database.unit_of_work(writing=True) as db:
        cast.gather(db, now=NOW)
    database.dispose()
    return path


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key for each purpose."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("signing", "checkpoint"):
        signing_keys.create(folder / f"{name}-key.pem")
    factor_keys.create(folder / "factor.key")
    return folder


@pytest.fixture(scope="session")
def signing_key_file(key_folder: Path) -> Path:
    return key_folder / "signing-key.pem"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A server with a database "cast" to copy: the owner has made it, the application filled it."""
    with postgresql.server() as server:
        postgresql.migrate(server, "cast")
        database = Database(server.url("cast"))
        with database.unit_of_work(writing=True) as db:
            cast.gather(db, now=NOW)
        database.dispose()
        yield server


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """The engine of the test's database."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def database_folder() -> Iterator[Path]:
    """Where each test finds its database on SQLite."""
    with tempfile.TemporaryDirectory(prefix="understudy-", dir=scratch_folder()) as folder:
        yield Path(folder) / "database"


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own, with the cast in it, where the last test had its own."""
    if engine_name == "sqlite":
        folder: Path = request.getfixturevalue("database_folder")
        folder.mkdir()
        shutil.copyfile(request.getfixturevalue("database_file"), folder / "understudy.db")
        yield f"sqlite:///{folder / 'understudy.db'}"
        shutil.rmtree(folder)
        return
    server: Server = request.getfixturevalue("postgresql_server")
    server.create_database("test", template="cast")
    yield server.url("test")
    server.drop_database("test")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    yield from lent(opened(database_url, COMMAND))


@pytest.fixture
def site_database(database_url: str) -> Iterator[Database]:
    """The same database, with the patience of the site."""
    yield from lent(opened(database_url, SITE))


@pytest.fixture(scope="session")
def shared_databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Database]]:
    """A database on each engine for tests that leave nothing behind, opened once."""
    opened: dict[str, Database] = {}

    def shared_database(engine_name: str) -> Database:
        if engine_name not in opened:
            if engine_name == "sqlite":
                path = tmp_path_factory.mktemp("shared") / "understudy.db"
                shutil.copyfile(request.getfixturevalue("database_file"), path)
                url = f"sqlite:///{path}"
            else:
                server = request.getfixturevalue("postgresql_server")
                server.create_database("shared", template="cast")
                url = server.url("shared")
            opened[engine_name] = Database(url)
        return opened[engine_name]

    yield shared_database
    for database in opened.values():
        database.dispose()


@pytest.fixture
def db(
    engine_name: str,
    shared_databases: Callable[[str], Database],
    request: pytest.FixtureRequest,
) -> Iterator[Session]:
    """One writing unit of work, undone at the end.

    It holds SQLite's write lock: beside a client, use `database`.
    """
    # A copy of its own is for the test that also looks from elsewhere.
    own = "database_url" in request.fixturenames
    database = request.getfixturevalue("database") if own else shared_databases(engine_name)
    with suppress(Undone), database.unit_of_work(writing=True) as db:
        yield db
        raise Undone


@pytest.fixture
def config(database_url: str, key_folder: Path, tmp_path: Path) -> Config:
    return _config(key_folder, tmp_path, database_url)


@pytest.fixture
def tokens(config: Config) -> Tokens:
    """What issues and checks tokens, with the key of `admin_app`."""
    return Tokens(
        keys=CurrentKeys(KeyFiles(config.signing_key_file)),
        issuer=ADMIN_URL,
        audience=PRODUCT_URL,
    )


@pytest.fixture
def lock(key_folder: Path) -> Lock:
    """What second factors are checked with, as `admin_app` has it."""
    return Lock(factor_keys.load(key_folder / "factor.key"), RelyingParty(ADMIN_URL))


@pytest.fixture(scope="session")
def assembled_app(key_folder: Path) -> Application:
    """The site put together once: routes and templates take longer to compile than most tests."""
    app = create_admin_app(_config(key_folder, key_folder, "sqlite://"))
    app.test_client_class = SiteClient
    return app


@pytest.fixture
def admin_app(
    assembled_app: Application, config: Config, site_database: Database, clock: Clock
) -> Application:
    """The admin site with its API, on the test's database; its time is the clock's."""
    assembled_app.use(config, site_database)
    return assembled_app


@pytest.fixture
def client(admin_app: Application) -> FlaskClient:
    """A browser, or a program, that nobody knows yet."""
    return admin_app.test_client()


@pytest.fixture
def ada(db: Session) -> Admin:
    return db.get_one(Admin, cast.ADA.id)


@pytest.fixture
def cy(db: Session) -> Admin:
    return db.get_one(Admin, cast.CY.id)


@pytest.fixture
def omar(db: Session) -> Admin:
    return db.get_one(Admin, cast.OMAR.id)


@pytest.fixture
def mia(db: Session) -> Member:
    return db.get_one(Member, cast.MIA.id)


@pytest.fixture
def eve(db: Session) -> Member:
    return db.get_one(Member, cast.EVE.id)


@pytest.fixture
def sign_in(client: FlaskClient, database: Database, clock: Clock) -> Callable[[Person], SignedIn]:
    """Sign somebody in, without the page: the cookie lands in `client`."""

    def sign_in(person: Person) -> SignedIn:
        with database.unit_of_work(writing=True) as db:
            # As after the password, which is slow to check on purpose.
            signed_in = sign_ins.begin(
                db,
                db.get_one(Admin, person.id),
                method=Method.PASSWORD,
                provenance=FROM_THE_OFFICE,
                now=clock.now,
            )
        assert isinstance(signed_in, SignedIn)
        with client.session_transaction(base_url=ADMIN_URL) as session:
            session.update(_user_id=signed_in.secret, _fresh=True)
        return signed_in

    return sign_in


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], browser_type: BrowserType
) -> dict[str, Any]:
    """Drive the Chromium of this machine, else the one that Playwright has installed."""
    return browser_type_launch_args | _which_chromium(browser_type, whole=False)


@pytest.fixture(scope="session")
def whole_browser_launch_args(
    browser_type_launch_args: dict[str, Any], browser_type: BrowserType
) -> dict[str, Any]:
    """For what only a browser with windows does."""
    return browser_type_launch_args | _which_chromium(browser_type, whole=True)


def _config(keys: Path, folder: Path, database_url: str) -> Config:
    return Config(
        database_url=database_url,
        admin_url=ADMIN_URL,
        product_url=PRODUCT_URL,
        signing_key_file=keys / "signing-key.pem",
        checkpoint_key_file=keys / "checkpoint-key.pem",
        checkpoint_file=folder / "checkpoints.txt",
        factor_key_file=keys / "factor.key",
        # A test that is about it says so.
        second_factor_required=False,
        secret_key="a secret key that is long enough for the tests",
    )


def _which_chromium(browser_type: BrowserType, *, whole: bool) -> dict[str, Any]:
    if path := chromium_path(whole=whole):
        return {"executable_path": path}
    if not Path(browser_type.executable_path).exists():
        # Not a skip: what nobody ran must not look like what passed.
        pytest.fail(
            "The browser stories need Chromium: install it (apt-get install chromium), or set "
            "CHROMIUM to where it is.",
            pytrace=False,
        )
    return {"channel": "chromium"} if whole else {}
