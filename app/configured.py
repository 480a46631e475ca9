"""What the domain needs and the settings describe."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from app.config import BadSetting, Config
from app.domain import factor_keys, signing_keys
from app.domain.alerts import ALERTS
from app.domain.audit_copies import Target
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import CheckpointKey
from app.domain.company_provider import Provider
from app.domain.company_rules import CompanyRules
from app.domain.directory_reading import Unusable
from app.domain.directory_sync import Source
from app.domain.factors import Lock
from app.domain.passkeys import RelyingParty
from app.domain.start_limits import StartLimits, WorkingHours
from app.outgoing.log_file import LogFile
from app.outgoing.openid import OpenIDProvider
from app.outgoing.syslog import Syslog
from app.outgoing.webhook import Webhook
from app.sources.settings import read_settings


def checkpoints(settings: Config) -> Checkpoints:
    """Return what signs and keeps checkpoints; raise UnusableKey if the key cannot be used."""
    # Named after the key and not the address: a site that moves is not taken for another's.
    key = signing_keys.load(settings.checkpoint_key_file)
    return Checkpoints(
        key=CheckpointKey(f"understudy/audit/{key.kid}", key),
        file=settings.checkpoint_file,
        every_events=settings.checkpoint_events,
        every=settings.checkpoint_every,
    )


def company_provider(settings: Config) -> Provider | None:
    """Return the company's identity provider, None where there is none."""
    company = settings.company
    if company is None:
        return None
    return OpenIDProvider(company.issuer, company.client_id, company.client_secret)


def company_rules(settings: Config) -> CompanyRules:
    """Return what the word of the company's provider is worth: without one, nothing."""
    company = settings.company
    if company is None:
        return CompanyRules()
    return CompanyRules(
        issuer=company.issuer,
        role_claim=company.role_claim,
        superadmins=company.superadmins,
        admins=company.admins,
        strong_amr=company.strong_amr,
        strong_acr=company.strong_acr,
    )


def factor_lock(settings: Config) -> Lock:
    """Return what second factors are checked with; raise UnusableKey if the key cannot be used."""
    return Lock(factor_keys.load(settings.factor_key_file), RelyingParty(settings.admin_url))


def copy_targets(settings: Config) -> Sequence[Target]:
    """Return the places that get copies of the trail, and that which is told of alerts."""
    targets: list[Target] = []
    if settings.audit_log_file:
        targets.append(LogFile(settings.audit_log_file))
    if settings.audit_syslog:
        targets.append(Syslog(settings.audit_syslog, urlsplit(settings.admin_url).hostname or ""))
    if settings.audit_webhook_url:
        targets.append(
            _webhook(
                settings.audit_webhook_url,
                settings.audit_webhook_secrets,
                private=settings.audit_webhook_private,
            )
        )
    if settings.alert_webhook_url:
        targets.append(
            _webhook(
                settings.alert_webhook_url,
                settings.alert_webhook_secrets,
                private=settings.alert_webhook_private,
                topics=ALERTS,
            )
        )
    return targets


def start_limits(settings: Config) -> StartLimits:
    """Return how many sessions an admin may start, and what is unusual; raise BadSetting."""
    hours = settings.working_hours
    try:
        working_hours = WorkingHours.parse(hours) if hours else None
    except ValueError as error:
        raise BadSetting(
            "UNDERSTUDY_WORKING_HOURS must be such as mon-fri 08:00-18:00 Europe/Copenhagen."
        ) from error
    return StartLimits(
        per_hour=settings.starts_per_hour,
        unusual_per_hour=settings.alert_starts_per_hour,
        unusual_per_day=settings.alert_starts_per_day,
        working_hours=working_hours,
    )


def _webhook(
    url: str, secrets: tuple[bytes, ...], *, private: bool, topics: frozenset[str] | None = None
) -> Webhook:
    # Over http the settings let nothing pass but the demo's own machine.
    return Webhook(url, secrets, private=private or url.startswith("http://"), topics=topics)


def directory_source(settings: Config, environ: Mapping[str, str]) -> Source | None:
    """Return what the directory is kept in step with, None for nothing; raise BadSetting."""
    if settings.directory_sync is None:
        return None
    try:
        return read_settings(settings.directory_sync, environ)
    except Unusable as error:
        raise BadSetting(f"UNDERSTUDY_DIRECTORY_SYNC: {error.sentence}") from error
