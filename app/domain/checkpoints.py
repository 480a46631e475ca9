"""Signed checkpoints: what the trail was at one moment, in a form that others can keep and check.

A checkpoint is a signed note as C2SP's tlog-checkpoint and signed-note specify it, so that
witnesses and monitors of other logs can read it. Two lines follow the standard three: the hash of
the last event, and the time.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain.merkle import HASH_BYTES
from app.domain.signing_keys import SigningKey

ED25519 = b"\x01"
KEY_HASH_BYTES = 4
LONGEST_NOTE = 4096
TAIL_BYTES = 4 * LONGEST_NOTE
SIGNED = "— ".encode()
# The lines of a note after its first, up to the signature.
NOTE = (rb"\d+", rb"[A-Za-z0-9+/]{43}=", rb"head [0-9a-f]{64}", rb"time \S+", b"")
SIGNATURE = re.compile(r"— (?P<name>\S+) (?P<signature>\S+)")


class BadCheckpoint(ValueError):
    """The text is no checkpoint, or not one of the key it should be of."""


@dataclass(frozen=True)
class Checkpoint:
    """The trail at one size: the hash of its last event, its RFC 6962 root, and when."""

    origin: str
    size: int
    root: bytes
    head: bytes
    at: datetime

    @property
    def text(self) -> str:
        """What is signed."""
        root = base64.b64encode(self.root).decode()
        at = self.at.isoformat()
        return f"{self.origin}\n{self.size}\n{root}\nhead {self.head.hex()}\ntime {at}\n"


@dataclass(frozen=True)
class VerifierKey:
    """The public key that checks checkpoints, with the name it goes by: `name+hash+key`."""

    name: str
    public: Ed25519PublicKey

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Return the key that `text` spells; raise BadCheckpoint for anything else."""
        try:
            name, hash_, encoded = text.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
            key = cls(name, Ed25519PublicKey.from_public_bytes(raw.removeprefix(ED25519)))
        except (ValueError, binascii.Error) as error:
            raise BadCheckpoint("this is not the public key of a trail") from error
        if not raw.startswith(ED25519) or key.hash.hex() != hash_:
            raise BadCheckpoint("this public key has been mistyped")
        return key

    @property
    def hash(self) -> bytes:
        """The four bytes by which a signature names its key."""
        named = self.name.encode() + b"\n" + ED25519 + self._raw
        return hashlib.sha256(named).digest()[:KEY_HASH_BYTES]

    def __str__(self) -> str:
        encoded = base64.b64encode(ED25519 + self._raw).decode()
        return f"{self.name}+{self.hash.hex()}+{encoded}"

    def has_signed(self, text: str, signature: str) -> bool:
        """Whether `signature`, as it stands in a signed note, is this key's under the text."""
        try:
            raw = base64.b64decode(signature, validate=True)
            self.public.verify(raw[KEY_HASH_BYTES:], text.encode())
        except (ValueError, binascii.Error, InvalidSignature):
            return False
        return raw[:KEY_HASH_BYTES] == self.hash

    @property
    def _raw(self) -> bytes:
        return self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)


@dataclass(frozen=True)
class CheckpointKey:
    """The key that signs what we say about the trail, and nothing else (K3).

    That is checkpoints, and the manifests of exports: no text can be taken for both.
    """

    name: str
    key: SigningKey

    @property
    def verifier(self) -> VerifierKey:
        """The half that anyone may have."""
        return VerifierKey(self.name, self.key.public)

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the signed note."""
        return f"{checkpoint.text}\n— {self.name} {self.signature(checkpoint.text)}\n"

    def signature(self, text: str) -> str:
        """Return the signature under a text, as it stands in a signed note."""
        signature = self.verifier.hash + self.key.private.sign(text.encode())
        return base64.b64encode(signature).decode()


def opened(note: str, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint in a signed note; raise BadCheckpoint unless that key signed it."""
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        found = SIGNATURE.fullmatch(line)
        if found and found["name"] == key.name and key.has_signed(text, found["signature"]):
            return _parsed(text)
    raise BadCheckpoint(f"this checkpoint is not signed by {key.name}")


def notes_in(lines: Iterable[str]) -> Iterator[str]:
    """Cut a file of checkpoints, one after the other, into its notes."""
    note: list[str] = []
    for line in lines:
        if note and note[-1].startswith("— ") and not line.startswith("— "):
            yield "".join(note).lstrip("\n")
            note = []
        note.append(line if line.endswith("\n") else line + "\n")
    if "".join(note).strip():
        yield "".join(note).lstrip("\n")


def read(path: Path, key: VerifierKey) -> list[Checkpoint]:
    """Return the checkpoints in a file, by size; a last one that was never finished is left out.

    Raises BadCheckpoint if one of them is not signed by the key, OSError if it cannot be read.
    """
    return sorted(_opened(path.read_bytes(), key), key=lambda one: one.size)


def newest_in(path: Path, key: VerifierKey) -> Checkpoint | None:
    """Return the last finished checkpoint that a file holds, None if there is none yet.

    Raises BadCheckpoint if it is not signed by the key.
    """
    try:
        tail = _tail(path)
    except FileNotFoundError:
        return None
    whole = tail[: len(tail) - _unfinished(tail, key)].decode("utf-8", "replace")
    note = list(notes_in(whole.splitlines(keepends=True)))[-1:]
    return opened(note[0], key) if note else None


def unfinished_in(path: Path, key: VerifierKey) -> int:
    """Return how many bytes at the end of a file are of a checkpoint that was never finished.

    Half a note is what a power cut leaves; anything else that does not belong there is none.
    """
    return _unfinished(_tail(path), key)


def _opened(data: bytes, key: VerifierKey) -> Iterator[Checkpoint]:
    whole = data[: len(data) - _unfinished(data, key)].decode()
    return (opened(note, key) for note in notes_in(whole.splitlines(keepends=True)))


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read()


def _unfinished(data: bytes, key: VerifierKey) -> int:
    lines = data.split(b"\n")
    # What follows the last line break is no line yet.
    signed = [place for place, line in enumerate(lines[:-1]) if line.startswith(SIGNED)]
    rest = b"\n".join(lines[signed[-1] + 1 if signed else 0 :]).lstrip(b"\n")
    # A file that has grown, but was not written, has NULs there.
    *begun, half = rest.rstrip(b"\0").split(b"\n")
    forms = [re.escape(key.name.encode()), *NOTE]
    fits = len(begun) <= len(forms) and all(map(re.fullmatch, forms, begun))
    if not begun:
        fits = key.name.encode().startswith(half)
    return len(rest) if fits else 0


def _parsed(text: str) -> Checkpoint:
    try:
        origin, size, root, head, at = text.splitlines()
        checkpoint = Checkpoint(
            origin=origin,
            size=int(size),
            root=base64.b64decode(root, validate=True),
            head=bytes.fromhex(head.removeprefix("head ")),
            at=datetime.fromisoformat(at.removeprefix("time ")),
        )
    except (ValueError, binascii.Error) as error:
        raise BadCheckpoint("this checkpoint is not written as ours are") from error
    if len(checkpoint.root) != HASH_BYTES or checkpoint.text != text:
        raise BadCheckpoint("this checkpoint is not written as ours are")
    return checkpoint
