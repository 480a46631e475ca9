"""flask admins …"""

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from app.cli.settings import now, settings, unit_of_work
from app.domain import admins, company_accounts, factor_resets
from app.domain.audit_trail import OPERATOR
from app.storage.admins import Admin, Role, admin_by_email

commands = AppGroup("admins", help="Who may sign in to the admin site.")


@commands.command("create")
@click.argument("email")
@click.option("--name", required=True, help="The name that the audit trail shows.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.ADMIN.value,
    show_default=True,
)
@click.option("--password", help="Asked for when it is not given, if passwords are in use.")
def create(email: str, name: str, role: str, password: str | None) -> None:
    """Add an admin with the address EMAIL."""
    if password is None and settings().password_sign_in:
        password = _typed_password()
    with unit_of_work() as db:
        admin = admins.create(
            db,
            email=email,
            name=name,
            role=role,
            password=password,
            by=None,
            provenance=OPERATOR,
            now=now(),
        )
    click.echo(f"{admin.email} may sign in as {admin.role}.")


@commands.command("set-password")
@click.argument("email")
@click.option("--password", help="Asked for when it is not given.")
def set_password(email: str, password: str | None) -> None:
    """Give the admin with the address EMAIL, who has lost theirs, another password.

    They are signed out everywhere; their second factors stay.
    """
    password = password or _typed_password()
    with unit_of_work() as db:
        admin = _found(db, email)
        admins.set_password(db, admin, password=password, provenance=OPERATOR, now=now())
    click.echo(f"{admin.email} has another password.")


@commands.command("reset-factors")
@click.argument("email")
def reset_factors(email: str) -> None:
    """Remove all second factors of the admin with the address EMAIL, who has lost them.

    They are signed out everywhere, and a session of theirs ends.
    """
    with unit_of_work() as db:
        admin = _found(db, email)
        count = factor_resets.reset(db, admin, by=None, provenance=OPERATOR, now=now())
    click.echo(f"Second factors of {admin.email} removed: {count}.")


@commands.command("link")
@click.argument("email")
@click.argument("subject")
def link(email: str, subject: str) -> None:
    """Let the company account SUBJECT sign in as the admin with the address EMAIL.

    SUBJECT is the `sub` that the provider in UNDERSTUDY_OIDC_ISSUER knows the person by; when
    somebody was refused as unknown, the audit trail has it.
    """
    issuer = _issuer()
    with unit_of_work() as db:
        admin = _found(db, email)
        company_accounts.link(
            db,
            admin,
            issuer=issuer,
            subject=subject,
            by=None,
            provenance=OPERATOR,
            now=now(),
        )
    click.echo(f"{admin.email} may sign in as {subject} of {issuer}.")


@commands.command("unlink")
@click.argument("email")
def unlink(email: str) -> None:
    """Let no company account sign in as the admin with the address EMAIL."""
    issuer = _issuer()
    with unit_of_work() as db:
        admin = _found(db, email)
        company_accounts.unlink(db, admin, issuer=issuer, by=None, provenance=OPERATOR, now=now())
    click.echo(f"{admin.email} has no company account any more.")


def _typed_password() -> str:
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


def _issuer() -> str:
    company = settings().company
    if company is None:
        raise click.ClickException("UNDERSTUDY_OIDC_ISSUER is not set.")
    return company.issuer


def _found(db: Session, email: str) -> Admin:
    admin = admin_by_email(db, email)
    if admin is None:
        raise click.ClickException("There is no admin with this e-mail address.")
    return admin
