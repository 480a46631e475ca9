"""How gunicorn serves a site: `gunicorn --config python:app.serving app.wsgi:admin`.

What the machine decides is said on its command line: `--bind`, `--workers`.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.config import metrics_folder, read_environment
from app.storage.networks import is_this_machine

ADMIN_SITE = "app.wsgi:admin"
# What the library calls the files that its processes count in.
COUNTED = re.compile(r"(?:counter|gauge_\w+|histogram|summary)_\d+\.db")

# Pages wait for the database and not for the processor. A proxy in front has to read slow
# connections to their end, as each of them takes a thread (docs/deploy.md).
worker_class = "gthread"
threads = 16
workers = 2
# A worker that answers nothing for so many seconds is started anew.
timeout = 30
graceful_timeout = 20
# The product keeps its connections. One that is closed just as it is used again fails a member's
# request (RFC 9112, 9.5), and after the default's two seconds that is often. They take no thread.
keepalive = 75
# Its control socket lies in the home folder, where two instances would fight for it.
control_socket_disable = True
# What a program passes through a client of Auth0's comes back in an address.
limit_request_line = 8190
# Nobody's headers may say which path or scheme was asked for: the settings say how many proxies
# there are, and their addresses are read from X-Forwarded-For alone.
forwarded_allow_ips = ""
# Requests are logged by the site, without their queries: gunicorn's own lines would have them.
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "app.logs.JsonLines", "process": "gunicorn"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}

# Each process of a site counts in a file of its own there; the worker adds them up and shows them.
# The library looks at this variable as soon as it is imported, so it is set here, before the site.
_environ = read_environment(os.environ)
if _environ.get("UNDERSTUDY_METRICS_ADDRESS"):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_folder(_environ))


def on_starting(server: Any) -> None:
    """Stop a demo that the world could reach, and begin to count anew.

    What is left of processes that are gone would count for ever.
    """
    if _environ.get("UNDERSTUDY_DEMO") == "1":
        _check_addresses(server.address)
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder and server.app.app_uri == ADMIN_SITE:
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in Path(folder).iterdir():
            # These alone: the setting may name a folder that holds something else.
            if COUNTED.fullmatch(file.name):
                file.unlink()


def _check_addresses(addresses: Sequence[Any]) -> None:
    """Stop the start of a demo on anything but this machine's own addresses (S12).

    Everybody knows its passwords. A socket file or an open one says nothing of who is behind it.
    """
    for address in addresses:
        host = address[0] if isinstance(address, tuple) else str(address)
        if not is_this_machine(host):
            sys.exit(
                f"understudy: UNDERSTUDY_DEMO=1 is for this machine alone, and {host or 'every'} "
                "is not: --bind 127.0.0.1:8000, or unset it."
            )
