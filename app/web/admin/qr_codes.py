"""A QR code as the outline that an inline SVG draws: no markup is made outside a template."""

from typing import NamedTuple

import segno

# How many modules of white a reader wants around it (ISO/IEC 18004).
QUIET_ZONE = 4


class QRCode(NamedTuple):
    """`path` is for the `d` of an SVG path in a square of `size` modules, a margin included."""

    path: str
    size: int


def qr_code(text: str) -> QRCode:
    """Return the QR code that holds the text."""
    rows = [bytes(row) for row in segno.make_qr(text, error="m").matrix]
    moves = [
        f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    ]
    return QRCode("".join(moves), len(rows) + 2 * QUIET_ZONE)
