"""Tests talk to this machine alone."""

import socket
from typing import Any

import pytest

LOOPBACK = ("127.", "localhost", "::1")


class NetworkIsOff(Exception):
    """A test tried to reach another machine."""


def keep_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sockets connect to this machine and to nowhere else."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(original: Any) -> Any:
        def reach(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX and not str(address[0]).startswith(LOOPBACK):
                raise NetworkIsOff(f"tests must not reach {address[0]}")
            return original(self, address)

        return reach

    monkeypatch.setattr(socket.socket, "connect", guarded(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
