"""An export as it came from somewhere: whoever wrote it may mean us ill."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from app.domain.audit_manifests import (
    CHECKPOINT,
    MANIFEST,
    README,
    BadManifest,
    Manifest,
    parsed,
)
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
            with zipfile.ZipFile(path) as archive:
                names, text = archive.namelist(), _text(archive, MANIFEST)
            manifest = parsed(text.decode())
            key = VerifierKey.parse(manifest.key)
        except KeyError as error:
            raise BadExport("there is no manifest in it, so it is no export") from error
        except UNREADABLE as error:
            raise BadExport("it is no whole ZIP archive: not one, cut off or damaged") from error
        except (BadManifest, BadCheckpoint, UnicodeDecodeError) as error:
            raise BadExport(str(error)) from error
        if names != [README, CHECKPOINT, manifest.events_file, MANIFEST]:
            raise BadExport("it holds other files than an export does")
        return cls(path, manifest, key)


class OpenedExport(AbstractContextManager["OpenedExport"]):
    """The archive of an export; `digests` has the SHA-256 of each file that was read."""

    def __init__(self, path: Path, events_file: str) -> None:
        self.digests: dict[str, str] = {}
        self._events_file = events_file
        self._archive = zipfile.ZipFile(path)

    def text(self, name: str) -> bytes:
        """Return a short file; raise one of UNREADABLE."""
        text = _text(self._archive, name)
        self.digests[name] = hashlib.sha256(text).hexdigest()
        return text

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the events; raise one of UNREADABLE."""
        digest = hashlib.sha256()
        with io.BufferedReader(self._archive.open(self._events_file)) as file:  # type: ignore[type-var]
            while line := file.readline(LONGEST_LINE):
                digest.update(line)
                yield line
        self.digests[self._events_file] = digest.hexdigest()

    def __exit__(self, *_: object) -> None:
        self._archive.close()


def _text(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(LONGEST_TEXT)
