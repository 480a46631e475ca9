"""What is installed is what is written down, and under a licence that lets us use it."""

import base64
import hashlib
import json
import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from tests import vendored

ROOT = Path(__file__).resolve().parents[1]
VENDORED = ROOT / "static/vendor"
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(?P<version>[0-9][A-Za-z0-9.]*)")
REQUIREMENTS = (ROOT / "requirements.txt").read_text(encoding="utf-8")
# What runs, as CycloneDX tells it.
PARTS = json.loads((ROOT / "docs/sbom.json").read_text(encoding="utf-8"))["components"]
LINES = [line for line in REQUIREMENTS.splitlines() if line and not line.startswith("#")]
FREE = re.compile(r"MIT|BSD|Apache|ISC|PSF|LGPL-3\.0|MPL-2\.0|Unlicense|0BSD")
# These ask more of us than we give; LGPL asks it of what is changed of itself.
BINDING = re.compile(r"\bA?GPL")

pytestmark = pytest.mark.requirement("D3")


def test_every_requirement_is_pinned_to_one_version_and_that_is_here() -> None:
    for name, version in map(pin, LINES):
        assert distribution(name).version == version


def test_what_others_have_written_is_as_they_published_it() -> None:
    lines = (VENDORED / "CHECKSUMS").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("  ") for line in lines if not line.startswith("#")]
    listed = {name: checksum for checksum, name in pairs}
    files = {path.name: path for path in VENDORED.iterdir() if path.suffix == ".js"}
    assert files.keys() == listed.keys()
    for name, path in files.items():
        digest = hashlib.sha384(path.read_bytes()).digest()
        assert f"sha384-{base64.b64encode(digest).decode()}" == listed[name]


def test_what_is_installed_has_the_bytes_that_were_published() -> None:
    assert locked("tests/requirements.lock") == dict(map(pin, LINES))


def test_what_runs_is_a_part_of_what_is_pinned() -> None:
    """The lock of production brings nothing of its own."""
    running = locked("requirements.lock").items()
    assert running < dict(map(pin, LINES)).items()


def test_so_have_the_tools_of_the_audit() -> None:
    wanted = (ROOT / "tests/audit/requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = map(pin, (line for line in wanted if line and not line.startswith("#")))
    assert locked("tests/audit/requirements.lock") == dict(pins)


def test_the_list_of_parts_is_that_of_what_runs() -> None:
    listed = {normal(part["name"]): part["version"] for part in PARTS if part["type"] == "library"}
    assert listed == locked("requirements.lock"), "make lock"


def test_the_list_of_parts_has_what_lies_in_our_folders() -> None:
    assert [part for part in PARTS if part["type"] == "file"] == [*vendored.parts()], "make lock"


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part["name"])
def test_what_runs_may_be_used_and_passed_on(part: dict[str, Any]) -> None:
    """Each says its licence, and none asks for what is ours in return."""
    assert FREE.search(licences(part))
    assert not BINDING.search(licences(part))


def licences(part: dict[str, Any]) -> str:
    """Return what a part says of its licence, or, where it says nothing, the first line of it."""
    said = [licence.get("license", licence) for licence in part.get("licenses", ())]
    if not said:
        files = distribution(part["name"]).files or ()
        return next(file.read_text() for file in files if file.name == "LICENSE").partition("\n")[0]
    return " ".join(str(words) for one in said for words in one.values())


def locked(name: str) -> dict[str, str]:
    """Return the versions that a lock names, each with at least one hash."""
    text = (ROOT / name).read_text(encoding="utf-8")
    # Each pin goes on over the lines of its hashes.
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    assert [line for line in lines if " --hash=sha256:" not in line] == []
    return dict(pin(line.split()[0]) for line in lines)


def pin(line: str) -> tuple[str, str]:
    """Return the name and the version of an exact pin."""
    found = PIN.fullmatch(line)
    assert found, f"{line} is no exact pin"
    return normal(found["name"]), found["version"]


def normal(name: str) -> str:
    """Return a package's name as all its spellings have it in common."""
    return re.sub(r"[-_.]+", "-", name).lower()
