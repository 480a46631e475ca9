"""How a load of the directory went, as a command says it."""

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import click

from app.cli.trail import progress_of
from app.domain.directory import Tally
from app.domain.directory_reading import Problem, Reading, TooManyMissing
from app.domain.errors import DomainError

PROBLEM_STATUS = 1


@dataclass
class Report:
    """What a load has come to so far."""

    source: str
    sha256: list[str] = field(default_factory=list)
    reading: Reading | None = None
    tally: Tally = field(default_factory=Tally)
    notes: list[str] = field(default_factory=list)
    is_written: bool = False
    refusal: str = ""

    @property
    def verdict(self) -> str:
        """How it went, in one line."""
        if self.refusal:
            return self.refusal
        tally = self.tally
        out = f", {tally.skipped:,} left out" if tally.skipped else ""
        return f"{tally.added:,} new, {tally.changed:,} changed, {tally.missing:,} missing{out}."

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the source, the first of it."""
        return self.reading.problems if self.reading else []

    def tell(self, *, as_json: bool) -> None:
        """Print it; end with status 1 if something could not be used."""
        bad = self.reading.bad if self.reading else 0
        if as_json:
            click.echo(json.dumps(self._as_json(bad)))
        else:
            for note in (*map(str, self.problems), *self.notes):
                click.echo(_printable(note), err=True)
            if bad > len(self.problems):
                click.echo(f"And {bad - len(self.problems):,} more.", err=True)
            click.echo(_printable(self.verdict), err=bool(self.refusal))
        if self.refusal or bad:
            sys.exit(PROBLEM_STATUS)

    def _as_json(self, bad: int) -> dict[str, object]:
        return {
            "good": not self.refusal and not bad,
            "verdict": self.verdict,
            "source": self.source,
            "sha256": self.sha256,
            **asdict(self.tally),
            "skipped": bad,
            "problems": [one._asdict() for one in self.problems],
            "notes": self.notes,
        }


@contextmanager
def told(report: Report, *, as_json: bool) -> Iterator[None]:
    """Tell in the end how it went, or why it did not."""
    try:
        yield
    except TooManyMissing as error:
        report.refusal = f"{error.sentence} If that is right, --many-may-go goes on."
    except DomainError as error:
        report.refusal = error.sentence
    except sqlite3.Error as error:
        report.refusal = f"the temporary file cannot be used: {error}."
    report.tell(as_json=as_json)


@contextmanager
def progress_on_terminal(length: int, label: str) -> Iterator[Callable[[int], object]]:
    """Show how far it is to whoever sits in front of it."""
    with progress_of(length, label, hidden=not sys.stderr.isatty()) as progress:
        yield progress


def _printable(text: str) -> str:
    """Return text that moves no cursor and rings no bell, whatever somebody has written there."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
