"""Everything that an event holds, for whoever wants more than its sentence."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from app.storage.audit_trail import ERASED, AuditEvent
from app.web.event_sentences import page_of

# What stands in the details under a name of its own, and is called something else here.
NAMED = {"ticket_url": "Ticket", "sha256": "SHA-256"}
WEB_ADDRESSES = ("https://", "http://")


class Detail(NamedTuple):
    """One thing that an event holds: `name` and `more` for people, `code` to be copied.

    `url` is where the name leads, and may be somebody else's site.
    """

    label: str
    name: str = ""
    more: str = ""
    code: str = ""
    url: str | None = None


def exact(at: datetime) -> str:
    """Return the time as it is hashed, to the microsecond, in UTC."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f UTC")


def details_of(event: AuditEvent) -> list[Detail]:
    """Return all that the event holds; of one that has been tampered with, what can be read."""
    return [one for one in (*_who(event), *_what(event), *_proof(event)) if one.name or one.code]


def _who(event: AuditEvent) -> Iterator[Detail]:
    yield Detail("Time", name=exact(event.at))
    yield Detail("Action", code=event.action)
    yield Detail("Outcome", name=event.outcome.capitalize())
    try:
        people = [
            ("Actor", event.actor_name, event.actor_email, event.actor_id, "admins.show"),
            ("Subject", event.subject_name, event.subject_email, event.subject_id, "members.show"),
            ("Account", event.account_name, None, event.account_id, "accounts.show"),
        ]
        origin = [("Address", event.address), ("Browser", event.user_agent)]
        reason = event.reason or ""
    except (ValueError, TypeError, AttributeError):
        return
    if not event.actor_id:
        yield Detail("Actor", name=event.actor_kind.capitalize())
    for label, name, email, id_, endpoint in people:
        url = page_of(endpoint, id_) if id_ else None
        more = email if email != ERASED else None
        yield Detail(label, name=name or "", more=more or "", code=id_ or "", url=url)
    yield Detail("Session", code=event.impersonation_id or "", url=_session(event))
    for label, text in origin:
        yield Detail(label, name=text)
    yield Detail("Reason", name=reason)
    if event.is_erased:
        yield Detail("Words", name="Erased, on record")


def _what(event: AuditEvent) -> Iterator[Detail]:
    try:
        details = sorted(event.details.items())
    except (ValueError, TypeError, AttributeError):
        yield Detail("Facts", code=event.facts)
        return
    for name, value in details:
        label, text = NAMED.get(name, name.replace("_", " ").capitalize()), str(value)
        url = text if name == "ticket_url" and text.startswith(WEB_ADDRESSES) else None
        yield Detail(label, name=text, url=url) if url else Detail(label, code=text)


def _proof(event: AuditEvent) -> Iterator[Detail]:
    yield Detail("Request", code=event.request_id)
    yield Detail("Number", code=str(event.id))
    yield Detail("Hash", code=event.hash.hex())
    yield Detail("Hash before", code=event.previous_hash.hex())


def _session(event: AuditEvent) -> str | None:
    id_ = event.impersonation_id
    return page_of("impersonations.show", id_) if id_ else None
