"""A session as plain text, to be put into a ticket."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from app.storage.audit_trail import AuditEvent
from app.storage.impersonations import Impersonation
from app.web.end_sentences import end_sentence
from app.web.event_details import exact
from app.web.event_sentences import duration, lines
from app.web.plain_text import one_line

WIDTH = 9


def transcript(
    impersonation: Impersonation, events: Sequence[AuditEvent], *, site: str, now: datetime
) -> str:
    """Return the session from start to end, one event a line; `site` is where it was read."""
    facts = [f"{label + ':':<{WIDTH}} {one_line(text)}" for label, text in _facts(impersonation)]
    told = [_told(line.event, line.plain) for line in lines(events, is_whole=True)]
    parts = ["Impersonation session", "", *facts, "", *told, "", *_end(events, site, now)]
    return "\n".join(parts) + "\n"


def _facts(impersonation: Impersonation) -> Iterator[tuple[str, str]]:
    admin, member, account = impersonation.impersonator, impersonation.target, impersonation.account
    yield "Session", impersonation.id
    yield "Admin", f"{admin.name} <{admin.email}>, id {admin.id}"
    yield "Member", f"{member.name} <{member.email}>, id {member.id}"
    yield "Account", f"{account.name}, id {account.id}"
    yield "Reason", impersonation.reason or "none given"
    yield "Ticket", impersonation.ticket_url or "none given"
    yield "Started", exact(impersonation.started_at)
    ended_at = impersonation.ended_at
    if ended_at is None:
        yield "Ends", f"{exact(impersonation.expires_at)} at the latest"
        return
    seconds = int((ended_at - impersonation.started_at).total_seconds())
    yield "Ended", f"{exact(ended_at)}, after {duration(seconds)}"
    yield "Why", end_sentence(impersonation)


def _told(event: AuditEvent, sentence: str) -> str:
    return f"{exact(event.at)}  #{event.id}  {sentence}"


def _end(events: Sequence[AuditEvent], site: str, now: datetime) -> Iterator[str]:
    yield f"Read on {site} at {exact(now)}."
    if events:
        yield f"Event {events[-1].id} has the hash {events[-1].hash.hex()}."
