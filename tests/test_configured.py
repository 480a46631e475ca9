"""What the settings describe."""

from dataclasses import replace

from app import configured
from app.config import Config


def test_a_site_that_moves_signs_as_itself(config: Config) -> None:
    """Else its own checkpoints would look like somebody else's."""
    moved = replace(config, admin_url="http://localhost:18080")
    assert configured.checkpoints(moved).key.verifier == configured.checkpoints(config).key.verifier
