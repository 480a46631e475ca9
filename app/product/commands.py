"""`flask --app app.product.wsgi:application letterbox …`: the operator's commands."""

import time

import click
from flask import Flask
from flask.cli import AppGroup

from app.product import demo
from app.product.clock import current_time
from app.product.database import Database


def register(app: Flask, database: Database) -> None:
    group = AppGroup("letterbox", help="Look after Letterbox, the sample product.")

    @group.command("load-demo")
    def load_demo() -> None:
        """Load the demo accounts, members and templates, once."""
        _load_demo(database)

    app.cli.add_command(group)


def _load_demo(database: Database) -> None:
    started = time.perf_counter()
    with database.session(writing=True) as db, db.begin():
        if demo.is_loaded(db):
            click.echo("Letterbox has its data already; nothing was changed.")
            return
        with click.progressbar(length=demo.count_accounts(), label="Letterbox demo data") as bar:
            demo.load(db, now=current_time(), on_account=lambda: bar.update(1))
    click.echo(f"Letterbox demo data is in, after {time.perf_counter() - started:.1f} s.")
