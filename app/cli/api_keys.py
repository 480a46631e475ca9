"""flask api-keys …"""

import click
from flask.cli import AppGroup

from app.cli.settings import now, unit_of_work
from app.domain import api_keys
from app.domain.audit_trail import OPERATOR
from app.domain.permissions import Scope

commands = AppGroup("api-keys", help="Keys for programs, such as a product app.")


@commands.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    default=[Scope.PRODUCT.value],
)
def create(name: str, scopes: tuple[str, ...]) -> None:
    """Make a key called NAME and print its secret: it is shown this once."""
    with unit_of_work() as db:
        _, secret = api_keys.create(
            db, name=name, scopes=list(scopes), by=None, provenance=OPERATOR, now=now()
        )
    click.echo(secret)
