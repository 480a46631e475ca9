"""A file as lines of text, whatever is in it, and its digest."""

import hashlib
from collections.abc import Callable, Iterator
from typing import IO

from app.domain.directory_reading import Unusable

LONGEST_LINE = 1024 * 1024
BOM = b"\xef\xbb\xbf"
# What spreadsheets save as "Unicode text".
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Lines:
    """The lines of a file, one at a time, each with its line end.

    Bytes that are not UTF-8 come as half characters, so that what is wrong can be told with its
    line. `progress` is called with the number of bytes read.
    """

    def __init__(self, file: IO[bytes], name: str, progress: Callable[[int], object]) -> None:
        self.name = name
        self._file, self._progress = file, progress
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read so far, in hexadecimal."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[str]:
        number = unreported = 0
        while line := self._file.readline(LONGEST_LINE + 1):
            self._digest.update(line)
            number, unreported = number + 1, unreported + len(line)
            if len(line) > LONGEST_LINE:
                raise Unusable(f"{self.name}, line {number:,} is longer than a megabyte.")
            if number == 1:
                if line.startswith(UTF_16):
                    raise Unusable(f"{self.name} is not UTF-8 but UTF-16.")
                line = line.removeprefix(BOM)
            if unreported > LONGEST_LINE:
                self._progress(unreported)
                unreported = 0
            yield line.decode("utf-8", "surrogateescape")
        self._progress(unreported)
