"""How a session ended, as a person would say it."""

from app.storage.impersonations import EndReason, Impersonation

SENTENCES = {
    EndReason.EXPIRED: "The twenty minutes are over.",
    EndReason.IMPERSONATOR_ENDED: "{impersonator} ended it from the banner.",
    EndReason.TAB_CLOSED: "The tab was closed.",
    EndReason.WENT_SILENT: "The tab has not been heard of for three minutes.",
    EndReason.NEVER_OPENED: "It was not opened within a minute.",
    EndReason.REPLACED: "{impersonator} started another session.",
    EndReason.ADMIN_ENDED: "{ended_by} ended it from the admin site.",
    EndReason.IMPERSONATOR_LOST_ACCESS: "{impersonator} may no longer impersonate.",
    EndReason.MEMBER_UNAVAILABLE: "The member can no longer be impersonated.",
    EndReason.ACCOUNT_UNAVAILABLE: "The account does not allow impersonation any more.",
    EndReason.PROGRAM_ENDED: "{ended_by} ended it through a program.",
    EndReason.SIGN_IN_ENDED: "A sign-in of {impersonator} was ended.",
    EndReason.TICKET_REUSED: "Its link was used a second time, so somebody else may have it.",
}


def end_sentence(impersonation: Impersonation) -> str:
    """Return why the session ended, or that it has not."""
    if impersonation.end_reason is None:
        return "It is still running."
    ended_by = impersonation.ended_by
    return sentence_of(
        impersonation.end_reason,
        impersonator=impersonation.impersonator.name,
        ended_by=ended_by.name if ended_by else None,
    )


def sentence_of(end_reason: str, *, impersonator: str, ended_by: str | None) -> str:
    """Return the sentence for a reason, with the names of people; ValueError if it is none."""
    sentence = SENTENCES[EndReason(end_reason)]
    return sentence.format(impersonator=impersonator, ended_by=ended_by or "Somebody")
