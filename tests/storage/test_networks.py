"""Which addresses are one place."""

import pytest

from app.storage.networks import network


@pytest.mark.requirement("S6")
@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:5::1", "2001:db8:0:5::/64"),
        ("2001:DB8:0:5:ffff:ffff:ffff:ffff", "2001:db8:0:5::/64"),
        ("2001:db8:0:6::1", "2001:db8:0:6::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a unix socket", "a unix socket"),
    ],
)
def test_an_ipv6_network_is_one_place(address: str, place: str) -> None:
    assert network(address) == place
