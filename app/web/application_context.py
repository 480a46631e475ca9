"""What belongs to the running application rather than to the request."""

from contextlib import AbstractContextManager
from typing import Protocol, cast

from flask import current_app
from sqlalchemy.orm import Session

from app.config import Config
from app.domain.audit_export_events import Reading
from app.domain.checkpointing import Checkpoints
from app.domain.company_provider import Provider
from app.domain.company_rules import CompanyRules
from app.domain.factors import Lock
from app.domain.start_limits import StartLimits
from app.domain.step_up import Rules
from app.domain.tokens import Tokens
from app.web.allowances import Allowances
from app.web.writing_probe import WritingProbe


class UnitOfWork(Protocol):
    """Opens a transaction: leaving it commits, raising rolls back."""

    def __call__(self, *, writing: bool) -> AbstractContextManager[Session]: ...


def settings() -> Config:
    """Return the settings the site was started with."""
    return cast("Config", current_app.extensions["settings"])


def tokens() -> Tokens:
    """Return what issues and verifies impersonation tokens."""
    return cast("Tokens", current_app.extensions["tokens"])


def start_limits() -> StartLimits:
    """Return how many sessions an admin may start, and what is unusual."""
    return cast("StartLimits", current_app.extensions["start_limits"])


def allowances() -> Allowances:
    """Return what this worker knows of how many requests each API key may still send."""
    return cast("Allowances", current_app.extensions["allowances"])


def company_provider() -> Provider | None:
    """Return the company's identity provider, None where there is none."""
    return cast("Provider | None", current_app.extensions["company_provider"])


def company_rules() -> CompanyRules:
    """Return what the word of the company's provider is worth."""
    return cast("CompanyRules", current_app.extensions["company_rules"])


def reading() -> Reading:
    """Return what opens a transaction for reading, for an answer that outlives its request's."""
    return cast("Reading", current_app.extensions["reading"])


def transaction(*, writing: bool) -> AbstractContextManager[Session]:
    """Open a transaction for what comes before that of the request."""
    unit_of_work: UnitOfWork = current_app.extensions["unit_of_work"]
    return unit_of_work(writing=writing)


def writing_probe() -> WritingProbe:
    """Return what tries whether the database can be written to."""
    return cast("WritingProbe", current_app.extensions["writing_probe"])


def checkpoints() -> Checkpoints:
    """Return what signs checkpoints of the audit trail."""
    return cast("Checkpoints", current_app.extensions["checkpoints"])


def factor_lock() -> Lock:
    """Return what second factors are checked with."""
    return cast("Lock", current_app.extensions["factor_lock"])


def step_up_rules() -> Rules:
    """Return how fresh the proof of a factor has to be, and whether every admin needs one."""
    return Rules(settings().step_up_after, settings().second_factor_required)
