"""Whose turn it is to sign tokens: no key is used before it is known, or forgotten too early (K2).

The keys are files beside one another. `signing-key.pem` signs from the start, and
`signing-key.20261121T180000Z.pem` from the moment in its name, when the turn of the one before is
over. So every process that sees the folder knows the same turns, and none has to be told.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from app.domain import signing_keys
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Conflict
from app.domain.signing_keys import SigningKey, UnusableKey
from app.storage.impersonations import LIFETIME

log = logging.getLogger("understudy.keys")

# Those who check our tokens keep the JWK set for five minutes, or ten.
PUBLISHED_FOR = timedelta(minutes=10)
# The last token that a key signs is as good as any other; a minute for clocks that differ.
KEPT_FOR = LIFETIME + timedelta(minutes=1)
ALWAYS = datetime.min.replace(tzinfo=UTC)
NAMED = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Turn:
    """A key and the time when it begins to sign; `ends_at` is when the next one does."""

    key: SigningKey
    path: Path
    starts_at: datetime
    ends_at: datetime | None = None

    @property
    def has_start(self) -> bool:
        """Whether another key signed before this one."""
        return self.starts_at != ALWAYS

    def state(self, now: datetime) -> str:
        """What the key does by now: it waits for its turn, signs, verifies, or is retired."""
        if now < self.starts_at:
            return "published"
        if self.ends_at is None or now < self.ends_at:
            return "signs"
        return "verifies" if self.is_public(now) else "retired"

    def is_public(self, now: datetime) -> bool:
        """Whether the key is in the JWK set and its tokens are good: not retired yet."""
        return self.ends_at is None or now < self.ends_at + KEPT_FOR


@dataclass(frozen=True)
class KeyRing:
    """The keys in the order of their turns; there is at least one."""

    turns: Sequence[Turn]

    def signing(self, now: datetime) -> SigningKey:
        """Return the key whose turn it is."""
        begun = [turn for turn in self.turns if turn.starts_at <= now]
        return begun[-1].key if begun else self.turns[0].key

    def public(self, now: datetime) -> dict[str, SigningKey]:
        """Return by their names the keys that others should know, also those yet to sign."""
        return {turn.key.kid: turn.key for turn in self.turns if turn.is_public(now)}


class KeyFiles:
    """The ring in a folder, found by the file of its first key."""

    def __init__(self, first: Path) -> None:
        self._first = first
        self._loaded: dict[Path, SigningKey] = {}

    def load(self) -> KeyRing:
        """Return the ring as the files have it; raise UnusableKey when one cannot be used."""
        paths = self.paths()
        if not paths:
            # It says what is wrong with the file that should be there.
            signing_keys.load(self._first)
        # A file never changes once it has its name.
        self._loaded = {
            path: self._loaded.get(path) or signing_keys.load(path) for path in paths.values()
        }
        starts = sorted(paths)
        ends = [*starts[1:], None]
        return KeyRing(
            [
                Turn(self._loaded[paths[start]], paths[start], start, end)
                for start, end in zip(starts, ends, strict=True)
            ]
        )

    def paths(self) -> dict[datetime, Path]:
        """Return the files by the time when their key begins to sign."""
        found = {ALWAYS: self._first} if self._first.exists() else {}
        for path in self._first.parent.glob(f"{self._first.stem}.*{self._first.suffix}"):
            if start := _start_in(path):
                found[start] = path
        return found

    def path_of(self, starts_at: datetime) -> Path:
        """Return the file of a key that begins to sign then."""
        return self._first.with_suffix(f".{starts_at.strftime(NAMED)}{self._first.suffix}")


class CurrentKeys:
    """The ring as it is now, for a site that goes on when the files cannot be read for a while."""

    def __init__(self, files: KeyFiles) -> None:
        self._files = files
        self._ring = files.load()
        self._problem = ""

    def __call__(self) -> KeyRing:
        """Return the ring; what is wrong with the files is in the log."""
        try:
            self._ring, self._problem = self._files.load(), ""
        except UnusableKey as error:
            if str(error) != self._problem:
                log.warning("the signing keys are used as they were: %s", error)
            self._problem = str(error)
        return self._ring


def rotate(db: Session, files: KeyFiles, *, provenance: Provenance, now: datetime) -> Turn:
    """Record the next key and return its turn, which `publish` begins; delete what is retired.

    Raises Conflict while a key waits for its turn already, and OSError.
    """
    turns = files.load().turns
    if turns[-1].starts_at > now:
        raise Conflict(
            f"The next key is published already: it signs from {turns[-1].starts_at:%F %T} UTC on."
        )
    retired = [turn for turn in turns if not turn.is_public(now)]
    starts_at = (now + PUBLISHED_FOR).replace(microsecond=0)
    path = files.path_of(starts_at)
    waiting = _waiting(path)
    waiting.unlink(missing_ok=True)
    signing_keys.create(waiting)
    _belong_like(waiting, turns[-1].path)
    turn = Turn(signing_keys.load(waiting), path, starts_at)
    append(
        db,
        event(
            AuditAction.SIGNING_KEY_ROTATED,
            now=now,
            provenance=provenance,
            details={
                "kid": turn.key.kid,
                "starts_at": starts_at.isoformat(),
                "retired": " ".join(one.key.kid for one in retired),
            },
        ),
    )
    for one in retired:
        one.path.unlink(missing_ok=True)
    return turn


def publish(turn: Turn) -> None:
    """Put a key that is on record into the ring."""
    _waiting(turn.path).rename(turn.path)


def _waiting(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _belong_like(path: Path, other: Path) -> None:
    """Let the site read what the machine's own administrator has made."""
    if os.geteuid() == 0:
        owner = other.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _start_in(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.stem.rpartition(".")[2], NAMED).replace(tzinfo=UTC)
    except ValueError:
        return None
