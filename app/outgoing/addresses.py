"""Where a name leads, and whether that is somewhere in the world or inside our own network (O2)."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

# Behind these, an address of the old kind is written into one of the new kind.
NAT64 = IPv6Network("64:ff9b::/96")


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, the best one first; raise OSError if there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Whether the address belongs to the world: not to this machine, its network or a group."""
    parsed = ip_address(address)
    inner = _written_into(parsed) if isinstance(parsed, IPv6Address) else None
    return all(one.is_global and not one.is_multicast for one in (parsed, inner) if one)


def _written_into(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
