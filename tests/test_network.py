"""The guard that keeps the tests on this machine."""

import socket

import pytest

from tests.network import NetworkIsOff


@pytest.mark.parametrize("address", ["192.0.2.1", "example.com"])
def test_another_machine_cannot_be_reached(address: str) -> None:
    with socket.socket() as one, pytest.raises(NetworkIsOff):
        one.connect((address, 80))
    with socket.socket() as one, pytest.raises(NetworkIsOff):
        one.connect_ex((address, 80))


def test_this_machine_can_be_reached() -> None:
    with socket.socket() as server, socket.socket() as one:
        server.bind(("127.0.0.1", 0))
        server.listen()
        one.connect(server.getsockname())
