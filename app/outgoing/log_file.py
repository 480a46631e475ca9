"""A copy of the trail in a log file: JSON Lines, one event a line."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.domain.audit_copies import CannotSend, Record
from app.outgoing.problems import in_words

# Its names sorted, the record of every event begins like this.
LINE_BEGINS = b'{"account_id":'
TAIL_BYTES = 64 * 1024
# Who ships logs may be let in by the file's group; nobody else, for words are personal.
MODE = 0o640


@dataclass(frozen=True)
class LogFile:
    """A file that grows by one line for each event, whatever the event holds.

    Each line is the whole record of its event, with its hash and that of the event before, so
    the file can be verified without the database. It is opened for each batch anew: once it has
    been moved away, the next event begins another.
    """

    path: Path

    takes_checkpoints = False
    topics = None

    @property
    def name(self) -> str:
        """Which file it is."""
        return f"file {self.path}"

    def send(self, records: Sequence[Record], *, now: datetime) -> None:
        """Return once the lines are on the disk; raise CannotSend if they are not.

        Lines that were written before a crash, and not remembered, are not written twice.
        """
        lines = [record.line.encode("ascii") + b"\n" for record in records]
        try:
            with contextlib.suppress(FileExistsError):
                self.path.parent.mkdir(parents=True)
            with _opened(self.path) as file:
                _append(file, lines)
            # A file that is new must be there after a power cut, too.
            with _descriptor(self.path.parent, os.O_RDONLY) as folder:
                os.fsync(folder)
        except BlockingIOError:
            raise CannotSend("another process is writing to it") from None
        except OSError as error:
            raise CannotSend(in_words(error)) from error


@contextlib.contextmanager
def _descriptor(path: Path, flags: int) -> Iterator[int]:
    opened = os.open(path, flags | os.O_CLOEXEC, MODE)
    try:
        yield opened
    finally:
        os.close(opened)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Yield the file, for this process alone; raise BlockingIOError if another has it."""
    # A pipe that nobody reads keeps nobody waiting.
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK
    with _descriptor(path, flags) as file:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise CannotSend("it is not a file that lines can be added to")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


def _append(file: int, lines: list[bytes]) -> None:
    """Add those of the lines that the file does not end with already."""
    last = _mended(file)
    missing = lines[lines.index(last) + 1 :] if last in lines else lines
    data = memoryview(b"".join(missing))
    while data:
        data = data[os.write(file, data) :]
    os.fsync(file)


def _mended(file: int) -> bytes:
    """Cut off what a crash has left of a line; return the last line, empty if there is none."""
    size, length = os.fstat(file).st_size, TAIL_BYTES
    while (tail := os.pread(file, length, max(0, size - length))).count(b"\n") < 2:  # noqa: PLR2004
        if len(tail) == size:
            break
        length *= 2
    whole, _, half = tail.rpartition(b"\n")
    if half:
        # In somebody else's file nothing is cut, should a setting name one by mistake.
        if not half.startswith(LINE_BEGINS) and not LINE_BEGINS.startswith(half):
            raise CannotSend("its last line is not one of ours, and has no end")
        os.ftruncate(file, size - len(half))
    return whole.rpartition(b"\n")[2] + b"\n"
