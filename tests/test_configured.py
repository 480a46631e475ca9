"""What the settings describe."""

from dataclasses import replace

import pytest

from app import configured
from app.config import BadSetting, Config
from app.web.application import create_admin_app


def test_a_site_that_moves_signs_as_itself(config: Config) -> None:
    """Else its own checkpoints would look like somebody else's."""
    moved = replace(config, admin_url="http://localhost:18080")
    assert configured.checkpoints(moved).key.verifier == configured.checkpoints(config).key.verifier


@pytest.mark.requirement("K1")
def test_working_hours_that_are_none_stop_the_start(config: Config) -> None:
    good = replace(config, working_hours="mon-fri 08:00-18:00 Europe/Copenhagen")
    assert configured.start_limits(good).working_hours is not None
    with pytest.raises(BadSetting, match="UNDERSTUDY_WORKING_HOURS must be such as"):
        create_admin_app(replace(config, working_hours="nine to five"))


def test_alerts_are_sent_beside_the_copies(config: Config) -> None:
    alerts = replace(
        config,
        audit_log_file=None,
        alert_webhook_url="https://pager.example.com/",
        alert_webhook_secrets=(b"t" * 24,),
    )
    (target,) = configured.copy_targets(alerts)
    assert target.name == "alerts to https://pager.example.com"
    assert target.topics == frozenset({"alert.raised", "audit.doubted"})
