"""What a product keeps for its members alone, and refuses to whoever impersonates them."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

_ANY = "*"


class MemberOnly:
    """Addresses that are refused under impersonation (A5).

    Each is a path with all below it, such as "/billing"; "*" stands for one part of it, as in
    "/teams/*/api-keys", and a method before it limits it to that one: "POST /sign-in". Raises
    ValueError for what is no such address, since it would protect nothing.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        self._rules = [_rule(address) for address in addresses]

    def holds(self, method: str, path: str) -> bool:
        """Whether this request is for the member alone.

        However the address is written: some products find the same page behind other letter
        cases, more slashes and dots, and others take ".." for a part like any other.
        """
        # Products read a method in any letter case. HEAD is a GET without its body.
        asked = "GET" if method.upper() == "HEAD" else method.upper()
        readings = (_parts(path), _parts(posixpath.normpath(path)))
        return any(rule.fits(asked, parts) for rule in self._rules for parts in readings)


@dataclass(frozen=True, slots=True)
class _Rule:
    method: str
    parts: list[str]

    def fits(self, method: str, parts: list[str]) -> bool:
        if self.method not in ("", method) or len(parts) < len(self.parts):
            return False
        return all(own in (_ANY, part) for own, part in zip(self.parts, parts, strict=False))


def _rule(address: str) -> _Rule:
    method, _, path = address.rpartition(" ")
    if not path.startswith("/") or (method and not (method.isalpha() and method.isupper())):
        raise ValueError(f"{address!r} is no address such as '/billing' or 'POST /sign-in'")
    return _Rule(method, _parts(path))


def _parts(path: str) -> list[str]:
    return [part for part in path.casefold().split("/") if part not in ("", ".")]
