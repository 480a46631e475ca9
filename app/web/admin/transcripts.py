"""A session as plain text, to be put into a ticket."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from app.domain.audit_archives import Absent
from app.storage.audit_trail import AuditEvent
from app.storage.impersonations import Impersonation
from app.web.event_details import exact
from app.web.event_sentences import duration, lines
from app.web.plain_text import one_line
from app.web.session_heads import Head, head_of

WIDTH = 9


def transcript(
    impersonation: Impersonation,
    events: Sequence[AuditEvent],
    *,
    absent: Absent | None,
    site: str,
    now: datetime,
) -> str:
    """Return the session from start to end, one event a line; `site` is where it was read.

    `absent` are the events that have left the table.
    """
    head = head_of(impersonation, events)
    labelled = _facts(impersonation, head)
    facts = [f"{label + ':':<{WIDTH}} {one_line(text)}" for label, text in labelled]
    told = [_told(line.event, line.plain) for line in lines(events, is_whole=True)]
    gaps = [*head.gaps]
    if absent and head.lacks_start:
        gaps.append(f"{absent.sentence} {site}/audit/archives lists them.")
    sections = [["Impersonation session"], facts, gaps, told, list(_end(events, site, now))]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _facts(impersonation: Impersonation, head: Head) -> Iterator[tuple[str, str]]:
    admin, member, account = impersonation.impersonator, impersonation.target, impersonation.account
    yield "Session", impersonation.id
    yield "Admin", f"{admin.name} <{admin.email}>, id {admin.id}"
    yield "Member", f"{member.name} <{member.email}>, id {member.id}"
    yield "Account", f"{account.name}, id {account.id}"
    yield "Reason", head.start.reason or "none given"
    yield "Ticket", head.start.ticket_url or "none given"
    yield "Started", exact(head.start.at)
    if head.end is None:
        yield "Ends", f"{exact(head.start.ends_by)} at the latest"
        return
    yield "Ended", f"{exact(head.end.at)}, after {duration(head.end.seconds)}"
    yield "Why", head.end.why


def _told(event: AuditEvent, sentence: str) -> str:
    return f"{exact(event.at)}  #{event.id}  {sentence}"


def _end(events: Sequence[AuditEvent], site: str, now: datetime) -> Iterator[str]:
    yield f"Read on {site} at {exact(now)}."
    if not events:
        yield "None of its events is in the database."
        return
    yield f"Event {events[-1].id} has the hash {events[-1].hash.hex()}."
    yield "It covers every event up to it, and nothing here that is not from an event."
