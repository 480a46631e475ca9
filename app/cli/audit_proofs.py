"""flask audit prove, prove-consistency, check-proof"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from app.cli.settings import now, opened_database, settings
from app.cli.trail import (
    TAMPERED_STATUS,
    PublicKey,
    checkpoint_files,
    checkpoints_of,
    kept_in,
    tampering_told,
)
from app.domain import audit_proofs
from app.domain.audit_proofs import BadProof, Proof
from app.domain.audit_trail import OPERATOR
from app.domain.checkpoints import VerifierKey

OWN_KEY = (
    "The key came with the proof: have it from elsewhere and give it with --key, or whoever made"
    " the proof may have made the key as well."
)
# What is there to be worked out and compared, not to be read.
UNTOLD = frozenset({"words", "salt", "words_digest", "previous_hash", "hash"})


@click.command("prove")
@click.argument("number", metavar="EVENT", type=int)
@click.option("--size", type=int, help="Prove it against the checkpoint of so many events.")
@click.option("--without-words", is_flag=True, help="Leave out names and what people wrote.")
def prove(number: int, size: int | None, without_words: bool) -> None:
    """Print the proof that EVENT, by its number, is in the trail: for a customer to keep.

    It holds that event, a signed checkpoint and hashes, and nothing of any other event. It is
    recorded that it was taken.
    """
    config = settings()
    trail = checkpoints_of(config)
    with opened_database(config) as database, tampering_told():
        with database.unit_of_work(writing=True) as db:
            proof = audit_proofs.prove_event(
                db,
                number,
                trail=trail,
                size=size,
                with_words=not without_words,
                by="flask audit prove",
                provenance=OPERATOR,
                now=now(),
            )
            newest = trail.latest(db)
        if newest:
            trail.keep(newest)
    _print(proof)


@click.command("prove-consistency")
@click.argument("old", type=int)
@click.argument("new", type=int, required=False)
def prove_consistency(old: int, new: int | None) -> None:
    """Print the proof that the trail of NEW events begins with that of OLD events.

    Both are sizes of checkpoints; without NEW it is the newest. It holds hashes alone.
    """
    config = settings()
    trail = checkpoints_of(config)
    with (
        opened_database(config) as database,
        tampering_told(),
        database.unit_of_work(writing=False) as db,
    ):
        proof = audit_proofs.prove_consistency(db, old, new, trail=trail)
    _print(proof)


@click.command("check-proof")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", type=PublicKey(), help="The public key of the trail, or a file of it.")
@checkpoint_files
def check_proof(file: Path, key: VerifierKey | None, files: Sequence[Path]) -> None:
    """Check a proof in FILE, without database or settings; end with status 1 if it fails."""
    try:
        proof = Proof.parse(file.read_text(encoding="utf-8"))
        trusted = key or proof.key
        checked = proof.check(trusted, kept_in(files, trusted))
    except (BadProof, OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file}: {error}") from error
    click.echo(f"{'Good' if checked.good else 'FALSE'}: {checked.sentence}")
    for line in _told(checked.event) if checked.event else []:
        click.echo(line)
    if key is None:
        click.echo(OWN_KEY, err=True)
    if not checked.good:
        sys.exit(TAMPERED_STATUS)


def _told(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the proof covers, a line each, so that nobody has to read it from the file."""
    told = {**event, **(event["words"] or {})}
    for name, value in told.items():
        if name not in UNTOLD and value is not None:
            yield f"  {name}: {json.dumps(value, sort_keys=True)}"


def _print(proof: dict[str, Any]) -> None:
    click.echo(json.dumps(proof, indent=2))
