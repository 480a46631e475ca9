"""The figures as a table to look at, as JSON, and as Markdown between two marks of a document."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.bench.figures import Bound, Figure
from tests.bench.loading import ENGINES

HEADS = ("what", "median", "p99", "CPU", "floor", "× floor", "× at 1,000", "bound", "met")
WORDS = {
    "value": "{} {}",
    "p99": "p99 {} {}",
    "times_floor": "{} × floor",
    "growth": "{} × at 1,000",
}
BEGIN, END = "<!-- figures of {} -->", "<!-- end of the figures of {} -->"


def as_json(figures: Sequence[Figure], machine: Mapping[str, str], date: str) -> str:
    """Return everything for a program."""
    told = {"date": date, "machine": machine, "figures": [one.as_json() for one in figures]}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def as_text(figures: Sequence[Figure]) -> str:
    """Return the tables for a terminal."""
    return "\n\n".join(
        f"{ENGINES[engine]}, {max(one.members for one in own):,} members\n"
        + "\n".join(_aligned([HEADS, *map(_cells, own)]))
        + "".join(f"\n\n{line}" for line in ["\n".join(_aligned(_growth(own)))] if len(line) > 1)
        for engine, own in _by_engine(figures)
    )


def as_markdown(figures: Sequence[Figure], machine: Mapping[str, str], date: str) -> str:
    """Return the tables of one engine, and what they were measured on."""
    told = "; ".join(f"{name} {value}" for name, value in machine.items())
    parts = [f"Measured on {date}: {told}.", _table([HEADS, *map(_cells, figures)])]
    growth = _growth(figures)
    if len(growth) > 1:
        parts.append(f"The median in milliseconds, by the number of members:\n\n{_table(growth)}")
    return "\n\n".join(parts)


def put_into(
    document: Path, figures: Sequence[Figure], machine: Mapping[str, str], date: str
) -> None:
    """Replace what stands between the marks of each engine that has figures.

    Raises ValueError for a document without the marks, and leaves it alone.
    """
    text = document.read_text(encoding="utf-8")
    for engine, own in _by_engine(figures):
        begin, end = BEGIN.format(ENGINES[engine]), END.format(ENGINES[engine])
        before, found, rest = text.partition(begin)
        _, found_too, after = rest.partition(end)
        if not (found and found_too):
            raise ValueError(f"{document} has no place for the figures of {ENGINES[engine]}")
        text = f"{before}{begin}\n\n{as_markdown(own, machine, date)}\n\n{end}{after}"
    document.write_text(text, encoding="utf-8")


def _by_engine(figures: Sequence[Figure]) -> Iterable[tuple[str, list[Figure]]]:
    for engine in ENGINES:
        own = [one for one in figures if one.engine == engine]
        if own:
            yield engine, own


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        f"{_number(figure.value)} {figure.unit}",
        f"{_number(figure.p99)} {figure.unit}" if figure.p99 else "",
        f"{_number(figure.cpu)} ms" if figure.cpu else "",
        f"{_number(figure.floor)} {figure.unit}" if figure.floor else "",
        _number(figure.times_floor),
        _number(figure.growth),
        ", ".join(_bound(one, figure.unit) for one in figure.judged),
        _verdict(figure),
    )


def _verdict(figure: Figure) -> str:
    if not figure.judged:
        return ""
    missed = [WORDS[one.name].format(_number(one.limit), figure.unit) for one in figure.missed]
    return f"no: {', '.join(missed)}" if missed else "yes"


def _bound(bound: Bound, unit: str) -> str:
    text = WORDS[bound.name].format(_number(bound.limit), unit)
    return f"{text} or more" if bound.least else text


def _growth(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """Return the lines of the table by size; how many rows a page had where that differs."""
    measured = [one for one in figures if len(one.at_sizes) > 1]
    if not measured:
        return []
    sizes = sorted(measured[0].at_sizes)
    lines = [("what", *(f"{size:,}" for size in sizes), "last ÷ first", "rows")]
    for one in measured:
        times = [_number(one.at_sizes[size]) for size in sizes]
        rows = [str(one.shown[size]) for size in sizes]
        last = one.at_sizes[sizes[-1]] / one.at_sizes[sizes[0]]
        shown = rows[0] if len(set(rows)) == 1 else ", ".join(rows)
        lines.append((one.name, *times, _number(last), shown))
    return lines


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value == int(value) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = lines
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *rest])


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if 0 < number < len(widths) - 2 else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
