"""A ZIP archive that is sent while it is written."""

import hashlib
import stat
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, cast


class _Outlet:
    """What has been written and not been sent yet."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """There is nobody to hurry."""

    def taken(self) -> bytes:
        """Return it, and forget it."""
        piece = b"".join(self._pieces)
        self._pieces.clear()
        return piece


class SentArchive:
    """A ZIP archive that leaves while it is written; `digests` has the SHA-256 of each file."""

    def __init__(self, at: datetime) -> None:
        self.digests: dict[str, str] = {}
        self._at = at
        self._outlet = _Outlet()
        # Writing is all that it asks of a file which cannot be sought in.
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._outlet), "w")

    def add(self, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Write a file; yield what can leave."""
        digest = hashlib.sha256()
        entry = zipfile.ZipInfo(name, self._at.timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        # Names of people are in it.
        entry.external_attr = (stat.S_IFREG | stat.S_IRUSR | stat.S_IWUSR) << 16
        # Nobody knows beforehand whether it stays below four gigabytes.
        with self._zip.open(entry, "w", force_zip64=True) as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
                if ready := self._outlet.taken():
                    yield ready
        self.digests[name] = digest.hexdigest()

    def close(self) -> bytes:
        """Return what makes the archive whole."""
        self._zip.close()
        return self._outlet.taken()
