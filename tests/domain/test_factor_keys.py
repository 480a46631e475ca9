"""The key that seals secrets: its file, and what it opens (K1, K3)."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain import factor_keys
from app.domain.factor_keys import FactorKey, NotSealed
from app.domain.signing_keys import UnusableKey
from tests.twins import fails_without, line, together

KEY = FactorKey(bytes(32))


@pytest.mark.requirement("K3")
@fails_without(
    together(
        line(FactorKey.seal, "owner.encode()", "None"),
        line(FactorKey.open, "owner.encode()", "None"),
    )
)
def test_what_is_sealed_opens_for_whom_it_was_sealed() -> None:
    sealed = KEY.seal("a secret", owner="ada")
    assert KEY.open(sealed, owner="ada") == "a secret"
    assert KEY.seal("a secret", owner="ada") != sealed
    for key, owner in ((KEY, "cy"), (FactorKey(b"1" * 32), "ada")):
        with pytest.raises(NotSealed):
            key.open(sealed, owner=owner)


@pytest.mark.parametrize("sealed", ["", "x", "é", "AAAA", "A" * 15, "A" * 400])
def test_what_was_never_sealed_opens_for_nobody(sealed: str) -> None:
    with pytest.raises(NotSealed):
        KEY.open(sealed, owner="ada")


@pytest.mark.requirement("K1", "K4")
@fails_without(
    line(factor_keys.create, "mode=0o600, "),
    line(factor_keys.create, "exist_ok=False", "exist_ok=True"),
)
def test_a_key_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "factor.key"
    factor_keys.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    key = factor_keys.load(path)
    assert factor_keys.load(path) == key
    assert str(key.key) not in repr(key)
    with pytest.raises(FileExistsError):
        factor_keys.create(path)


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "cannot be read": lambda path: path.unlink(),
    "by others": lambda path: path.chmod(0o640),
    "no key": lambda path: path.write_text("not base64!"),
    "another kind": lambda path: path.write_bytes(base64.b64encode(bytes(16))),
}


@pytest.mark.requirement("K1")
@pytest.mark.parametrize("why", UNUSABLE)
def test_a_file_that_is_no_good_says_why(tmp_path: Path, why: str) -> None:
    path = tmp_path / "factor.key"
    factor_keys.create(path)
    UNUSABLE[why](path)
    with pytest.raises(UnusableKey, match=why):
        factor_keys.load(path)
