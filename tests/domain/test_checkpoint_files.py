"""Checkpoints in a file: a power cut leaves half of one, and nothing else may look like it."""

import logging
import stat
from datetime import datetime
from pathlib import Path

import pytest

from app.domain import checkpointing, checkpoints
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import BadCheckpoint
from app.storage.database import Database
from tests.conftest import on_sqlite
from tests.proving import Proven, proven
from tests.twins import each_fails_without, fails_without, line, value

pytestmark = [on_sqlite, pytest.mark.requirement("L8")]


@pytest.fixture
def trail(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Proven:
    """Two signed checkpoints of a growing trail."""
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    for _ in range(2):
        trail.record(3)
        trail.sign()
    return trail


def sizes(trail: Proven) -> list[int]:
    return [one.size for one in trail.kept]


def newest(trail: Proven) -> int:
    found = checkpoints.newest_in(trail.checkpoints.file, trail.checkpoints.key.verifier)
    return found.size if found else 0


@fails_without(
    line(Checkpoints.keep, "file.truncate(self.file.stat().st_size - half)"),
    raises=(BadCheckpoint,),
)
def test_wherever_a_note_was_cut_the_others_stay_and_the_next_one_follows(
    trail: Proven, caplog: pytest.LogCaptureFixture
) -> None:
    path = trail.checkpoints.file
    whole = path.read_bytes()
    length = len(whole) // 2
    # All but the last blank line is a whole note.
    for cut in range(length + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert (sizes(trail), newest(trail)) == ([3], 3), cut
        trail.sign()
        assert path.read_bytes() == whole, cut
    assert caplog.record_tuples[0][1] == logging.WARNING


@fails_without(
    line(Checkpoints.keep, "file.truncate(self.file.stat().st_size - half)"),
    raises=(BadCheckpoint,),
)
@pytest.mark.parametrize("length", [1, 400, 4096])
def test_what_was_never_written_is_cut_off_too(trail: Proven, length: int) -> None:
    path = trail.checkpoints.file
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(length))
    assert newest(trail) == 6
    trail.record(1)
    trail.sign()
    assert sizes(trail) == [3, 6, 7]


ODD_ENDS = {
    "another trail": b"localhost:9999/audit\n7\n",
    "no line": b"something else",
    "another line": b"something else\n",
    "no size": b"localhost:8000/audit\nseven\n",
    "no root": b"localhost:8000/audit\n7\nabc\n",
    "whole": b"localhost:8000/audit\n7\n\n\xe2\x80\x94 localhost:8000/audit abcd\n",
}
ANYTHING_IS_HALF = line(checkpoints._unfinished, " if fits else 0")


@each_fails_without("end", {**dict.fromkeys(ODD_ENDS, ANYTHING_IS_HALF), "whole": None})
def test_anything_else_at_the_end_is_found_and_nothing_is_cut(trail: Proven, end: str) -> None:
    path = trail.checkpoints.file
    damaged = path.read_bytes() + ODD_ENDS[end]
    path.write_bytes(damaged)
    trail.record(1)
    with pytest.raises(BadCheckpoint):
        trail.sign()
    with pytest.raises(BadCheckpoint):
        sizes(trail)
    assert path.read_bytes() == damaged


def test_a_note_in_the_middle_that_was_cut_is_found(trail: Proven) -> None:
    path = trail.checkpoints.file
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[: half - 40] + whole[half:])
    with pytest.raises(BadCheckpoint):
        sizes(trail)


@fails_without(value(checkpointing, "MODE", 0o666))
def test_the_file_is_not_for_everybody(trail: Proven) -> None:
    assert stat.S_IMODE(trail.checkpoints.file.stat().st_mode) & 0o027 == 0
