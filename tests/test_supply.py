"""What is installed is what is written down, and under a licence that lets us use it."""

import base64
import hashlib
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VENDORED = ROOT / "static/vendor"
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(?P<version>[0-9][A-Za-z0-9.]*)")
REQUIREMENTS = (ROOT / "requirements.txt").read_text(encoding="utf-8")
LINES = [line for line in REQUIREMENTS.splitlines() if line and not line.startswith("#")]
# The first section is what runs in production.
RUN = re.findall(r"^([\w.-]+)", REQUIREMENTS.split("\n\n")[0], re.MULTILINE)
FREE = re.compile(r"\b(?:MIT|BSD|Apache|ISC|PSF|LGPL-3\.0)\b")

pytestmark = pytest.mark.requirement("D3")


def test_every_requirement_is_pinned_to_one_version_and_that_is_here() -> None:
    for line in LINES:
        pin = PIN.fullmatch(line)
        assert pin, f"{line} is no exact pin"
        assert distribution(pin["name"]).version == pin["version"]


def test_what_others_have_written_is_as_they_published_it() -> None:
    lines = (VENDORED / "CHECKSUMS").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("  ") for line in lines if not line.startswith("#")]
    listed = {name: checksum for checksum, name in pairs}
    files = {path.name: path for path in VENDORED.iterdir() if path.suffix == ".js"}
    assert files.keys() == listed.keys()
    for name, path in files.items():
        digest = hashlib.sha384(path.read_bytes()).digest()
        assert f"sha384-{base64.b64encode(digest).decode()}" == listed[name]


def test_what_runs_may_be_used_and_passed_on() -> None:
    """Each says its licence, and none asks for what is ours in return."""
    strange = {name: licence(name) for name in RUN if not FREE.search(licence(name))}
    assert strange == {}


def licence(name: str) -> str:
    """Return what a package says of its licence, in either of the ways that there are."""
    told = distribution(name).metadata
    fields = ("License-Expression", "License", "Classifier")
    said = [one for field in fields for one in told.get_all(field) or []]
    # Some put the whole text there, which names many others.
    return " ".join(one.splitlines()[0] for one in said if one)
