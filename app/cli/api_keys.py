"""flask api-keys …"""

from datetime import timedelta

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from app.cli.settings import now, opened_database, settings, unit_of_work
from app.domain import api_keys
from app.domain.api_keys import Limits
from app.domain.audit_trail import OPERATOR
from app.domain.errors import Absent
from app.domain.permissions import Scope
from app.storage.accounts import Account
from app.storage.admins import Admin, admin_by_email
from app.storage.api_keys import APIKey, api_keys_by_age

commands = AppGroup("api-keys", help="Keys for programs, such as a product app.")


@commands.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    default=[Scope.PRODUCT.value],
    help="What it may be used for; may be given several times.",
)
@click.option("--account", "account_id", metavar="ID", help="Limit it to one account.")
@click.option("--admin", "email", metavar="EMAIL", help="Whom it acts for, and nobody else.")
@click.option(
    "--reason-optional", is_flag=True, help="Let it start sessions without giving a reason."
)
@click.option("--callback", "callbacks", metavar="URL", multiple=True, help="Where it may send.")
@click.option("--days", type=click.IntRange(1, 3650), help="For how many days it is good.")
def create(
    name: str,
    scopes: tuple[str, ...],
    account_id: str | None,
    email: str | None,
    reason_optional: bool,
    callbacks: tuple[str, ...],
    days: int | None,
) -> None:
    """Make a key called NAME and print its secret: it is shown this once."""
    at = now()
    with unit_of_work() as db:
        limits = Limits(
            account=_account(db, account_id),
            admin=_admin(db, email),
            reason_required=not reason_optional,
            callback_urls=callbacks,
            expires_at=at + timedelta(days=days) if days else None,
        )
        _, secret = api_keys.create(
            db, name=name, scopes=scopes, limits=limits, by=None, provenance=OPERATOR, now=at
        )
    click.echo(secret)


@commands.command("list")
def index() -> None:
    """Print every key, the newest first: id, prefix, state, scopes and name, parted by tabs."""
    with opened_database(settings()) as database, database.unit_of_work(writing=False) as db:
        for key in api_keys_by_age(db):
            columns = [key.id, f"{key.prefix}…", key.state(now()), key.scope, key.name]
            click.echo("\t".join(columns))


@commands.command("revoke")
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Let the key with that ID open nothing any more, from the next request on."""
    with unit_of_work() as db:
        key = db.get(APIKey, key_id)
        if key is None:
            raise Absent("There is no API key with that id; `flask api-keys list` has them.")
        api_keys.revoke(db, key, by=None, provenance=OPERATOR, now=now())
        name = key.name
    click.echo(f"{name} has been revoked.")


def _account(db: Session, account_id: str | None) -> Account | None:
    account = db.get(Account, account_id) if account_id else None
    if account_id and account is None:
        raise Absent("There is no account with that id.")
    return account


def _admin(db: Session, email: str | None) -> Admin | None:
    admin = admin_by_email(db, email) if email else None
    if email and admin is None:
        raise Absent("There is no admin with that address.")
    return admin
