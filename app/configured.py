"""What the domain needs and the settings describe."""

from app.config import Config
from app.domain import signing_keys
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import CheckpointKey


def checkpoints(settings: Config) -> Checkpoints:
    """Return what signs and keeps checkpoints; raise UnusableKey if the key cannot be used."""
    # Whoever checks a checkpoint sees which site it is of.
    name = f"{settings.admin_host}/audit"
    return Checkpoints(
        key=CheckpointKey(name, signing_keys.load(settings.checkpoint_key_file)),
        file=settings.checkpoint_file,
        every_events=settings.checkpoint_events,
        every=settings.checkpoint_every,
    )
