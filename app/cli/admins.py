"""flask admins …"""

import click
from flask.cli import AppGroup

from app.cli.settings import now, unit_of_work
from app.domain import admins, factor_resets
from app.domain.audit_trail import OPERATOR
from app.storage.admins import Role, admin_by_email

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
@click.password_option(help="Asked for when it is not given.")
def create(email: str, name: str, role: str, password: str) -> None:
    """Add an admin with the address EMAIL."""
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


@commands.command("reset-factors")
@click.argument("email")
def reset_factors(email: str) -> None:
    """Remove all second factors of the admin with the address EMAIL, who has lost them.

    They are signed out everywhere, and a session of theirs ends.
    """
    with unit_of_work() as db:
        admin = admin_by_email(db, email)
        if admin is None:
            raise click.ClickException("There is no admin with this e-mail address.")
        count = factor_resets.reset(db, admin, by=None, provenance=OPERATOR, now=now())
    click.echo(f"Removed {count} second factors of {admin.email}.")
