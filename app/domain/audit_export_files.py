"""An export as it came from somewhere: whoever wrote it may mean us ill."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from app.domain.audit_manifests import MANIFEST, BadManifest, Manifest, parsed
from app.domain.audit_zip import Entries, StrayBytes
from app.domain.checkpoints import BadCheckpoint, VerifierKey

# Nothing is read further than this at once, whatever the archive says of itself.
LONGEST_TEXT = LONGEST_LINE = 1 << 20

# What reading an archive raises that was cut, changed, encrypted or packed in another way.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


class BadExport(ValueError):
    """The file is no export, or not a whole one; the message is for its reader."""


@dataclass(frozen=True)
class ExportFile:
    """The file of an export and what its manifest says; `key` is the one that came with it."""

    path: Path
    manifest: Manifest
    key: VerifierKey

    @classmethod
    def find(cls, path: Path) -> "ExportFile":
        """Return the export in a file; raise BadExport if it is none, or not a whole one."""
        try:
            with Entries(path) as archive:
                names, text = archive.names, _text(archive, MANIFEST)
            manifest = parsed(text.decode())
            key = VerifierKey.parse(manifest.key)
        except KeyError as error:
            raise BadExport("there is no manifest in it, so it is no export") from error
        except StrayBytes as error:
            raise BadExport("it holds bytes that belong to none of its files") from error
        except UNREADABLE as error:
            raise BadExport("it is no whole ZIP archive: not one, cut off or damaged") from error
        except (BadManifest, BadCheckpoint, UnicodeDecodeError) as error:
            raise BadExport(str(error)) from error
        if names != manifest.names:
            raise BadExport("it holds other files than an export does")
        return cls(path, manifest, key)


class OpenedExport(AbstractContextManager["OpenedExport"]):
    """The archive of an export; `digests` has the SHA-256 of each file that was read."""

    def __init__(self, path: Path) -> None:
        self.digests: dict[str, str] = {}
        self._archive = Entries(path)

    def text(self, name: str) -> bytes:
        """Return a short file; raise one of UNREADABLE."""
        text = _text(self._archive, name)
        self.digests[name] = hashlib.sha256(text).hexdigest()
        return text

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file of events; raise one of UNREADABLE."""
        digest = hashlib.sha256()
        with self._archive.open(name) as file:
            while line := file.readline(LONGEST_LINE):
                digest.update(line)
                yield line
        self.digests[name] = digest.hexdigest()

    def __exit__(self, *details: object) -> None:
        self._archive.__exit__(*details)


def _text(archive: Entries, name: str) -> bytes:
    text = bytearray()
    with archive.open(name) as file:
        while len(text) < LONGEST_TEXT and (piece := file.read1()):
            text += piece
    return bytes(text)
