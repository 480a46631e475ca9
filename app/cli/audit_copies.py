"""flask audit copies"""

import sys

import click

from app import configured
from app.cli.settings import opened_database, settings
from app.domain import audit_copies
from app.domain.audit_copies import Copy

PROBLEM_STATUS = 1


@click.command("copies")
def copies() -> None:
    """Print how far the copies of the trail are; end with status 1 if one has a problem.

    The worker sends them, to the places that UNDERSTUDY_AUDIT_LOG_FILE, …_SYSLOG and
    …_WEBHOOK_URL name.
    """
    config = settings()
    names = [target.name for target in configured.copy_targets(config)]
    with opened_database(config) as database, database.unit_of_work(writing=False) as db:
        found = audit_copies.copies(db, names)
    if not found:
        click.echo("No copies are set up.")
    for copy in found:
        click.echo(_sentence(copy))
    if any(copy.problem for copy in found):
        sys.exit(PROBLEM_STATUS)


def _sentence(copy: Copy) -> str:
    # Of one that is ahead nobody knows how far it is behind.
    behind = "" if copy.is_ahead else f", {copy.behind:,} behind"
    place = f"{copy.target}: at event {copy.last_event_id:,}{behind}"
    if copy.at is None:
        return f"{place}, nothing sent yet."
    at = copy.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    if copy.problem:
        return f"{place}. PROBLEM since {at}: {copy.problem}."
    return f"{place}, last sent {at}."
