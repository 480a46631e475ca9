"""Which addresses are one place, for what is counted by where it came from, and which are here."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

# What one line, or one rented machine, is given at least (RFC 6177): any number of addresses.
IPV6_PREFIX = 64


def network(address: str) -> str:
    """Return the place of an address: itself, of IPv6 its /64 network, of none what it is.

    An IPv4 address in the clothes of IPv6 (RFC 4291, 2.5.5.2) is that IPv4 address.
    """
    parsed = _parsed(address)
    if parsed is None:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(IPv6Network((int(parsed), IPV6_PREFIX), strict=False))


def is_this_machine(host: str) -> bool:
    """Whether only this machine itself reaches that address, or that host name."""
    parsed = _parsed(host)
    return host == "localhost" if parsed is None else parsed.is_loopback


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (isinstance(parsed, IPv6Address) and parsed.ipv4_mapped) or parsed
