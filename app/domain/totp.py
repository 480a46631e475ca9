"""Codes of authenticator apps (RFC 6238), with the time step that each is of."""

from datetime import datetime

import pyotp
from pyotp.exceptions import OTPVerificationError

# How many steps of thirty seconds a telephone's clock may be off (RFC 6238, section 5.2).
WINDOW = 1


def new_secret() -> str:
    """Return 160 random bits in base32, as RFC 4226 recommends."""
    return pyotp.random_base32()


def address(secret: str, *, email: str, issuer: str) -> str:
    """Return the address that an app reads out of a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def step_of(secret: str, code: str, *, now: datetime) -> int | None:
    """Return the time step of the code, None if it is none of now.

    The library keeps nothing: it is for the caller to take no step a second time (S8).
    """
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=now, valid_window=WINDOW)
    except OTPVerificationError:
        return None
