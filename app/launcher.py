"""`make run`: prepare the demo once, start admin site, Letterbox and worker, stop them together."""

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dotenv import dotenv_values

from app.config import DEMO_PREFIX, SETTINGS_FILE
from app.demo.people import PASSWORD, PEOPLE
from app.launcher_database import demo_database
from app.postgresql_server import CannotRun

OPERATOR = ("--app", "app.cli.operator:operator")
LETTERBOX = ("--app", "app.product.wsgi:application")
LETTERBOX_KEY_FILE = "var/letterbox.key"
KEYS = ("signing-key*.pem", "checkpoint-key.pem", "factor.key")
DIRECTORY_SETTINGS = Path(__file__).parent / "product/directory.toml"
# As app/serving.py has them.
THREADS, KEEP_ALIVE = "16", "75"
# Else glibc keeps memory apart for each thread, and what checking a password took for good.
FRUGAL = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "1048576"}
READY_SECONDS = 30
STOP_SECONDS = 10


class CannotStart(Exception):
    """The demo cannot start; the message says what to do."""


def main() -> None:
    """Run the demo until Ctrl-C."""
    # SIGINT too: a script's shell has it ignored by what it starts in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        ports = _port("ADMIN_PORT", 8000), _port("PRODUCT_PORT", 8001)
        with demo_database(os.environ.get("DATABASE") or "sqlite") as database:
            _run(os.environ | _settings(*ports, database), *ports)
    except (CannotStart, CannotRun) as error:
        sys.exit(f"understudy: {error}")
    except KeyboardInterrupt:
        print("\nStopped.")  # noqa: T201


def _run(environ: Mapping[str, str], admin_port: int, product_port: int) -> None:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        _prepare(environ)
        processes = _start(environ, admin_port, product_port)
        _wait_until_ready(processes, {"localhost": admin_port, "127.0.0.1": product_port})
        _welcome(admin_port, product_port)
        _wait_for_an_end(processes)
    finally:
        # The database stays until they have stopped.
        _stop(processes)


