"""Each event as the one sentence that a person would say: on pages and in plain text alike.

A sentence is a list of parts. What came from outside is always a part of its own, never among our
words, so that a page can escape, isolate and link it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

from flask import current_app

from app.domain.audit_scan import Finding
from app.domain.audit_trail import OPERATOR, AuditAction
from app.domain.policies import Refusal
from app.storage.audit_trail import ERASED, AuditEvent
from app.web.event_words import SENTENCES, VARIANTS
from app.web.plain_text import one_line

Kind = Literal["words", "name", "quote", "code", "session", "status"]

MINUTE = 60
SECOND = 1000
UNREADABLE = "This event cannot be read: it is not what was recorded."
ROLES = {"superadmin": "a superadmin", "admin": "an admin"}
FIELDS = {
    "account_id": "account",
    "created_at": "time of creation",
    "email": "e-mail address",
    "external_id": "id at its source",
    "impersonation_allowed": "leave to impersonate",
    "protected": "protection",
    "user_name": "user name",
}
PROOFS = {
    "password": "a password",
    "passkey": "a passkey",
    "company": "the company's sign-in",
    "totp": "an authenticator app",
    "recovery_code": "a recovery code",
}
WHILES = {15: "a quarter of an hour", 60: "an hour", 480: "eight hours", 1440: "a day"}
UNKNOWN_ACTORS = {"stranger": "Somebody", "program": "A program"}
VERIFIERS = {"worker": "the worker"}
FILTERS = {
    "text": "words",
    "actor": "admin",
    "subject": "member",
    "account": "account",
    "impersonation": "session",
    "action": "action",
    "outcome": "outcome",
    "since": "from",
    "until": "to",
}


class Part(NamedTuple):
    """A piece of a sentence; `endpoint` and `id` say where it leads, if anywhere.

    "words" are ours, and so are those of a link to a "session"; the rest comes from outside.
    """

    text: str
    kind: Kind = "words"
    endpoint: str = ""
    id: str = ""

    @property
    def url(self) -> str | None:
        """Where it leads."""
        return page_of(self.endpoint, self.id) if self.endpoint and self.id else None

    @property
    def plain(self) -> str:
        """The part on one line of plain text."""
        if self.kind == "words":
            return self.text
        text = one_line(self.text)
        return f"“{text}”" if self.kind == "quote" else text


Parts = list[Part]


@dataclass(frozen=True)
class Line:
    """What one line tells: an event, with how it went if that is known and another event."""

    event: AuditEvent
    finished: AuditEvent | None = None
    is_unanswered: bool = False

    @property
    def events(self) -> list[AuditEvent]:
        """The event and, if there is one, that which says how it went."""
        return [self.event, *([self.finished] if self.finished else [])]

    @property
    def sentence(self) -> Parts:
        """What happened; of an event that has been tampered with, that it cannot be read."""
        try:
            return list(_parts(self))
        except (ValueError, TypeError, AttributeError):
            return [Part(UNREADABLE)]

    @property
    def plain(self) -> str:
        """The sentence on one line of plain text."""
        return "".join(part.plain for part in self.sentence)


def lines(events: Iterable[AuditEvent], *, is_whole: bool = False) -> list[Line]:
    """Return what to tell of the events, in their order: an action and how it went are one line.

    `is_whole` says that nothing can be missing: an action whose end is not here was not answered.
    """
    events = list(events)
    by_action = {
        _action_id(one): one for one in events if one.action == AuditAction.ACTION_FINISHED
    }
    recorded = {_action_id(one) for one in events if one.action == AuditAction.ACTION_RECORDED}
    told = []
    for event in events:
        if event.action == AuditAction.ACTION_RECORDED:
            finished = by_action.get(_action_id(event))
            told.append(Line(event, finished, is_unanswered=is_whole and finished is None))
        elif event.action != AuditAction.ACTION_FINISHED or _action_id(event) not in recorded:
            told.append(Line(event))
    return told


# A page of the trail asks for hundreds, and the same few people again and again.
@lru_cache(maxsize=1024)
def page_of(endpoint: str, id_: str) -> str:
    """Return the address of the page of one of them, whose noun the endpoint names."""
    noun = endpoint.partition(".")[0].removesuffix("s")
    ids: dict[str, Any] = {f"{noun}_id": id_}
    # The application's own: Flask's takes twice as long to get there.
    return current_app.url_for(endpoint, **ids)


def duration(seconds: int) -> str:
    """Return a length of time in words: "12 min 3 s"."""
    return f"{seconds // MINUTE} min {seconds % MINUTE} s" if seconds >= MINUTE else f"{seconds} s"


def _parts(line: Line) -> Iterator[Part]:
    for words, place, spec in _places(_sentence(line.event)):
        if words:
            yield Part(words)
        if place in OF_LINE:
            yield from OF_LINE[place](line)
        elif place in OF_EVENT:
            yield from OF_EVENT[place](line.event, spec or "")
        elif place:
            yield _value(line.event, place)


# There are hundreds of sentences, and a page has a few of them again and again.
@lru_cache(maxsize=256)
def _places(sentence: str) -> Sequence[tuple[str, str | None, str | None]]:
    return [(words, place, spec) for words, place, spec, _ in Formatter().parse(sentence)]


def _sentence(event: AuditEvent) -> str:
    details = event.details
    variants = (details.get(name) for name in ("why", "allowed", "format", "kind"))
    variant = next((one for one in variants if one is not None), None)
    # An action that this version does not know is told by its name.
    unknown = f"{{actor}}: {event.action.replace('{', '{{').replace('}', '}}')}."
    known = SENTENCES.get(event.action, unknown)
    return VARIANTS.get((event.action, variant), known) if _is_plain(variant) else known


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool)


def _action_id(event: AuditEvent) -> object:
    try:
        return str(_detail(event, "action_id"))
    except (ValueError, TypeError, AttributeError):
        return event.id


def _detail(event: AuditEvent, name: str) -> Any:
    # Not details[name]: what somebody has rewritten may lack anything.
    value = event.details.get(name)
    return value if value is not None else (ERASED if event.is_erased else "?")


def _value(event: AuditEvent, name: str) -> Part:
    value = _detail(event, name)
    return Part(f"{value:,}") if isinstance(value, int) else Part(str(value), "name")


def _actor(event: AuditEvent, _: str) -> Parts:
    if event.actor_id:
        return [Part(event.actor_name or event.actor_id, "name", "admins.show", event.actor_id)]
    if event.actor_kind in UNKNOWN_ACTORS:
        return [Part(UNKNOWN_ACTORS[event.actor_kind])]
    is_operator = event.user_agent == OPERATOR.user_agent and not event.address
    return [Part("The operator" if is_operator else "Understudy")]


def _subject(event: AuditEvent, _: str) -> Parts:
    id_ = event.subject_id
    return [
        Part(
            event.subject_name or id_ or "somebody",
            "name",
            "members.show" if id_ else "",
            id_ or "",
        )
    ]


def _account(event: AuditEvent, _: str) -> Parts:
    id_ = event.account_id
    name = event.account_name or id_ or "?"
    return [Part(name, "name", "accounts.show" if id_ else "", id_ or "")]


def _whom(event: AuditEvent, _: str) -> Parts:
    # A start that was refused before anybody was looked for names none.
    account = [Part(" of "), *_account(event, "")] if event.account_id else []
    return [*_subject(event, ""), *account]


def _admin(event: AuditEvent, _: str) -> Parts:
    return [
        Part(str(_detail(event, "admin")), "name", "admins.show", str(_detail(event, "admin_id")))
    ]


def _session(event: AuditEvent, words: str) -> Parts:
    id_ = event.impersonation_id
    return [Part(words, "session", "impersonations.show", id_) if id_ else Part(words)]


def _at(event: AuditEvent, preposition: str) -> Parts:
    if not event.address:
        return []
    return [Part(f" {preposition or 'at'} "), Part(event.address, "name")]


def _as_email(event: AuditEvent, _: str) -> Parts:
    email = str(_detail(event, "email"))
    return [Part(" as "), Part(email, "name")] if email else []


def _proof(event: AuditEvent, _: str) -> Parts:
    # It was not recorded from the start.
    proofs = str(event.details.get("proof", ""))
    return [Part(" with "), *_proofs(proofs)] if proofs else []


def _factor(event: AuditEvent, _: str) -> Parts:
    told = event.details.get("factor", event.details.get("kind"))
    return _proofs(str(told if told is not None else "?"))


def _proofs(names: str) -> Parts:
    parts = []
    for number, name in enumerate(names.split("+")):
        known = PROOFS.get(name)
        parts.append(Part(" and " if number else ""))
        parts.append(Part(known) if known else Part(name, "name"))
    return parts


def _reason(event: AuditEvent, _: str) -> Parts:
    return [Part(": "), Part(event.reason, "quote")] if event.reason else [Part(".")]


def _request(event: AuditEvent, _: str) -> Parts:
    return [Part(f"{_detail(event, 'method')} {_detail(event, 'path')}", "code")]


def _opened(event: AuditEvent, _: str) -> Parts:
    reads = _detail(event, "method") in ("GET", "HEAD")
    return [Part("opened" if reads else "sent")]


def _refusal(event: AuditEvent, _: str) -> Parts:
    why = str(_detail(event, "why"))
    if why not in set(Refusal):
        return [Part(why.replace("_", " "), "name")]
    sentence = Refusal(why).sentence
    return [Part(sentence[0].lower() + sentence[1:])]


def _through(event: AuditEvent, _: str) -> Parts:
    name = str(_detail(event, "through"))
    return [Part(" through the API key "), Part(name, "name")] if name else []


def _acting(event: AuditEvent, _: str) -> Parts:
    if "impersonate" not in str(_detail(event, "scope")).split():
        return []
    if not _detail(event, "admin_id"):
        return [Part(", in the name of any superadmin")]
    return [Part(", in the name of "), *_admin(event, "")]


def _role(event: AuditEvent, _: str) -> Parts:
    role = str(_detail(event, "role"))
    return [Part(ROLES[role]) if role in ROLES else Part(role, "name")]


def _counted(name: str, one: str, several: str) -> Callable[[AuditEvent, str], Parts]:
    def counted(event: AuditEvent, _: str) -> Parts:
        count = _detail(event, name)
        return [Part(one)] if count == 1 else [_value(event, name), Part(f" {several}")]

    return counted


def _seconds(event: AuditEvent, _: str) -> Parts:
    seconds = _detail(event, "seconds")
    return [Part(duration(seconds) if isinstance(seconds, int) else "an unknown time")]


def _subject_there(event: AuditEvent, _: str) -> Parts:
    return [Part(str(_detail(event, "subject")), "name")]


def _times(event: AuditEvent, _: str) -> Parts:
    count = _detail(event, "count")
    return [] if count == 1 else [Part(": "), _value(event, "count"), Part(" times by now")]


def _within(event: AuditEvent, _: str) -> Parts:
    minutes = _detail(event, "minutes")
    if minutes in WHILES:
        return [Part(WHILES[minutes])]
    return [_value(event, "minutes"), Part(" minutes")]


def _status(event: AuditEvent, _: str) -> Parts:
    status = _detail(event, "status")
    return [Part(str(status), "status" if isinstance(status, int) else "name")]


def _milliseconds(event: AuditEvent, _: str) -> Parts:
    took = _detail(event, "milliseconds")
    if not isinstance(took, int):
        return [Part("an unknown time")]
    return [Part(f"{took} ms" if took < SECOND else f"{took / SECOND:.1f} s")]


def _by(event: AuditEvent, _: str) -> Parts:
    return [Part(verifier_of(event), "name")]


def _finding(event: AuditEvent, _: str) -> Parts:
    return [Part(finding_of(event))]


def _page(event: AuditEvent, _: str) -> Parts:
    noun, _, rest = str(_detail(event, "page")).removeprefix("/").partition("/")
    if noun == "impersonations":
        id_, _, form = rest.partition("/")
        session = Part("a session", "session", "impersonations.show", id_)
        return [session, *([Part(" as plain text")] if form else [])]
    return [Part("the list of archives" if rest == "archives" else "the audit trail")]


def _fields(event: AuditEvent, _: str) -> Parts:
    fields = _detail(event, "fields")
    if not isinstance(fields, list):
        return [_value(event, "fields")]
    parts = []
    for number, name in enumerate(fields):
        known = FIELDS.get(str(name))
        parts.append(Part(", " if number else ""))
        parts.append(Part(known) if known else Part(str(name), "name"))
        if name == "status":
            parts += [Part(" (now "), _value(event, "status"), Part(")")]
    return parts


def _names(event: AuditEvent, _: str) -> Parts:
    names = _detail(event, "names")
    if not isinstance(names, list):
        return [_value(event, "names")]
    return [Part(", ".join(map(str, names)).replace("_", " "), "name")]


def _filters(event: AuditEvent, _: str) -> Parts:
    filters = str(_detail(event, "filters"))
    if filters == ERASED:
        return [Part(", filtered by "), Part(ERASED, "name")]
    parts = []
    for number, (name, value) in enumerate(parse_qsl(filters)):
        label = Part(FILTERS[name]) if name in FILTERS else Part(name, "name")
        parts += [
            Part(", " if number else ", filtered by "),
            label,
            Part(" "),
            Part(value, "quote"),
        ]
    return parts


def verifier_of(event: AuditEvent) -> str:
    """Return which program has verified, as an event of that recorded it."""
    by = str(_detail(event, "by"))
    return VERIFIERS.get(by, by)


def finding_of(event: AuditEvent) -> str:
    """Return what verifying has found, as an event of that recorded it."""
    kind, first, last = (_detail(event, name) for name in ("kind", "first", "last"))
    try:
        return Finding(kind, first, last).sentence
    except (KeyError, TypeError):
        return "Something is wrong."


def _answered(line: Line) -> Parts:
    if line.is_unanswered:
        return [Part(" — how it went has not been reported")]
    if line.finished is None:
        return []
    took = _milliseconds(line.finished, "")
    return [Part(" — answered "), *_status(line.finished, ""), Part(" in "), *took]


OF_LINE: dict[str | None, Callable[[Line], Parts]] = {"answered": _answered}
OF_EVENT: dict[str | None, Callable[[AuditEvent, str], Parts]] = {
    "account": _account,
    "acting": _acting,
    "actor": _actor,
    "admin": _admin,
    "as_email": _as_email,
    "at": _at,
    "by": _by,
    "events": _counted("events", "one event", "events"),
    "factor": _factor,
    "fields": _fields,
    "filters": _filters,
    "finding": _finding,
    "milliseconds": _milliseconds,
    "names": _names,
    "opened": _opened,
    "page": _page,
    "proof": _proof,
    "reason": _reason,
    "refusal": _refusal,
    "request": _request,
    "role": _role,
    "seconds": _seconds,
    "session": _session,
    "sign_ins": _counted("count", "a sign-in", "sign-ins"),
    "status": _status,
    "subject": _subject,
    "subject_there": _subject_there,
    "through": _through,
    "times": _times,
    "whom": _whom,
    "within": _within,
}
