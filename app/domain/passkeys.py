"""Passkeys (WebAuthn Level 3): what a browser is asked, and whether its answer is good."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import webauthn
from sqlalchemy.orm import Session
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.domain.passkey_challenges import LIFETIME, Question, consume, issue, part_of
from app.storage.admins import Admin
from app.storage.factors import Factor, passkey

NAME = "Understudy"
# What the library lets out beside its own, where an answer or a key is malformed deep inside.
MALFORMED = (WebAuthnException, ValueError, TypeError, LookupError, AttributeError)


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

    Raises Conflict when too many were asked for lately.
    """
    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name=NAME,
        user_id=admin.id.encode(),
        user_name=admin.email,
        user_display_name=admin.name,
        challenge=issue(db, question, address=address, now=now),
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

    Raises Conflict when too many were asked for lately.
    """
    options = webauthn.generate_authentication_options(
        rp_id=site.id,
        challenge=issue(db, question, address=address, now=now),
        timeout=LIFETIME // timedelta(milliseconds=1),
        allow_credentials=_described(known) or None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def made(
    db: Session, site: RelyingParty, question: Question, answer: str, *, now: datetime
) -> NewPasskey | None:
    """Return the passkey that the browser has made, None for an answer that is not good."""
    challenge = consume(db, question, answer, now=now)
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
        # One that nobody could ever prove is none.
        decoded_public_key_to_cryptography(
            decode_credential_public_key(verified.credential_public_key)
        )
    except MALFORMED:
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
    challenge = consume(db, question, answer, now=now)
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
    except MALFORMED:
        return None
    found.sign_count = verified.new_sign_count
    return found


def claimed(db: Session, answer: str) -> Factor | None:
    """Return the passkey that the answer says it is of: nothing is proved by that."""
    return passkey(db, _credential_id(answer))


def _credential_id(answer: str) -> str:
    try:
        return part_of(answer, "id")
    except (ValueError, RecursionError):
        return ""


def _described(known: Sequence[Factor]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential_id))
        for one in known
        if one.credential_id
    ]
