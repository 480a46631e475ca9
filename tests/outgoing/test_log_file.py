"""The log file: one event a line, whole lines only, whatever happened before."""

import fcntl
import os
from pathlib import Path

import pytest

from app.domain.audit_copies import CannotSend, Record
from app.outgoing import log_file
from app.outgoing.log_file import TAIL_BYTES, LogFile
from tests.faults import disk_of
from tests.outgoing.sending import NOW, record, records
from tests.twins import each_fails_without, fails_without, line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "audit.log"


def send(path: Path, what: list[Record]) -> None:
    LogFile(path).send(what, now=NOW)


def lines(*batches: list[Record]) -> str:
    return "".join(f"{one.line}\n" for batch in batches for one in batch)


def test_each_event_is_a_line(path: Path) -> None:
    send(path, records(1, 3))
    send(path, records(4, 5))
    assert path.read_text(encoding="ascii") == lines(records(1, 5))


def test_strangers_cannot_read_it(path: Path) -> None:
    send(path, records(1, 1))
    assert path.stat().st_mode & 0o007 == 0


@pytest.mark.requirement("F3", "O3")
@each_fails_without(
    "written",
    {
        "0": None,
        **dict.fromkeys(
            ["1", "20", "1000"], line(log_file._mended, "os.ftruncate(file, size - len(half))")
        ),
    },
)
def test_half_a_line_is_cut_before_it_goes_on(path: Path, written: str) -> None:
    send(path, records(1, 3))
    half = record(4, size=2000).line[: int(written)]
    path.write_text(lines(records(1, 3)) + half, encoding="ascii")
    send(path, records(4, 5))
    assert path.read_text(encoding="ascii") == lines(records(1, 5))


@pytest.mark.requirement("F3", "O3")
@fails_without(
    line(log_file._append, "lines[lines.index(last) + 1 :] if last in lines else lines", "lines")
)
def test_what_was_written_and_not_remembered_is_not_written_twice(path: Path) -> None:
    send(path, records(1, 3))
    send(path, records(2, 3))
    send(path, records(2, 6))
    assert path.read_text(encoding="ascii") == lines(records(1, 6))


@pytest.mark.requirement("F2")
@fails_without(line(log_file._mended, "os.ftruncate(file, size - len(half))", "pass"))
@pytest.mark.parametrize("room", [10, 50, 60, 400])
def test_a_full_disk_costs_no_line_and_doubles_none(path: Path, room: int) -> None:
    send(path, records(1, 3))
    with disk_of(path.stat().st_size + room), pytest.raises(CannotSend, match="File too large"):
        send(path, records(4, 20))
    send(path, records(4, 20))
    assert path.read_text(encoding="ascii") == lines(records(1, 20))


def test_a_file_that_was_moved_away_is_begun_again(path: Path) -> None:
    send(path, records(1, 3))
    moved = path.rename(path.with_suffix(".1"))
    send(path, records(4, 5))
    assert moved.read_text(encoding="ascii") == lines(records(1, 3))
    assert path.read_text(encoding="ascii") == lines(records(4, 5))


def test_a_last_line_may_be_longer_than_what_is_read_at_once(path: Path) -> None:
    long = [record(1), record(2, size=3 * TAIL_BYTES)]
    send(path, long)
    with path.open("a", encoding="ascii") as file:
        file.write(record(3, size=2 * TAIL_BYTES).line[:-1])
    send(path, [*long[1:], record(3)])
    assert path.read_text(encoding="ascii") == lines(long, records(3, 3))


@fails_without(line(log_file._mended, "if not half.startswith(LINE_BEGINS) and", "if False and"))
@pytest.mark.parametrize("content", ["a key", "other\nlines\nkey", '{"account": 1'])
def test_nothing_is_cut_off_a_file_that_is_not_ours(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content, encoding="ascii")
    with pytest.raises(CannotSend, match="not one of ours"):
        send(path, records(1, 3))
    assert path.read_text(encoding="ascii") == content


def test_what_is_no_file_is_refused(path: Path) -> None:
    """A pipe that nobody reads would keep the worker waiting for ever."""
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(CannotSend, match="not a file"):
        send(path, records(1, 3))
    with pytest.raises(CannotSend, match="Is a directory"):
        send(path.parent, records(1, 3))
    with pytest.raises(CannotSend, match="Not a directory"):
        send(path / "audit.log", records(1, 3))


def test_two_do_not_write_at_once(path: Path) -> None:
    send(path, records(1, 3))
    with path.open("a", encoding="ascii") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CannotSend, match="another process"):
            send(path, records(4, 5))
    send(path, records(4, 5))
    assert path.read_text(encoding="ascii") == lines(records(1, 5))


def test_it_is_on_the_disk_before_it_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def watched(file: int) -> None:
        synced.append(os.fstat(file).st_size)
        fsync(file)

    monkeypatch.setattr(os, "fsync", watched)
    send(path, records(1, 3))
    assert synced[0] == len(lines(records(1, 3)))
    assert len(synced) == 2  # and its folder
