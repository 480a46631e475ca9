"""Keys take turns: each is known before it signs, and good until its last token has expired."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import jwt
import pytest
from sqlalchemy.orm import Session

from app.domain import key_ring, signing_keys
from app.domain.audit_trail import OPERATOR, AuditAction
from app.domain.errors import Conflict
from app.domain.impersonations import Started
from app.domain.key_ring import KEPT_FOR, PUBLISHED_FOR, CurrentKeys, KeyFiles, KeyRing, Turn
from app.domain.signing_keys import UnusableKey
from app.domain.tokens import ALGORITHM, InvalidToken, Tokens
from app.storage.impersonations import LIFETIME
from tests import trail
from tests.conftest import ADMIN_URL, NOW, PRODUCT_URL, on_sqlite
from tests.twins import fails_without, line, value

SECOND = timedelta(seconds=1)
Rotate = Callable[[datetime], Turn]


@pytest.fixture
def first(tmp_path: Path) -> Path:
    path = tmp_path / "signing-key.pem"
    signing_keys.create(path)
    return path


@pytest.fixture
def files(first: Path) -> KeyFiles:
    return KeyFiles(first)


@pytest.fixture
def rotate(db: Session, files: KeyFiles) -> Rotate:
    def rotate(now: datetime) -> Turn:
        turn = key_ring.rotate(db, files, provenance=OPERATOR, now=now)
        key_ring.publish(turn)
        return turn

    return rotate


def tokens_of(first: Path) -> Tokens:
    """What one process of the site has."""
    return Tokens(CurrentKeys(KeyFiles(first)), ADMIN_URL, PRODUCT_URL)


@fails_without(value(key_ring, "PUBLISHED_FOR", timedelta(0)))
@on_sqlite
@pytest.mark.requirement("K2")
def test_a_new_key_is_published_first_and_signs_later(files: KeyFiles, rotate: Rotate) -> None:
    old = files.load().signing(NOW)
    new = rotate(NOW).key
    ring = files.load()
    assert list(ring.public(NOW)) == [old.kid, new.kid]
    assert ring.signing(NOW + PUBLISHED_FOR - SECOND).kid == old.kid
    assert ring.signing(NOW + PUBLISHED_FOR).kid == new.kid


@fails_without(
    value(key_ring, "KEPT_FOR", timedelta(0)), line(KeyRing.public, " if turn.is_public(now)")
)
@on_sqlite
@pytest.mark.requirement("K2")
def test_a_key_is_public_until_its_last_token_has_expired(files: KeyFiles, rotate: Rotate) -> None:
    old = files.load().signing(NOW)
    end = rotate(NOW).starts_at + KEPT_FOR
    assert old.kid in files.load().public(end - SECOND)
    assert old.kid not in files.load().public(end)


@on_sqlite
@pytest.mark.requirement("K2")
@fails_without(line(key_ring.rotate, "one.path.unlink(missing_ok=True)", "pass"))
def test_a_retired_key_is_deleted_by_the_next_rotation(first: Path, rotate: Rotate) -> None:
    second = rotate(NOW).path
    rotate(NOW + timedelta(days=30))
    assert not first.exists()
    assert second.exists()


@fails_without(
    value(key_ring, "PUBLISHED_FOR", timedelta(0)),
    value(key_ring, "KEPT_FOR", timedelta(0)),
    raises=(
        InvalidToken,
        KeyError,
    ),
)
@on_sqlite
@pytest.mark.requirement("K2")
def test_a_whole_rotation_fails_no_token(first: Path, rotate: Rotate, started: Started) -> None:
    """Two processes and somebody who keeps the JWK set for ten minutes, each minute of an hour."""
    sites = [tokens_of(first), tokens_of(first)]
    rotate(NOW)
    seen = set()
    for minute in range(60):
        now = NOW + timedelta(minutes=minute)
        started.impersonation.started_at = now
        started.impersonation.expires_at = now + LIFETIME
        known = sites[0].keys().public(max(NOW, now - PUBLISHED_FOR))
        for issuer, verifier in (sites, sites[::-1]):
            token = issuer.issue(started.impersonation, now=now)
            assert verifier.verify(token, now=now + LIFETIME - SECOND)
            kid = jwt.get_unverified_header(token)["kid"]
            signature = {"verify_exp": False, "verify_aud": False, "verify_nbf": False}
            signature |= {"verify_iat": False}
            assert jwt.decode(token, known[kid].public, [ALGORITHM], options=signature)  # type: ignore[arg-type]
            seen.add(kid)
    assert len(seen) == 2


@fails_without(line(KeyRing.public, " if turn.is_public(now)"))
@on_sqlite
@pytest.mark.requirement("K2", "T2")
def test_a_token_of_a_retired_key_is_refused(first: Path, rotate: Rotate, started: Started) -> None:
    tokens = tokens_of(first)
    later = rotate(NOW).starts_at + KEPT_FOR
    old = tokens.keys().turns[0].key
    started.impersonation.started_at = later
    started.impersonation.expires_at = later + LIFETIME
    token = tokens.issue(started.impersonation, now=later)
    assert tokens.verify(token, now=later)
    header = {"typ": "imp+jwt", "kid": old.kid}
    claims = jwt.decode(token, options={"verify_signature": False})
    with pytest.raises(InvalidToken):
        tokens.verify(jwt.encode(claims, old.private, ALGORITHM, headers=header), now=later)


@fails_without(line(key_ring.rotate, "if turns[-1].starts_at > now", "if False"))
@on_sqlite
def test_one_key_waits_at_a_time(rotate: Rotate) -> None:
    rotate(NOW)
    with pytest.raises(Conflict, match="published already"):
        rotate(NOW + PUBLISHED_FOR - SECOND)
    rotate(NOW + PUBLISHED_FOR)


@on_sqlite
@pytest.mark.requirement("L1")
def test_a_rotation_is_recorded_with_what_it_retired(
    db: Session, files: KeyFiles, rotate: Rotate
) -> None:
    old = files.load().signing(NOW)
    rotate(NOW)
    new = rotate(NOW + timedelta(days=1)).key
    last = trail.events(db)[-1]
    assert last.action == AuditAction.SIGNING_KEY_ROTATED
    assert (last.details["kid"], last.details["retired"]) == (new.kid, old.kid)


@fails_without(line(key_ring._waiting, 'path.with_name(f"{path.name}.new")', "path"))
@on_sqlite
@pytest.mark.requirement("R2")
def test_a_key_that_is_not_on_record_yet_is_no_key(
    db: Session, first: Path, files: KeyFiles
) -> None:
    """The record may still fail."""
    key_ring.rotate(db, files, provenance=OPERATOR, now=NOW)
    assert len(files.load().turns) == 1
    key_ring.rotate(db, files, provenance=OPERATOR, now=NOW)


@on_sqlite
@pytest.mark.requirement("K1")
@fails_without(line(signing_keys.create, "mode=0o600, "), raises=(UnusableKey,))
def test_a_new_key_is_readable_by_its_owner_alone(rotate: Rotate) -> None:
    assert rotate(NOW).path.stat().st_mode & 0o777 == 0o600


@on_sqlite
def test_a_new_key_belongs_to_whom_the_old_one_does(first: Path, rotate: Rotate) -> None:
    """The machine's administrator may rotate what the site's own user has to read."""
    if os.geteuid() == 0:
        os.chown(first, 65534, 65534)
    assert rotate(NOW).path.stat().st_uid == first.stat().st_uid


def test_other_files_beside_the_keys_are_none(first: Path, files: KeyFiles) -> None:
    for name in ("signing-key.old.pem", "signing-key.20261121.pem", "signing-key-2.pem"):
        (first.parent / name).write_text("no key", encoding="utf-8")
    assert len(files.load().turns) == 1


@fails_without(
    line(CurrentKeys.__call__, "except UnusableKey as error", "except ZeroDivisionError as error"),
    raises=(UnusableKey,),
)
@on_sqlite
@pytest.mark.requirement("K1")
@pytest.mark.parametrize("harm", ["missing", "hollow", "open"])
@pytest.mark.requirement("F6")
def test_a_running_site_goes_on_with_the_keys_it_has(
    first: Path, rotate: Rotate, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = CurrentKeys(KeyFiles(first))
    before = keys()
    if harm == "missing":
        first.unlink()
    else:
        path = rotate(NOW).path
        path.chmod(0o644) if harm == "open" else path.write_bytes(b"")
    assert [keys(), keys()] == [before, before]
    assert len(caplog.messages) == 1
    with pytest.raises(UnusableKey):
        CurrentKeys(KeyFiles(first))
