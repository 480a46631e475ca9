"""The key that signs tokens: made once, kept to its owner, refused when unfit."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.domain import signing_keys
from app.domain.signing_keys import SigningKey, UnusableKey
from tests.twins import fails_without, line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signing-key.pem"


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.touch(mode=mode)
    path.chmod(mode)
    path.write_bytes(content)


def pem(key: object, encryption: object = None) -> bytes:
    written: bytes = key.private_bytes(  # type: ignore[attr-defined]
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    )
    return written


@fails_without(line(signing_keys.create, "mode=0o600, "))
def test_a_new_key_is_readable_by_its_owner_alone(path: Path) -> None:
    signing_keys.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert signing_keys.load(path).kid == signing_keys.load(path).kid


@fails_without(line(signing_keys.create, ", exist_ok=False"))
def test_a_new_key_never_overwrites_an_old_one(path: Path) -> None:
    signing_keys.create(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        signing_keys.create(path)
    assert path.read_bytes() == before


@pytest.mark.requirement("K1")
def test_a_missing_key_is_told_in_one_line(path: Path) -> None:
    with pytest.raises(UnusableKey, match=r"signing-key\.pem cannot be read: No such file"):
        signing_keys.load(path)


@pytest.mark.requirement("K1")
@fails_without(
    line(
        signing_keys.read_private,
        "if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)",
        "if False",
    )
)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601, 0o777])
def test_a_key_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    write(path, pem(ed25519.Ed25519PrivateKey.generate()), mode)
    with pytest.raises(UnusableKey, match="read by others"):
        signing_keys.load(path)


@pytest.mark.requirement("K1")
@fails_without(line(signing_keys.load, "if not isinstance(key, Ed25519PrivateKey)", "if False"))
@pytest.mark.parametrize(
    "content",
    [
        pem(rsa.generate_private_key(65537, 2048)),
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(ed448.Ed448PrivateKey.generate()),
    ],
    ids=["RSA", "P-256", "Ed448"],
)
def test_a_key_of_another_kind_is_refused(path: Path, content: bytes) -> None:
    write(path, content)
    with pytest.raises(UnusableKey, match="another kind of key"):
        signing_keys.load(path)


@pytest.mark.requirement("K1")
@fails_without(
    line(
        signing_keys.load,
        "except (ValueError, TypeError) as error",
        "except ZeroDivisionError as error",
    ),
    raises=(
        ValueError,
        TypeError,
    ),
)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        pem(ed25519.Ed25519PrivateKey.generate(), BestAvailableEncryption(b"password")),
        ed25519.Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["empty", "bytes", "hollow", "encrypted", "public"],
)
def test_a_file_that_holds_no_key_is_refused(path: Path, content: bytes) -> None:
    write(path, content)
    with pytest.raises(UnusableKey) as refused:
        signing_keys.load(path)
    assert "\n" not in str(refused.value)


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(UnusableKey):
        signing_keys.load(tmp_path)


@pytest.mark.requirement("K6")
@fails_without(
    line(
        SigningKey._jwk,
        "self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)",
        "self.private.private_bytes_raw()",
    )
)
def test_the_public_key_says_nothing_of_the_private_one() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    jwk = SigningKey(private).public_jwk
    assert set(jwk) == {"kty", "crv", "x", "kid", "use", "alg"}
    secret = private.private_bytes_raw()
    for written in (secret.hex(), base64.urlsafe_b64encode(secret).rstrip(b"=").decode()):
        assert written not in json.dumps(jwk)


def test_the_name_of_a_key_is_its_thumbprint() -> None:
    """The example of RFC 8037, appendix A.3."""
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = SigningKey(ed25519.Ed25519PrivateKey.from_private_bytes(secret))
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.requirement("K4")
def test_a_key_does_not_show_itself() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    assert private.private_bytes_raw().hex() not in repr(SigningKey(private))
