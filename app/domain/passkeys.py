"""Passkeys (WebAuthn Level 3): what a browser is asked, and whether its answer is good."""

import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import update
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, generate_challenge
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.domain.errors import Conflict
from app.domain.secrets import hash_secret
from app.storage.admins import Admin
from app.storage.factors import Factor, PasskeyChallenge, Purpose, challenges_since, passkey

LIFETIME = timedelta(minutes=5)
# Whoever asks for more within five minutes does not answer them.
MOST_CHALLENGES = 100
ANSWER_LENGTH = 16_384
NAME = "Understudy"


@dataclass(frozen=True)
class RelyingParty:
    """The site that passkeys are for: its origin, and the host that they are bound to."""

    origin: str

    @property
    def id(self) -> str:
        """The host, without its port."""
        return urlsplit(self.origin).hostname or ""

    @property
    def has_passkeys(self) -> bool:
        """Whether browsers make passkeys for it: they do for names, not for bare addresses."""
        try:
            ip_address(self.id)
        except ValueError:
            return True
        return False


@dataclass(frozen=True)
class Question:
    """What a passkey is asked for, and whose answer is good: nobody's in particular if blank."""

    purpose: Purpose
    holder_id: str = ""


@dataclass(frozen=True)
class NewPasskey:
    """What is kept of a passkey that was just made."""

    credential_id: str
    public_key: str
    sign_count: int


def ask_to_make(
    db: Session,
    site: RelyingParty,
    admin: Admin,
    question: Question,
    *,
    known: Sequence[Factor],
    address: str,
    now: datetime,
) -> str:
    """Return as JSON what a browser needs to make a passkey that is good as the only factor.

    Raises Conflict when that address has asked too often.
    """
    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name=NAME,
        user_id=admin.id.encode(),
        user_name=admin.email,
        user_display_name=admin.name,
        challenge=_challenge(db, question, address=address, now=now),
        timeout=LIFETIME // timedelta(milliseconds=1),
        authenticator_selection=AuthenticatorSelectionCriteria(
            # It tells who it belongs to, and has seen that it is they.
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_described(known),
    )
    return webauthn.options_to_json(options)


def ask(
    db: Session,
    site: RelyingParty,
    question: Question,
    *,
    known: Sequence[Factor] = (),
    address: str,
    now: datetime,
) -> str:
    """Return as JSON what a browser needs to prove one of the `known` passkeys, else any.

    Raises Conflict when that address has asked too often.
    """
    options = webauthn.generate_authentication_options(
        rp_id=site.id,
        challenge=_challenge(db, question, address=address, now=now),
        timeout=LIFETIME // timedelta(milliseconds=1),
        allow_credentials=_described(known) or None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def made(
    db: Session, site: RelyingParty, question: Question, answer: str, *, now: datetime
) -> NewPasskey | None:
    """Return the passkey that the browser has made, None for an answer that is not good."""
    challenge = _consume(db, question, answer, now=now)
    if challenge is None:
        return None
    try:
        verified = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except WebAuthnException:
        return None
    return NewPasskey(
        bytes_to_base64url(verified.credential_id),
        bytes_to_base64url(verified.credential_public_key),
        verified.sign_count,
    )


def proved(
    db: Session, site: RelyingParty, question: Question, answer: str, *, now: datetime
) -> Factor | None:
    """Return the passkey that was proved, None for an answer that is not good.

    A signature count that does not grow is none: the passkey may have been copied.
    """
    challenge = _consume(db, question, answer, now=now)
    found = passkey(db, _credential_id(answer)) if challenge else None
    if challenge is None or found is None or found.public_key is None:
        return None
    try:
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(found.public_key),
            credential_current_sign_count=found.sign_count or 0,
            require_user_verification=True,
        )
    except WebAuthnException:
        return None
    found.sign_count = verified.new_sign_count
    return found


def _challenge(db: Session, question: Question, *, address: str, now: datetime) -> bytes:
    if challenges_since(db, address, since=now) >= MOST_CHALLENGES:
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


def _consume(db: Session, question: Question, answer: str, *, now: datetime) -> bytes | None:
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
        client_data = json.loads(base64url_to_bytes(_part(answer, "response", "clientDataJSON")))
        return _written(client_data.get("challenge"))
    except (ValueError, AttributeError, RecursionError, binascii.Error):
        return None


def _credential_id(answer: str) -> str:
    try:
        return _part(answer, "id")
    except (ValueError, RecursionError):
        return ""


def _part(answer: str, *names: str) -> str:
    """Return the text under these names; raise ValueError if there is none."""
    found = json.loads(answer) if len(answer) <= ANSWER_LENGTH else None
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    text = _written(found)
    if text is None:
        raise ValueError(f"there is no {names[-1]}")
    return text


def _written(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() else None


def _described(known: Sequence[Factor]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential_id))
        for one in known
        if one.credential_id
    ]