def _port(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isdigit() or not 0 < int(value) < 65536:  # noqa: PLR2004
        raise CannotStart(f"{name} must be a port number, not {value}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(value)))
        except OSError as error:
            raise CannotStart(
                f"port {value} is taken. Set {name} to another one: make run {name}=18080"
            ) from error
    return int(value)


def _settings(admin_port: int, product_port: int, database: Mapping[str, str]) -> dict[str, str]:
    """Return the demo's settings and keep them where the operator's commands find them."""
    kept = {key: value or "" for key, value in dotenv_values(SETTINGS_FILE).items()}
    settings = {
        "UNDERSTUDY_DEMO": "1",
        "UNDERSTUDY_ADMIN_URL": f"http://localhost:{admin_port}",
        "UNDERSTUDY_PRODUCT_URL": f"http://127.0.0.1:{product_port}",
        "UNDERSTUDY_SECRET_KEY": kept.get("UNDERSTUDY_SECRET_KEY") or _demo_secret(),
        "LETTERBOX_SECRET_KEY": kept.get("LETTERBOX_SECRET_KEY") or _demo_secret(),
        **database,
    }
    SETTINGS_FILE.parent.mkdir(mode=0o700, exist_ok=True)
    SETTINGS_FILE.touch(mode=0o600)
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    SETTINGS_FILE.write_text("# Written by `make run`.\n" + "".join(lines), encoding="utf-8")
    return settings


def _demo_secret() -> str:
    return DEMO_PREFIX + secrets.token_urlsafe(32)


def _prepare(environ: Mapping[str, str]) -> None:
    """Bring the databases up to date and fill them, if that has not been done."""
    print("Preparing the demo. The first time takes a little.", flush=True)  # noqa: T201
    if not all(any(Path("var").glob(name)) for name in KEYS):
        _flask(environ, *OPERATOR, "keys", "create")
    _flask(environ, *OPERATOR, "db", "upgrade")
    key_file = Path(environ.get("LETTERBOX_API_KEY_FILE") or LETTERBOX_KEY_FILE)
    if not key_file.exists():
        key = _flask(environ, *OPERATOR, "api-keys", "create", "Letterbox")
        key_file.touch(mode=0o600)
        key_file.write_text(key, encoding="utf-8")
    _flask(environ, *LETTERBOX, "letterbox", "load-demo")
    # Letterbox owns the directory; the admin site reads it anew at each start. What
    # `flask demo seed` has added is nowhere in Letterbox, and stays.
    sync = ("directory", "sync", "--keep-missing", str(DIRECTORY_SETTINGS))
    _flask(environ, *OPERATOR, *sync)
    _flask(environ, *OPERATOR, "demo", "load")


def _flask(environ: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "flask", *arguments]
    done = subprocess.run(  # noqa: S603
        command, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotStart(f"flask {' '.join(arguments)} failed:\n{done.stderr or done.stdout}")
    return done.stdout


def _start(
    environ: Mapping[str, str], admin_port: int, product_port: int
) -> list[subprocess.Popen[bytes]]:
    commands = (
        _gunicorn("app.wsgi:admin", _addresses_of_localhost(), admin_port),
        _gunicorn("app.product.wsgi:application", ["127.0.0.1"], product_port),
        [sys.executable, "-m", "app.worker"],
    )
    # A session of their own, so that Ctrl-C reaches them through us, in order.
    return [
        subprocess.Popen(command, env={**environ, **FRUGAL}, start_new_session=True)  # noqa: S603
        for command in commands
    ]


def _gunicorn(application: str, addresses: Sequence[str], port: int) -> list[str]:
    binds = [argument for address in addresses for argument in ("--bind", f"{address}:{port}")]
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "--worker-class=gthread",
        f"--threads={THREADS}",
        f"--keep-alive={KEEP_ALIVE}",
        # Its control socket lies in the home folder, where two instances would fight for it.
        "--no-control-socket",
        # What a program passes through a client of Auth0's comes back in an address.
        "--limit-request-line=8190",
        # No proxy stands in front: nobody's headers may say which path or scheme was asked for.
        "--forwarded-allow-ips=",
        "--log-level=warning",
        *binds,
        application,
    ]


def _addresses_of_localhost() -> list[str]:
    # Some browsers ask IPv6 first and would wait for it to fail.
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return ["127.0.0.1"]
    return ["127.0.0.1", "[::1]"]


def _wait_until_ready(
    processes: Sequence[subprocess.Popen[bytes]], sites: Mapping[str, int]
) -> None:
    deadline = time.monotonic() + READY_SECONDS
    for host, port in sites.items():
        while not _answers(host, port):
            _check_running(processes)
            if time.monotonic() > deadline:
                raise CannotStart(f"nothing answers at http://{host}:{port}.")
            time.sleep(0.1)


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/sign-in", headers={"Host": f"{host}:{port}"})
        return connection.getresponse().status < 500  # noqa: PLR2004
    except OSError:
        return False
    finally:
        connection.close()


def _check_running(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is not None:
            raise CannotStart("one of the programs has stopped; its last lines are above.")


def _wait_for_an_end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    while True:
        _check_running(processes)
        time.sleep(0.5)


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _welcome(admin_port: int, product_port: int) -> None:
    width = max(len(email) for email, _, _ in PEOPLE)
    people = "\n".join(f"    {email:{width}}  {role}" for email, _, role in PEOPLE)
    print(  # noqa: T201
        f"""
  Understudy   http://localhost:{admin_port}      the admin site
  Letterbox    http://127.0.0.1:{product_port}      the product app

  Sign in to the admin site with the password {PASSWORD} as
{people}
  and to Letterbox with the same password as mia.chen@harbour.example.

  This is a demo with sample data. Ctrl-C stops it.
""",
        flush=True,
    )


if __name__ == "__main__":
    main()
