"""Which addresses are one place: what is counted by where it came from goes by this."""

from ipaddress import IPv6Address, IPv6Network, ip_address

# What one line, or one rented machine, is given at least (RFC 6177): any number of addresses.
IPV6_PREFIX = 64


def network(address: str) -> str:
    """Return the place of an address: itself, of IPv6 its /64 network, of none what it is.

    An IPv4 address in the clothes of IPv6 (RFC 4291, 2.5.5.2) is that IPv4 address.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), IPV6_PREFIX), strict=False))
