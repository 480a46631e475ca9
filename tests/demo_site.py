"""The whole demo, started as `make run` starts it, in a folder and on ports of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "understudy-demo"


@dataclass(frozen=True)
class DemoSite:
    """Where the two sites are, and the folder that holds what they write."""

    admin_url: str
    product_url: str
    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        """The settings that the demo wrote for itself."""
        lines = (self.folder / "var/understudy.env").read_text(encoding="utf-8")
        return dict(re.findall(r"^([A-Z_]+)=(.*)$", lines, re.MULTILINE))


@contextmanager
def demo_site() -> Iterator[DemoSite]:
    """Run the demo until the block is left; raise RuntimeError with its words if it cannot."""
    admin_port, product_port = _free_port(), _free_port()
    environ = {name: value for name, value in os.environ.items() if "UNDERSTUDY_" not in name}
    environ |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    environ |= {"ADMIN_PORT": str(admin_port), "PRODUCT_PORT": str(product_port)}
    with tempfile.TemporaryDirectory(prefix="understudy-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.launcher"],
            cwd=folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            _wait_for_the_welcome(process)
            # What nobody reads would fill the pipe, and the site would wait for ever to say more.
            threading.Thread(target=_read_to_the_end, args=(process,), daemon=True).start()
            yield DemoSite(
                f"http://localhost:{admin_port}", f"http://127.0.0.1:{product_port}", Path(folder)
            )
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def _read_to_the_end(process: subprocess.Popen[str]) -> None:
    with suppress(ValueError):
        for _ in process.stdout or ():
            pass


def _wait_for_the_welcome(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C stops it" in line:
            return
    raise RuntimeError("the demo did not start:\n" + "".join(said))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
