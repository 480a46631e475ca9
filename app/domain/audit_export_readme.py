"""What an export says about itself, to whoever opens it without knowing us."""

from textwrap import fill

from app.domain.audit_export_events import Export

WIDTH = 100
ABOUT = """\
This is an export of the audit trail of {name}.

  {file:<15} the events, one a line
{erasures}  checkpoint.txt  what the whole trail was when this was made, signed
  manifest.json   what was asked for, and the SHA-256 of each file, signed

To check all of it without the site or its database:

  flask audit verify --export FILE.zip --key KEY

KEY is the public key of the trail, which the site shows at /.well-known/audit-trail-key. Have it
from somebody you trust, or from an earlier visit: the copy in manifest.json came with the export
itself. If you have kept an older checkpoint of this trail, add --checkpoint FILE.

How to check it with other means is in docs/audit-trail.md of Understudy.
"""
ABOUT_ERASURES = """\
  erasures.jsonl  the events that say why words of some are missing
"""
ABOUT_WHOLE = """\
Every event from {first} to {last} is here, the last that the checkpoint covers. Each holds the hash
of the one before it, and all of them together give the root in the checkpoint.
"""
ABOUT_CHOSEN = """\
Of events {first} to {last} those that fit the filters in manifest.json are here. Each comes with a
proof that it is in the trail of checkpoint.txt, and shows nothing of the others: the manifest says,
under the same signature, what was asked for and how many there were.
"""
ABOUT_CSV = """\
The rows are for reading in a spreadsheet. The signed manifest shows that they are as they left the
site; to prove each event by itself, have the export as JSON Lines. What a spreadsheet would take
for a formula has a single quote in front: take away the one at the start of a field, and each one
that comes right after a semicolon, a tab or the end of a line, to have what was recorded.
"""


def readme(export: Export, *, name: str) -> bytes:
    """Return the text for an export of the trail `name`."""
    about = ABOUT_WHOLE if export.is_whole else ABOUT_CHOSEN
    text = "\n".join([ABOUT, ABOUT_CSV if export.is_rows else about])
    has_erasures = not export.is_whole and not export.is_rows
    told = text.format(
        name=name,
        file=export.format.file,
        erasures=ABOUT_ERASURES if has_erasures else "",
        first=export.first,
        last=export.last,
    )
    limits = [fill(limit, WIDTH) for limit in export.limits()]
    return "\n".join([told, *(f"{limit}\n" for limit in limits)]).encode()
