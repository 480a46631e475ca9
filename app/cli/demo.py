"""flask demo …"""

from collections.abc import Iterator, Sequence

import click
from flask.cli import AppGroup

from app.cli.settings import now, opened_database, settings, unit_of_work
from app.config import Config
from app.demo import clients, customers, history, people, sessions
from app.domain.audit_trail import OPERATOR
from app.domain.directory import Tally
from app.domain.directory_loads import Load, work_of
from app.domain.directory_reading import Reading
from app.storage.database import Database
from app.storage.directory import ACCOUNTS, MEMBERS, Kind, Record
from app.storage.directory_stage import Stage

KINDS = (ACCOUNTS, MEMBERS)
# One short transaction each: whoever looks around meanwhile does not wait for all of it.
SESSIONS = 500

commands = AppGroup("demo", help="Sample data to look around in.")


@commands.command("load")
def load() -> None:
    """Add the demo's admins and two weeks of past sessions, once."""
    _demo_settings()
    with unit_of_work() as db:
        if people.are_here(db):
            click.echo("The demo data is here already.")
            return
        people.add(db, now=now() - sessions.SPAN)
        count = sessions.tell(db, now=now())
    click.echo(f"Added {len(people.PEOPLE)} admins and {count} past sessions.")


@commands.command("seed")
@click.option("--accounts", "account_count", type=click.IntRange(1), default=100_000)
@click.option("--members", "member_count", type=click.IntRange(0), default=1_000_000)
@click.option("--events", "event_count", type=click.IntRange(0), default=1_000_000)
def seed(account_count: int, member_count: int, event_count: int) -> None:
    """Add accounts, members and a past, to see how the site feels at size.

    The same numbers give the same data. What was broken off goes on where it stopped.
    """
    with opened_database(_demo_settings()) as database:
        with database.unit_of_work(writing=True) as db:
            if not people.are_here(db):
                people.add(db, now=now() - history.SPAN)
        tally = _load(database, account_count, member_count)
        told = _tell(database, history.sessions_for(event_count))
    click.echo(f"Added {tally.added:,} accounts and members, and {told:,} events of past sessions.")


@commands.command("clients")
def show_clients() -> None:
    """Make API clients of every dialect, and print what they need as KEY=value lines.

    Their secrets are shown this once: running it again makes others and revokes these.
    """
    config = _demo_settings()
    with unit_of_work() as db:
        told = clients.replace(
            db, admin_url=config.admin_url, product_url=config.product_url, now=now()
        )
    for name, value in told.items():
        click.echo(f"{name}={value}")


def _demo_settings() -> Config:
    config = settings()
    if not config.demo:
        raise click.ClickException("UNDERSTUDY_DEMO is not 1: this is no demo.")
    return config


def _load(database: Database, account_count: int, member_count: int) -> Tally:
    told: Sequence[tuple[Kind, Iterator[Record], int]] = (
        (ACCOUNTS, customers.accounts(account_count), account_count),
        (MEMBERS, customers.members(account_count, member_count), member_count),
    )
    with Stage() as stage:
        for kind, records, count in told:
            with click.progressbar(records, length=count, label=f"Inventing {kind.name}") as bar:
                for number, record in enumerate(bar):
                    stage.put(kind, str(number), record)
        with click.progressbar(length=account_count + member_count, label="Writing them") as done:
            work = work_of(database, clock=now, provenance=OPERATOR, progress=done.update)
            return Load(Reading(stage, KINDS), work, source="the demo at size").write()


def _tell(database: Database, count: int) -> int:
    """Add so many past sessions; return how many events that were."""
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    with database.unit_of_work(writing=False) as db:
        past = history.Past(
            sessions=count,
            impersonators=people.superadmins(db),
            targets=sessions.targets(db, limit=history.TARGETS),
            until=midnight,
        )
    added = 0
    with click.progressbar(range(0, count, SESSIONS), label="Sessions") as starts:
        for start in starts:
            with database.unit_of_work(writing=True) as db:
                added += past.tell(db, range(start, min(start + SESSIONS, count)))
    return added
