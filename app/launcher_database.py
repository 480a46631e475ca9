"""Where `make run` keeps the demo's data: a SQLite file, or a PostgreSQL server of its own."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.postgresql_server import OWNER, CannotRun, Server, closed_folder, hand_over

FOLDER = Path("var/postgresql")
NAME = "understudy"
# Whoever has to pass through sees nothing: the server may run as another user than we do.
PASSAGE = 0o711


@contextmanager
def demo_database(engine: str) -> Iterator[Mapping[str, str]]:
    """Yield the settings of the demo's database, which runs until the block is left.

    `engine` is "sqlite" or "postgres". What is about the data of one is kept apart from what is
    about the other's: checkpoints, the copy of the trail, Letterbox's key. Raises CannotRun.
    """
    if engine == "sqlite":
        yield {}
        return
    if engine != "postgres":
        raise CannotRun(f"DATABASE must be sqlite or postgres, not {engine}.")
    with closed_folder() as sockets:
        server = Server(_data(), sockets)
        with server.running():
            server.create_roles()
            if not server.has_database(NAME):
                server.create_database(NAME)
            yield _settings(server)


def _data() -> Path:
    data = (FOLDER / "data").resolve()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.getuid():
        hand_over(data)
        for folder in (FOLDER, FOLDER.parent):
            folder.chmod(PASSAGE)
        _check_passage(data)
    return data


def _check_passage(data: Path) -> None:
    for folder in data.parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise CannotRun(
                f"PostgreSQL does not run as root, and nobody else can enter {folder}. Put the"
                " project elsewhere, or run this as another user."
            )


def _settings(server: Server) -> dict[str, str]:
    return {
        "UNDERSTUDY_DATABASE_URL": server.url(NAME),
        "UNDERSTUDY_DATABASE_OWNER_URL": server.url(NAME, OWNER),
        "UNDERSTUDY_CHECKPOINT_FILE": f"{FOLDER}/checkpoints.txt",
        "UNDERSTUDY_AUDIT_LOG_FILE": f"{FOLDER}/audit.log",
        "LETTERBOX_API_KEY_FILE": f"{FOLDER}/letterbox.key",
    }
