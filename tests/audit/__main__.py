"""The longer checks: `make audit` runs all of them to their ends, `make audit AUDIT=wapiti` one.

A finding is status 1. A check that could not be made is status 2 and says so loudly: what nobody
looked at must not look like what was found good.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.audit.attacks import sqlmap, wapiti

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv-audit/bin"
# How many times as hard as in `make test`.
BUDGET = os.environ.get("UNDERSTUDY_TEST_BUDGET", "20")
FUZZ_SECONDS = 60
UNREACHABLE = re.compile(r"could not be audited|ConnectionError|Max retries|ServiceError")


@dataclass(frozen=True)
class Outcome:
    """How a check went, and what it has to say."""

    status: str
    text: str = ""


FOUND, GOOD, NOT_MADE = "FOUND SOMETHING", "good", "COULD NOT BE MADE"
# The gravest first.
STATUS_OF = {FOUND: 1, NOT_MADE: 2, GOOD: 0}


def run(command: Sequence[object], **environ: str) -> Outcome:
    """Run a tool to its end; any status but 0 is a finding."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(FOUND if done.returncode else GOOD, done.stdout)


def bandit() -> Outcome:
    """Ruff judges strings of SQL line by line (S608); the rest is bandit's."""
    return run([TOOLS / "bandit", "-q", "-r", "app", "migrations", "-ll", "--skip", "B608"])


def dependencies() -> Outcome:
    """Whether anything pinned has a known weakness. Without --strict it is green when blind."""
    requirements = ["-r", "requirements.txt", "-r", "tests/audit/requirements.txt"]
    outcome = run([TOOLS / "pip-audit", "--strict", "--no-deps", "--disable-pip", *requirements])
    if outcome.status == FOUND and UNREACHABLE.search(outcome.text):
        return Outcome(NOT_MADE, f"No advisory service answered.\n{outcome.text}")
    return outcome


def secrets() -> Outcome:
    """Whether the repository holds anything that looks like a secret, but for the tests' own."""
    where = ["app", "docs", "migrations", "templates", "*.yaml", "Dockerfile"]
    # The list of parts is hashes of what anybody can download.
    files = run(["git", "ls-files", *where, ":!docs/sbom.json"])
    # Words such as "secret" in a name are our trade; what looks like a key is not.
    command = [TOOLS / "detect-secrets-hook", "--disable-plugin", "KeywordDetector"]
    return run([*command, *files.text.split()])


def examples() -> Outcome:
    """Every test with examples at random, of the OpenAPI document too, and many more of them."""
    return _pytest("-m", "hypothesis", UNDERSTUDY_TEST_BUDGET=BUDGET)


def any_order() -> Outcome:
    """Sessions in any order against the model, 10,000 steps."""
    return _pytest("tests/domain/test_any_order.py", UNDERSTUDY_TEST_BUDGET="42")


def fuzz_tokens() -> Outcome:
    return _fuzz("tokens")


def fuzz_next() -> Outcome:
    return _fuzz("next")


CHECKS: Mapping[str, Callable[[], Outcome]] = {
    "bandit": bandit,
    "dependencies": dependencies,
    "secrets": secrets,
    "fuzz-tokens": fuzz_tokens,
    "fuzz-next": fuzz_next,
    "sqlmap": lambda: Outcome(*sqlmap(TOOLS)),
    "wapiti": lambda: Outcome(*wapiti(TOOLS)),
    "any-order": any_order,
    "examples": examples,
}


def main(names: Sequence[str]) -> int:
    """Make the checks with these names, by default all; return the gravest status."""
    statuses: dict[str, str] = {}
    for name in names or CHECKS:
        print(f"{name} …", flush=True)
        began = time.monotonic()
        outcome = _outcome(CHECKS[name])
        statuses[name] = outcome.status
        if outcome.status != GOOD:
            print(outcome.text[-8000:])
        print(f"{name}: {outcome.status}, {time.monotonic() - began:.0f} s", flush=True)
    print("\n" + "\n".join(f"{name}: {status}" for name, status in statuses.items()))
    gravest = (status for status in STATUS_OF if status in statuses.values())
    return STATUS_OF[next(gravest)]


def _outcome(check: Callable[[], Outcome]) -> Outcome:
    try:
        return check()
    # One that breaks has looked at nothing, and stops no other.
    except Exception:
        return Outcome(NOT_MADE, traceback.format_exc())


def _pytest(*arguments: str, **environ: str) -> Outcome:
    return run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments], **environ
    )


def _fuzz(what: str) -> Outcome:
    # What is fuzzed lives beside the other packages, and the fuzzer apart from them.
    packages = os.pathsep.join([str(ROOT), *(one for one in sys.path if "site-packages" in one)])
    command = [TOOLS / "python", "tests/audit/fuzz.py", what, f"-max_total_time={FUZZ_SECONDS}"]
    with tempfile.TemporaryDirectory() as folder:
        command += ["-max_len=600", f"-artifact_prefix={folder}/"]
        return run(command, PYTHONPATH=packages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
