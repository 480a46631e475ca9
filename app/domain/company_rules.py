"""What the word of the company's identity provider is worth, and who may do without it (S11)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.company_provider import Proof
from app.storage.admins import Admin, Role
from app.storage.company_accounts import company_account_of

BY_COMPANY_ALONE = "Sign in with your company account: for you this way is closed."


@dataclass(frozen=True)
class CompanyRules:
    """What the provider's word is worth.

    Without `role_claim` it says nothing about roles; with it, whose claim holds none of the values
    of `superadmins` and `admins` has no role here. One of `strong_amr` or `strong_acr` is as good
    as a second factor; without any, ours is asked for. `issuer` is who says all that; empty where
    there is no provider.
    """

    issuer: str = ""
    role_claim: str = ""
    superadmins: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()
    strong_amr: frozenset[str] = frozenset()
    strong_acr: frozenset[str] = frozenset()

    @property
    def knows_factors(self) -> bool:
        """Whether the provider's word can be as good as a second factor at all."""
        return bool(self.strong_amr or self.strong_acr)

    def role_in(self, claims: Mapping[str, Any]) -> Role | None:
        """Return the highest role that the claims give, None for none."""
        held = set(_texts(_at(claims, self.role_claim)))
        if held & self.superadmins:
            return Role.SUPERADMIN
        return Role.ADMIN if held & self.admins else None

    def proved_at(self, proof: Proof, *, now: datetime) -> datetime | None:
        """Return when the person proved a second factor there, None if nobody knows of any.

        A provider that says how and not when has to be asked again for what needs a fresh proof.
        """
        amr = set(_texts(proof.claims.get("amr")))
        strong = bool(amr & self.strong_amr) or proof.claims.get("acr") in self.strong_acr
        if not strong or proof.authenticated_at is None:
            return None
        return min(proof.authenticated_at, now)

    def shuts_out(self, db: Session, admin: Admin, *, by_factor: bool) -> bool:
        """Whether this admin signs in by the company alone; `by_factor` for who has a factor here.

        Where the company gives out the roles, a sign-in that does not ask it would not hear of one
        that was lost (S11). Where it sees the second factor of an admin who has none here, a
        password would be enough to set one up in their place (S8).
        """
        if not self.role_claim and (by_factor or not self.knows_factors):
            return False
        return company_account_of(db, admin.id, self.issuer) is not None


NO_COMPANY = CompanyRules()


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim of that name, or along its dots: some providers nest them."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _texts(value: Any) -> Iterator[str]:
    values = value if isinstance(value, list) else [value]
    return (one for one in values if isinstance(one, str))
