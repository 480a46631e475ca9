"""The files of a ZIP archive that fill it from its first byte to its last.

A ZIP archive can hold what one reader shows and another does not: bytes before, between, behind or
within its entries, or two entries of one name. What is signed must be the same for everybody.
"""

import io
import os
import struct
import zipfile
import zlib
from contextlib import AbstractContextManager
from pathlib import Path

# APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.9, 4.3.12, 4.3.14 to 4.3.16, 4.5.3.
LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL_BYTES, END_BYTES, END64_BYTES = 46, 22, 22 + 56 + 20
DESCRIPTOR, DESCRIPTOR64 = struct.Struct("<4s3I"), struct.Struct("<4sI2Q")
STREAMED, NAMED_IN_UTF8 = 0x8, 0x800
ZIP64 = b"\x01\x00"
PIECE = 1 << 13


class StrayBytes(zipfile.BadZipFile):
    """The archive holds bytes that belong to none of its files."""


class Entries(AbstractContextManager["Entries"]):
    """The files in an archive; raises BadZipFile, or OSError, if it is none or holds more."""

    def __init__(self, path: Path) -> None:
        # What was looked at is what is read, should another file be put in its place meanwhile.
        self._file = path.open("rb")
        self._descriptor = self._file.fileno()
        try:
            with zipfile.ZipFile(self._file) as archive:
                self._files = self._found(archive)
        except BaseException:
            self._file.close()
            raise

    @property
    def names(self) -> list[str]:
        """The names of the files, in their order."""
        return list(self._files)

    def open(self, name: str) -> io.BufferedReader:
        """Return a file to read from; raise KeyError if there is none of that name."""
        start, entry = self._files[name]
        return io.BufferedReader(_Content(self._descriptor, start, entry), PIECE)

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _found(self, archive: zipfile.ZipFile) -> dict[str, tuple[int, zipfile.ZipInfo]]:
        """Return the files with where their data begins; raise StrayBytes if there is more."""
        files: dict[str, tuple[int, zipfile.ZipInfo]] = {}
        end = directory = 0
        for entry in archive.infolist():
            if entry.filename in files or entry.header_offset != end or entry.comment:
                raise StrayBytes
            start, end = self._place(entry, end)
            files[entry.filename] = start, entry
            directory += CENTRAL_BYTES + len(_encoded(entry)) + len(entry.extra)
        rest = os.fstat(self._descriptor).st_size - archive.start_dir - directory
        if end != archive.start_dir or rest not in (END_BYTES, END64_BYTES) or archive.comment:
            raise StrayBytes
        return files

    def _place(self, entry: zipfile.ZipInfo, at: int) -> tuple[int, int]:
        """Return where the data of the entry at that place begins, and where the next one is."""
        data = os.pread(self._descriptor, LOCAL.size, at)
        if len(data) != LOCAL.size:
            raise StrayBytes
        head, _, flags, method, _, _, crc, packed, size, named, more = LOCAL.unpack(data)
        name = os.pread(self._descriptor, named, at + LOCAL.size)
        extra = os.pread(self._descriptor, more, at + LOCAL.size + named)
        same = (head, flags, method, name) == (
            b"PK\x03\x04",
            entry.flag_bits,
            entry.compress_type,
            _encoded(entry),
        )
        if not same or not _is_zip64(extra) or not _is_zip64(entry.extra):
            raise StrayBytes
        start = at + LOCAL.size + named + more
        told = (entry.CRC, entry.compress_size, entry.file_size)
        if not flags & STREAMED:
            if not extra and (crc, packed, size) != told:
                raise StrayBytes
            return start, start + entry.compress_size
        form = DESCRIPTOR64 if extra else DESCRIPTOR
        data = os.pread(self._descriptor, form.size, start + entry.compress_size)
        if len(data) != form.size or form.unpack(data) != (b"PK\x07\x08", *told):
            raise StrayBytes
        return start, start + entry.compress_size + form.size


class _Content(io.RawIOBase):
    """What a file holds, unpacked; reading raises BadZipFile if that is not just what it says."""

    def __init__(self, descriptor: int, start: int, entry: zipfile.ZipInfo) -> None:
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotImplementedError("packed in another way")
        if entry.flag_bits & ~(STREAMED | NAMED_IN_UTF8 | 0x6):
            raise NotImplementedError("encrypted")
        self._descriptor, self._entry = descriptor, entry
        self._at, self._end = start, start + entry.compress_size
        self._unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
        self._rest = b""
        self._size = self._crc = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        self._size, self._crc = self._size + len(data), zlib.crc32(data, self._crc)
        if not data and (self._size, self._crc) != (self._entry.file_size, self._entry.CRC):
            raise zipfile.BadZipFile
        return len(data)

    def _read(self, most: int) -> bytes:
        if self._entry.compress_type == zipfile.ZIP_STORED:
            return self._packed(most)
        while not self._unpacking.eof:
            packed = self._rest or self._packed(PIECE)
            data = self._unpacking.decompress(packed, most)
            self._rest = self._unpacking.unconsumed_tail
            if data:
                return data
            if not packed:
                raise EOFError
        if self._rest or self._unpacking.unused_data or self._at != self._end:
            raise StrayBytes
        return b""

    def _packed(self, most: int) -> bytes:
        data = os.pread(self._descriptor, min(most, self._end - self._at), self._at)
        self._at += len(data)
        return data


def _encoded(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & NAMED_IN_UTF8 else "cp437")


def _is_zip64(extra: bytes) -> bool:
    """Whether that is nothing, or the sizes of a large file alone."""
    return not extra or (extra[:2], extra[2:4]) == (ZIP64, struct.pack("<H", len(extra) - 4))
