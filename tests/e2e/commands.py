"""The operator's commands, each a process of its own that has all of Python's modules already.

To import them takes a second, twenty times as long as most commands.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import cli

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "app.cli.operator", "app.product"])


def flask(folder: Path, environ: Mapping[str, str], *arguments: str) -> str:
    """Run `flask` with these arguments in a folder, in this environment; return what it says."""
    with TemporaryDirectory() as outputs:
        said, complained = Path(outputs) / "stdout", Path(outputs) / "stderr"
        process = _CONTEXT.Process(
            target=_run, args=(folder, dict(environ), arguments, said, complained)
        )
        process.start()
        process.join()
        output = said.read_text(encoding="utf-8")
        complaints = complained.read_text(encoding="utf-8")
        assert process.exitcode == 0, f"flask {' '.join(arguments)}:\n{complaints}{output}"
        return output


def _run(folder: Path, environ: dict[str, str], arguments: tuple[str, ...], *outputs: Path) -> None:
    for descriptor, output in enumerate(outputs, start=1):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["flask", *arguments]
    cli.main()
