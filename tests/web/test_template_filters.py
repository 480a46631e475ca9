"""How times are written: by the server, and from then on by the page's own clock."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from flask import Flask, g

from app.web.template_filters import STEPS, ago

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CLOCK = Path(__file__).resolve().parents[2] / "static/js/clock.js"
# if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
SCRIPTS_STEP = re.compile(
    r"seconds < (\d+)\) return `\${Math.floor\(seconds(?: / (\d+))?\)} (\w+) ago`"
)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(), "just now"),
        (timedelta(seconds=-3), "just now"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=6, hours=23), "6 d ago"),
        (timedelta(days=7), "2026-02-23"),
        (timedelta(days=400), "2025-01-26"),
    ],
)
def test_what_is_a_week_old_is_told_by_its_date(passed: timedelta, words: str) -> None:
    with Flask(__name__).app_context():
        g.now = NOW
        assert ago(NOW - passed) == words


def test_the_pages_clock_uses_the_same_words() -> None:
    source = CLOCK.read_text(encoding="utf-8")
    steps = [(int(step.total_seconds()), unit) for step, unit in STEPS]
    # A unit is good until the next larger one begins.
    servers = [(below, step, unit) for (below, _), (step, unit) in pairwise(steps)]
    found = SCRIPTS_STEP.findall(source)
    assert [(int(below), int(step or 1), unit) for below, step, unit in reversed(found)] == servers
    assert 'return "just now"' in source
