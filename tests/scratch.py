"""Where servers of the tests keep their files."""

import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - only as the parent of folders with random names
ROOM = 2 * 1024**3


def scratch_folder() -> Path | None:
    """Return a folder in memory if there is room, None for the usual one on the disk.

    Several databases that wait for one disk stall one another for seconds, and a story would see
    a site that does not answer in time.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM:
        return MEMORY
    return None
