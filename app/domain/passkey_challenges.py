"""What passkeys are asked to sign: random, kept as a hash, and good for one answer (S8)."""

import binascii
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, generate_challenge

from app.domain.errors import Conflict
from app.domain.secrets import hash_secret
from app.storage import counters
from app.storage.factors import PasskeyChallenge, Purpose
from app.storage.networks import network

LIFETIME = timedelta(minutes=5)
# Whoever asks for more within five minutes does not answer them.
MOST_CHALLENGES = 100
ANSWER_LENGTH = 16_384


@dataclass(frozen=True)
class Question:
    """What a passkey is asked for, and whose answer is good: nobody's in particular if blank."""

    purpose: Purpose
    holder_id: str = ""


def issue(db: Session, question: Question, *, address: str, now: datetime) -> bytes:
    """Return a new challenge; raise Conflict when too many were asked for.

    Who answers as somebody is counted by themselves, so that no neighbour keeps them from it;
    strangers are counted by where they are.
    """
    who = question.holder_id or f"anybody at {network(address)}"
    name = f"passkeys asked for {question.purpose} by {who}"
    if counters.add(db, {name: LIFETIME}, now=now)[name].count > MOST_CHALLENGES:
        raise Conflict("Too many passkeys were asked for from here. Try again in five minutes.")
    challenge = generate_challenge()
    db.add(
        PasskeyChallenge(
            challenge_hash=hash_secret(bytes_to_base64url(challenge)),
            purpose=question.purpose,
            holder_id=question.holder_id,
            address=address,
            good_until=now + LIFETIME,
        )
    )
    return challenge


def consume(db: Session, question: Question, answer: str, *, now: datetime) -> bytes | None:
    """Return the challenge that the answer is to, if it was ours and nobody has answered it."""
    written = _challenge_in(answer)
    if written is None:
        return None
    used = db.execute(
        update(PasskeyChallenge)
        .where(
            PasskeyChallenge.challenge_hash == hash_secret(written),
            PasskeyChallenge.purpose == question.purpose,
            PasskeyChallenge.holder_id == question.holder_id,
            PasskeyChallenge.used_at.is_(None),
            PasskeyChallenge.good_until > now,
        )
        .values(used_at=now)
        .returning(PasskeyChallenge.challenge_hash)
        .execution_options(synchronize_session=False)
    ).first()
    return base64url_to_bytes(written) if used else None


def _challenge_in(answer: str) -> str | None:
    """Return the challenge that the browser says it was asked, as it is written there."""
    try:
        client_data = json.loads(base64url_to_bytes(part_of(answer, "response", "clientDataJSON")))
        return _written(client_data.get("challenge"))
    except (ValueError, AttributeError, RecursionError, binascii.Error):
        return None


def part_of(answer: str, *names: str) -> str:
    """Return the text under these names; raise ValueError if there is none."""
    found = json.loads(answer) if len(answer) <= ANSWER_LENGTH else None
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    text = _written(found)
    if text is None:
        raise ValueError(f"there is no {names[-1]}")
    return text


def _written(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() and value.isprintable() else None
