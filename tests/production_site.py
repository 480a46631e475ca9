"""Site, worker and sample product as docs/deploy.md runs them, in a folder of their own."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ADMIN, PRODUCT = "admin.example.com", "app.example.com"
CONFIG = ("-m", "gunicorn", "--config", "python:app.serving", "--workers=1")
READY_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class ProductionSite:
    """Where it is, and all that it says."""

    folder: Path
    environ: Mapping[str, str]
    admin_port: int
    product_port: int
    metrics_port: int

    def flask(self, *arguments: str) -> str:
        """Run one of the operator's commands."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app.cli.operator:operator", *arguments],
            cwd=self.folder,
            env=dict(self.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def ask(
        self, path: str, *, body: str = "", host: str = ADMIN, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Ask the admin site, or the product by its name: by POST if there is a body."""
        port = self.admin_port if host == ADMIN else self.product_port
        sent = {"Host": host, **headers}
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("POST" if body else "GET", path, body or None, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
            return Answer(answer.status, dict(answer.getheaders()), text)

    def metrics(self) -> str:
        """Return what the worker shows to Prometheus."""
        where = ("127.0.0.1", self.metrics_port)
        with closing(http.client.HTTPConnection(*where, timeout=10)) as connection:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()

    @property
    def printed(self) -> str:
        """Everything that any of the processes has written."""
        logs = sorted(self.folder.glob("*.log"))
        return "".join(log.read_text(encoding="utf-8") for log in logs)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run all three until the block is left."""
        product = {"UNDERSTUDY_ADMIN_URL": f"http://127.0.0.1:{self.admin_port}"}
        processes = [
            self._start("worker", "-m", "app.worker"),
            self._start("site", *CONFIG, self._at(self.admin_port), "app.wsgi:admin"),
            self._start(
                "product",
                *(*CONFIG, self._at(self.product_port), "app.product.wsgi:application"),
                **product,
            ),
        ]
        try:
            for port in (self.admin_port, self.product_port, self.metrics_port):
                self._wait_for(port, processes)
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(timeout=30)

    def _at(self, port: int) -> str:
        return f"--bind=127.0.0.1:{port}"

    def _start(self, name: str, *command: str, **more: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, *command],
                cwd=self.folder,
                env={**self.environ, **more},
                stdout=log,
                stderr=log,
            )

    def _wait_for(self, port: int, processes: list[subprocess.Popen[bytes]]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            assert all(process.poll() is None for process in processes), self.printed
            assert time.monotonic() < deadline, self.printed
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return


def production_site(folder: Path, **settings: str) -> ProductionSite:
    """Return a site with these settings beside the usual ones; its database is there."""
    ports = [_free_port() for _ in range(3)]
    ours = ("UNDERSTUDY_", "LETTERBOX_", "FLASK_", "PROMETHEUS_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environ |= {
        "PYTHONPATH": str(ROOT),
        "UNDERSTUDY_ADMIN_URL": f"https://{ADMIN}",
        "UNDERSTUDY_PRODUCT_URL": f"https://{PRODUCT}",
        "UNDERSTUDY_METRICS_ADDRESS": f"127.0.0.1:{ports[2]}",
        **settings,
    }
    (folder / "var").mkdir()
    site = ProductionSite(folder, environ, *ports)
    site.flask("keys", "create")
    site.flask("db", "upgrade")
    return site


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
