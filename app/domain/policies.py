"""May this admin impersonate this member? Asked at start, at hand-off and on every request."""

from enum import StrEnum
from typing import Protocol

from app.domain.permissions import Permission, Scope, holds
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.impersonations import EndReason
from app.storage.members import Member, MemberStatus


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
    STARTS_THROTTLED = "starts_throttled"
    KEY_MAY_NOT_START = "key_may_not_start"
    KEY_OF_ANOTHER_ADMIN = "key_of_another_admin"
    KEY_OF_ANOTHER_ACCOUNT = "key_of_another_account"

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
    Refusal.STARTS_THROTTLED: "Too many sessions within an hour",
    Refusal.KEY_MAY_NOT_START: "This API key may not start sessions",
    Refusal.KEY_OF_ANOTHER_ADMIN: "This API key acts for another admin",
    Refusal.KEY_OF_ANOTHER_ACCOUNT: "This API key is for another account",
}


def refusal_to_impersonate(
    *, impersonator: Admin, target: Target, target_is_admin: bool
) -> Refusal | None:
    """Return why `impersonator` may not impersonate `target`, or None if they may.

    `target_is_admin` says whether somebody signs in here with the target's e-mail address.
    """
    if refusal := _refusal_of_impersonator(impersonator):
        return refusal
    if target.email_key == impersonator.email_key:
        return Refusal.ONESELF
    if target_is_admin:
        return Refusal.TARGET_IS_ADMIN
    return refusal_of_account(target.account) or _refusal_of_member(target)


def refusal_of_key(key: APIKey, *, impersonator: Admin, target: Member) -> Refusal | None:
    """Return why a program with that key may not start this session, or None if it may (P2)."""
    if not key.covers(target.account_id):
        return Refusal.KEY_OF_ANOTHER_ACCOUNT
    return refusal_of_anybody(key, impersonator=impersonator, account=target.account)


def refusal_of_anybody(
    key: APIKey, *, impersonator: Admin, account: TargetAccount | None
) -> Refusal | None:
    """Return why a program with that key may not start a session as whomever, or None."""
    if Scope.IMPERSONATE not in key.scopes:
        return Refusal.KEY_MAY_NOT_START
    if not key.acts_for(impersonator.id):
        return Refusal.KEY_OF_ANOTHER_ADMIN
    return _refusal_of_impersonator(impersonator) or (
        refusal_of_account(account) if account else None
    )


def _refusal_of_impersonator(impersonator: Admin) -> Refusal | None:
    able = not impersonator.is_disabled
    if able and holds(impersonator.role, Permission.IMPERSONATIONS_START):
        return None
    return Refusal.NOT_SUPERADMIN


def refusal_of_account(account: TargetAccount) -> Refusal | None:
    """Return why nobody in the account may be impersonated, or None if they may."""
    if account.is_suspended:
        return Refusal.ACCOUNT_SUSPENDED
    return None if account.allows_impersonation else Refusal.ACCOUNT_OPTED_OUT


def _refusal_of_member(target: Target) -> Refusal | None:
    if target.status == MemberStatus.INVITED:
        return Refusal.MEMBER_INVITED
    if target.status != MemberStatus.ACTIVE:
        return Refusal.MEMBER_DEACTIVATED
    return Refusal.MEMBER_PROTECTED if target.protected else None
