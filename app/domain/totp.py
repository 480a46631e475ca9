"""Codes of authenticator apps: time-based one-time passwords (RFC 6238), each good once."""

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


def step_of(secret: str, code: str, *, after: int, now: datetime) -> int | None:
    """Return the time step of a good code, None if it is none.

    `after` is the step of the last good one: no code up to it is good again (S8), which the
    library leaves to us.
    """
    try:
        step = pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=now, valid_window=WINDOW)
    except OTPVerificationError:
        return None
    return step if step > after else None
