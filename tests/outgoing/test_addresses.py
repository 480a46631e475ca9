"""Which addresses are out in the world (O2)."""

import pytest

from app.outgoing import addresses
from app.outgoing.addresses import is_public, resolve
from tests.twins import fails_without, line

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "ff0e::1",
    # An address of the old kind inside one of the new kind.
    "::ffff:10.1.2.3",
    "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]


@pytest.mark.requirement("O2")
@fails_without(line(addresses.is_public, "one.is_global and not one.is_multicast", "True"))
@pytest.mark.parametrize("address", PRIVATE)
def test_our_own_network_is_not_the_world(address: str) -> None:
    assert not is_public(address)


@pytest.mark.requirement("O2")
@pytest.mark.parametrize("address", PUBLIC)
def test_the_world_is(address: str) -> None:
    assert is_public(address)


def test_this_machine_is_found_once() -> None:
    found = resolve("localhost", 443)
    assert "127.0.0.1" in found
    assert len(found) == len(set(found))
