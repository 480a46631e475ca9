"""Sessions started, opened, used, ended, and their ground taken away, in any order."""

import shutil
import uuid
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from app.domain import endings
from app.domain.tokens import Tokens
from app.postgresql_server import Server
from app.storage.database import Database
from app.storage.impersonations import Impersonation
from tests.budget import TIMES, tries
from tests.conftest import on_sqlite
from tests.domain.any_order import AnyOrder
from tests.twins import by_hand, fails_without, line

LITTLE = settings(
    max_examples=tries(8),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    derandomize=TIMES == 1,
    # A step that differs is told as it was found: making it shorter takes longer than reading it.
    phases=[Phase.generate],
)


@pytest.fixture
def machine(
    engine_name: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tokens: Tokens,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[type[AnyOrder]]:
    numbers, made = count(), []

    def new_file() -> Database:
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copyfile(request.getfixturevalue("database_file"), path)
        return Database(f"sqlite:///{path}")

    def new_on_the_server() -> Database:
        server: Server = request.getfixturevalue("postgresql_server")
        made.append(f"any_order_{uuid.uuid4().hex}")
        server.create_database(made[-1], template="cast")
        return Database(server.url(made[-1]))

    new_database = new_file if engine_name == "sqlite" else new_on_the_server
    monkeypatch.setattr(AnyOrder, "new_database", staticmethod(new_database), raising=False)
    monkeypatch.setattr(AnyOrder, "tokens", tokens, raising=False)
    yield AnyOrder
    for name in made:
        request.getfixturevalue("postgresql_server").drop_database(name)


@pytest.mark.requirement("A2", "I1", "I2", "I4", "I9", "R3", "T5")
def test_the_model_and_the_site_never_differ(engine_name: str, machine: type[AnyOrder]) -> None:
    # A database of PostgreSQL's takes a second to make and to drop.
    few = settings(LITTLE, max_examples=tries(1))
    run_state_machine_as_test(machine, settings=LITTLE if engine_name == "sqlite" else few)


@on_sqlite
@by_hand
def test_a_site_that_forgets_a_rule_differs(
    machine: type[AnyOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence ends nothing."""
    monkeypatch.setattr(endings, "SILENCE", endings.SILENCE * 100)
    both = machine()
    both.start_and_open("ada", "mia")
    both.both_agree()
    both.time_goes_by(600)
    both.sweep()
    with pytest.raises(AssertionError):
        both.both_agree()
    both.teardown()


@on_sqlite
@pytest.mark.requirement("I1", "F5")
@fails_without(line(Impersonation.has_run_out, " or now < self.last_seen_at - CLOCKS_DIFFER_BY"))
def test_the_model_and_the_site_agree_on_a_clock_that_is_set_back(
    machine: type[AnyOrder],
) -> None:
    both = machine()
    both.start_and_open("ada", "mia")
    both.time_goes_by(60)
    both.sweep()
    for one in both.world.sessions:
        both.do_something(one)
        both.the_clock_is_set_back(6)
        both.do_something(one)
    both.both_agree()
    both.teardown()
