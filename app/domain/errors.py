"""What the domain raises. Each carries a sentence for people and a code for programs."""

from datetime import timedelta

from app.storage.audit_trail import AuditEvent


class DomainError(Exception):
    """Something a caller asked for cannot be done; nothing of it has been done."""

    code = "error"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Refused(DomainError):
    """The rules forbid it.

    `event` is recorded after the rollback, in a transaction of its own: a refusal is part of the
    trail although the act left nothing behind.
    """

    code = "refused"

    def __init__(self, sentence: str, *, code: str, event: AuditEvent | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.event = event


class Halted(Refused):
    """The rules would allow it, but something has to be put right first."""


class Throttled(Refused):
    """It has been done so often that whoever asks has to wait; `retry_after` is for how long."""

    def __init__(
        self,
        sentence: str,
        *,
        retry_after: timedelta,
        code: str = "throttled",
        event: AuditEvent | None = None,
    ) -> None:
        super().__init__(sentence, code=code, event=event)
        self.retry_after = retry_after


class Conflict(DomainError):
    """It has been done already, or something else stands where it should go."""

    code = "conflict"


class Reused(DomainError):
    """What is to name one request has come with another before."""

    code = "idempotency_key_reused"


class Invalid(DomainError):
    """A value is not what it should be."""

    code = "invalid"


class Absent(DomainError):
    """There is no such thing, and there has been none."""

    code = "not_found"


class Gone(DomainError):
    """It was here once."""

    code = "gone"
