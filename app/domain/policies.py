"""May this admin impersonate this member? Asked at start, at hand-off and on every request."""

from enum import StrEnum
from typing import Protocol

from app.domain.permissions import Permission, holds
from app.storage.admins import Admin
from app.storage.impersonations import EndReason
from app.storage.members import MemberStatus


class TargetAccount(Protocol):
    """What is asked about the target's account."""

    @property
    def is_suspended(self) -> bool: ...
    @property
    def allows_impersonation(self) -> bool: ...


class Target(Protocol):
    """What is asked about a member, whether it is the row or what a list tells of it."""

    @property
    def email_key(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def protected(self) -> bool: ...
    @property
    def account(self) -> TargetAccount: ...


class Refusal(StrEnum):
    """Why not. The names are part of the audit trail: they never change."""

    NOT_SUPERADMIN = "not_superadmin"
    ONESELF = "oneself"
    TARGET_IS_ADMIN = "target_is_admin"
    ACCOUNT_SUSPENDED = "account_suspended"
    ACCOUNT_OPTED_OUT = "account_opted_out"
    MEMBER_INVITED = "member_invited"
    MEMBER_DEACTIVATED = "member_deactivated"
    MEMBER_PROTECTED = "member_protected"
    TRAIL_DOUBTED = "trail_doubted"

    @property
    def sentence(self) -> str:
        """Why not, as a person would say it beside the button."""
        return SENTENCES[self]

    @property
    def end_reason(self) -> EndReason:
        """Why a running session ends when this comes true."""
        if self is Refusal.NOT_SUPERADMIN:
            return EndReason.IMPERSONATOR_LOST_ACCESS
        if self in (Refusal.ACCOUNT_SUSPENDED, Refusal.ACCOUNT_OPTED_OUT):
            return EndReason.ACCOUNT_UNAVAILABLE
        return EndReason.MEMBER_UNAVAILABLE


SENTENCES = {
    Refusal.NOT_SUPERADMIN: "Superadmin access required",
    Refusal.ONESELF: "This is you",
    Refusal.TARGET_IS_ADMIN: "Admins cannot be impersonated",
    Refusal.ACCOUNT_SUSPENDED: "This account is suspended",
    Refusal.ACCOUNT_OPTED_OUT: "Impersonation is off for this account",
    Refusal.MEMBER_INVITED: "This member has not accepted the invitation",
    Refusal.MEMBER_DEACTIVATED: "This member is deactivated",
    Refusal.MEMBER_PROTECTED: "This member is protected",
    Refusal.TRAIL_DOUBTED: "A superadmin has to acknowledge first what was found about the "
    "audit trail",
}


def refusal_to_impersonate(
    *, impersonator: Admin, target: Target, target_is_admin: bool
) -> Refusal | None:
    """Return why `impersonator` may not impersonate `target`, or None if they may.

    `target_is_admin` says whether somebody signs in here with the target's e-mail address.
    """
    if impersonator.is_disabled or not holds(impersonator.role, Permission.IMPERSONATIONS_START):
        return Refusal.NOT_SUPERADMIN
    if target.email_key == impersonator.email_key:
        return Refusal.ONESELF
    if target_is_admin:
        return Refusal.TARGET_IS_ADMIN
    return _refusal_of_account(target) or _refusal_of_member(target)


def _refusal_of_account(target: Target) -> Refusal | None:
    if target.account.is_suspended:
        return Refusal.ACCOUNT_SUSPENDED
    return None if target.account.allows_impersonation else Refusal.ACCOUNT_OPTED_OUT


def _refusal_of_member(target: Target) -> Refusal | None:
    if target.status == MemberStatus.INVITED:
        return Refusal.MEMBER_INVITED
    if target.status != MemberStatus.ACTIVE:
        return Refusal.MEMBER_DEACTIVATED
    return Refusal.MEMBER_PROTECTED if target.protected else None
