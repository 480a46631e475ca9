"""The parts of `make bench` do what they say; how long anything takes is not tested."""

import socket
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import signing_keys
from app.domain.audit_verification import verify
from app.domain.checkpoints import CheckpointKey
from app.storage import audit_chain
from app.storage.accounts import Account, list_accounts
from app.storage.database import Database
from app.storage.impersonations import Impersonation
from app.storage.listed_members import list_members
from app.storage.members import Member
from app.storage.paging import Cursor
from tests import cast
from tests.bench import pages, report
from tests.bench.bare import Bare
from tests.bench.connection import Connection
from tests.bench.figures import A_LIST, Bound, Figure
from tests.bench.floor import connect, create_floor
from tests.bench.floor_queries import QUERIES
from tests.bench.timing import at_once, side_by_side

A_FIGURE = Figure(
    theme="Lists",
    name="members",
    engine="sqlite",
    members=1_000_000,
    value=6.0,
    p99=9.0,
    floor=2.0,
    at_sizes={1_000: 5.0, 1_000_000: 6.0},
    shown={1_000: 50, 1_000_000: 50},
    bounds=A_LIST,
)
MACHINE = {"machine": "2 cores"}


def test_a_far_page_of_members_follows_the_row_that_far_in(db: Session) -> None:
    everybody = list_members(db, cursor=None).rows
    far = int(len(everybody) * pages.FAR)
    key = pages.key_far_in(db, Member, len(everybody))
    assert list(list_members(db, cursor=Cursor(key)).rows) == everybody[far + 1 :]


def test_a_far_page_of_accounts_follows_the_row_that_far_in(db: Session) -> None:
    all_accounts = list_accounts(db, cursor=None).rows
    far = int(len(all_accounts) * pages.FAR)
    key = pages.key_far_in(db, Account, len(all_accounts))
    assert list(list_accounts(db, cursor=Cursor(key)).rows) == all_accounts[far + 1 :]


@pytest.mark.parametrize("name", QUERIES["sqlite"])
def test_the_floor_shows_what_is_there(name: str, database: Database, database_url: str) -> None:
    with database.unit_of_work(writing=False) as db:
        mia = db.get_one(Member, cast.MIA.id)
    any_ = "*" if database_url.startswith("sqlite") else "%"
    pieces = {"trigrams": '"har"', "inside": f"{any_}har{any_}", "beginning": f"{any_}har{any_}"}
    values = {"account": mia.account_id, "key": "", "id": "1", **pieces}
    with closing(connect(database_url)) as connection:
        floor = create_floor(database_url, lambda: connection).test_client()
        answer = floor.get(f"/pages/{name}?{urlencode(values)}")
    assert answer.status_code == 200
    # Nothing has happened yet.
    assert ("<td>" in answer.text) == (not name.startswith(("audit", "overview")))


def test_the_bare_steps_leave_a_session_that_has_ended_and_a_trail_that_verifies(
    database: Database, database_url: str, key_folder: Path
) -> None:
    with database.unit_of_work(writing=False) as db:
        before, _ = audit_chain.head(db)
        account_id = db.get_one(Member, cast.MIA.id).account_id
    bare = Bare(database_url, admin_id=cast.ADA.id, member_id=cast.MIA.id, account_id=account_id)
    bare.cycle()
    bare.start()
    bare.act()
    bare.end()
    bare.close()
    key = CheckpointKey("bench/audit", signing_keys.load(key_folder / "checkpoint-key.pem"))
    with database.unit_of_work(writing=False) as db:
        verdict = verify(db, key=key.verifier)
        sessions = db.scalars(select(Impersonation)).all()
    assert (verdict.finding, verdict.last) == (None, before + 6)
    assert [bool(one.ended_at) for one in sessions] == [True, True]


def test_a_bound_that_is_not_met_is_named() -> None:
    assert [bound.name for bound in A_FIGURE.missed] == ["value"]
    text = report.as_text([A_FIGURE])
    assert "5 ms, 6 × floor, 1.50 × at 1,000" in text
    assert text.splitlines()[2].endswith("no: 5 ms")


def test_a_rate_is_bounded_from_below() -> None:
    bound = Bound("value", 200, least=True)
    assert bound.is_met(200)
    assert not bound.is_met(199)


def test_a_page_that_had_less_to_show_is_not_compared() -> None:
    figure = Figure(
        theme="Searches",
        name="rare",
        engine="sqlite",
        members=1_000_000,
        value=9.0,
        at_sizes={1_000: 1.0, 1_000_000: 9.0},
        shown={1_000: 1, 1_000_000: 50},
        bounds=A_LIST,
    )
    assert figure.growth is None
    assert [bound.name for bound in figure.judged] == ["value"]


def test_only_the_figures_of_the_engine_at_hand_are_replaced(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    marks = [report.BEGIN.format("SQLite"), report.END.format("SQLite")]
    document.write_text(f"before\n{marks[0]}\nold\n{marks[1]}\nafter\n", encoding="utf-8")
    report.put_into(document, [A_FIGURE], MACHINE, "2026-03-02")
    text = document.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{marks[0]}\n\nMeasured on 2026-03-02: machine 2 cores.")
    assert text.endswith(f"|\n\n{marks[1]}\nafter\n")
    assert "old" not in text


def test_a_document_without_the_marks_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("something else", encoding="utf-8")
    with pytest.raises(ValueError, match="figures of SQLite"):
        report.put_into(document, [A_FIGURE], MACHINE, "2026-03-02")
    assert document.read_text(encoding="utf-8") == "something else"


def test_what_is_measured_side_by_side_is_called_in_turn() -> None:
    calls: list[str] = []
    side_by_side({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, runs=3)
    assert calls == ["a", "b"] * (len(calls) // 2)


def test_a_caller_who_fails_is_not_passed_over() -> None:
    def fail() -> None:
        raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        at_once([fail, fail], seconds=0.05)


def test_an_answer_that_comes_in_pieces_is_read_as_a_whole() -> None:
    pieces = [b"HTTP/1.1 200 O", b"K\r\nContent-Length: 10\r\n", b"\r\nhello", b"hello"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer, args=(server, pieces), daemon=True).start()
        connection = Connection(f"http://localhost:{server.getsockname()[1]}")
        answer = connection.get("/")
        connection.close()
    assert answer.body == b"hellohello"


def _answer(server: socket.socket, pieces: list[bytes]) -> None:
    connection, _ = server.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.recv(4096)
        for piece in pieces:
            connection.sendall(piece)
        connection.recv(1)
