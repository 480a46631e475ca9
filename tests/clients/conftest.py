"""One running admin site for all published clients, with what `flask demo clients` tells of it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.programs import Authentik, Env, PropelAuth
from tests.e2e.site import Site, prepare
from tests.scratch import scratch_folder


@pytest.fixture(scope="session")
def running_site() -> Iterator[Site]:
    """The admin site as a process of its own, with the demo's data."""
    with tempfile.TemporaryDirectory(prefix="understudy-", dir=scratch_folder()) as folder:
        prepared, copy = Path(folder) / "prepared", Path(folder) / "site"
        prepared.mkdir()
        prepare(prepared)
        with Site.copied_from(prepared, copy).running("admin") as site:
            yield site
            log = site.log()
            assert "Traceback" not in log, log
            assert "eyJ" not in log, log


@pytest.fixture(scope="session")
def env(running_site: Site) -> Env:
    """What an outside suite is pointed at: the KEY=value lines."""
    told = running_site.flask("demo", "clients")
    return dict(line.split("=", 1) for line in told.splitlines())


@pytest.fixture
def site(running_site: Site) -> Iterator[Site]:
    """The site, on which no session is left at the end."""
    yield running_site
    running_site.clear_stage()


@pytest.fixture
def propelauth(site: Site, env: Env) -> PropelAuth:
    return PropelAuth(env)


@pytest.fixture
def authentik(site: Site, env: Env) -> Authentik:
    return Authentik(env)
