"""An account as a SCIM resource, and the resource as what is to become of an account."""

from functools import partial

from flask.typing import ResponseReturnValue
from scim2_models import Meta
from sqlalchemy import func

from app.domain.push_rules import Push
from app.storage import pushed
from app.storage.accounts import Account as Row
from app.storage.accounts import AccountStatus
from app.web.api.scim import endpoints
from app.web.api.scim.filters import Attribute, folded
from app.web.api.scim.kinds import Kind
from app.web.api.scim.places import location
from app.web.api.scim.resources import Account

ENDPOINT = "/Accounts"


def resource_of(row: Row) -> Account:
    """Return the account as a pusher sees it."""
    return Account(
        id=row.id,
        external_id=pushed.external_id_of(row),
        display_name=row.name,
        domain=row.domain,
        plan=row.plan,
        active=not row.is_suspended,
        impersonation_allowed=row.impersonation_allowed,
        meta=Meta(
            resource_type="Account",
            created=row.created_at,
            last_modified=row.updated_at,
            location=location(ENDPOINT, row.id),
            version=f'W/"{pushed.version_of(row)}"',
        ),
    )


def push_of(account: Account, before: Account | None) -> Push:
    """Return what the account says; what it leaves out stays as `before`, or is what is usual."""
    old = before or Account(active=True, impersonation_allowed=True)
    allowed, active = account.impersonation_allowed, account.active
    is_told = before is None or "external_id" in account.model_fields_set
    return Push(
        fields={
            "name": account.display_name or old.display_name,
            "domain": account.domain or old.domain,
            "plan": account.plan or old.plan,
            "impersonation_allowed": old.impersonation_allowed if allowed is None else allowed,
        },
        active=bool(old.active if active is None else active),
        external_id=account.external_id if is_told else old.external_id,
    )


ACCOUNTS = Kind(
    row=Row,
    model=Account,
    attributes={
        ("id", None): Attribute(Row.id),
        ("external_id", None): Attribute(
            func.coalesce(Row.external_id, Row.id), equals=partial(pushed.called, Row)
        ),
        ("display_name", None): folded(Row.sort_key),
        ("domain", None): Attribute(Row.domain),
        ("plan", None): Attribute(Row.plan),
        ("active", None): Attribute(Row.status == AccountStatus.ACTIVE),
        ("impersonation_allowed", None): Attribute(Row.impersonation_allowed),
        ("meta", "created"): Attribute(Row.created_at),
        ("meta", "last_modified"): Attribute(Row.updated_at),
    },
    resource_of=resource_of,
    push_of=push_of,
)


def index() -> ResponseReturnValue:
    """Return the accounts that are asked for."""
    return endpoints.index(ACCOUNTS)


def search() -> ResponseReturnValue:
    """Return the accounts that are asked for, by a body."""
    return endpoints.search(ACCOUNTS)


def show(account_id: str) -> ResponseReturnValue:
    """Return an account."""
    return endpoints.show(ACCOUNTS, account_id)


def create() -> ResponseReturnValue:
    """Add an account."""
    return endpoints.create(ACCOUNTS)


def replace(account_id: str) -> ResponseReturnValue:
    """Bring an account in line with what is sent."""
    return endpoints.replace(ACCOUNTS, account_id)


def patch(account_id: str) -> ResponseReturnValue:
    """Change an account."""
    return endpoints.patch(ACCOUNTS, account_id)


def remove(account_id: str) -> ResponseReturnValue:
    """Suspend an account, for good as far as the pusher can see."""
    return endpoints.remove(ACCOUNTS, account_id)
