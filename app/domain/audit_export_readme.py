"""What an export says about itself, to whoever opens it without knowing us."""

from app.domain.audit_manifests import CSV

ABOUT = """\
This is an export of the audit trail of {name}.

  {file:<15} the events, one a line
  checkpoint.txt  what the whole trail was when this was made, signed
  manifest.json   what was asked for, and the SHA-256 of each file, signed

To check all of it without the site or its database:

  flask audit verify --export FILE.zip --key KEY

KEY is the public key of the trail, which the site shows at /.well-known/audit-trail-key. Have it
from somebody you trust, or from an earlier visit: the copy in manifest.json came with the export
itself. If you have kept an older checkpoint of this trail, add --checkpoint FILE.

How to check it with other means is in docs/audit-trail.md of Understudy.
"""
ABOUT_WHOLE = """\
Every event is here, from the first to the last that the checkpoint covers. Each holds the hash of
the one before it, and all of them together give the root in the checkpoint.
"""
ABOUT_CHOSEN = """\
Only the events that fit the filters in manifest.json are here. Each comes with a proof that it is
in the trail of checkpoint.txt, and shows nothing of the others. What was left out cannot be seen
from here: the manifest says, under the same signature, what was asked for and how many there were.
"""
ABOUT_CSV = """\
The rows are for reading in a spreadsheet. The signed manifest shows that they are as they left the
site; to prove each event by itself, have the export as JSON Lines. A field that a spreadsheet
would take for a formula has a single quote in front: take one away to have what was recorded.
"""


def readme(name: str, *, file: str, is_whole: bool) -> bytes:
    """Return the text for an export of the trail `name` whose events are in `file`."""
    about = ABOUT_WHOLE if is_whole else ABOUT_CHOSEN
    text = f"{ABOUT}\n{ABOUT_CSV if file == CSV else about}"
    return text.format(name=name, file=file).encode()
