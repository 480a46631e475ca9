"""What is said of each action: sentences with places for who, whom and what.

`app.web.event_sentences` fills the places; `{session:a session}` is a link in those words.
"""

from app.domain.alerts import AlertKind
from app.domain.audit_trail import AuditAction
from app.domain.company_provider import Failure
from app.domain.company_sign_in import Stranger
from app.storage.impersonations import EndReason

ENDED = "{session:The session} as {whom} ended by itself after {seconds}: "
LINK = "Somebody{at} used the link of {session:a session} as {whom} "
FOLLOWED = "Somebody{at} followed a link to {session:a session} as {whom} "
MANY_STARTS = "{actor} started {count} sessions within {within}, {session:the last} as {whom}."
SENTENCES: dict[str, str] = {
    AuditAction.SIGN_IN_BEGUN: "{actor} began to sign in{at:from}{proof}, and was asked for a "
    "second factor.",
    AuditAction.SIGN_IN_SUCCEEDED: "{actor} signed in{at:from}{proof}.",
    AuditAction.SIGN_IN_FAILED: "Somebody{at} tried to sign in{as_email} and was refused.",
    AuditAction.SIGN_IN_THROTTLED: "Somebody{at} tried to sign in{as_email}, too soon after other "
    "failures{times}.",
    AuditAction.SIGN_IN_ENDED: "{actor} ended {sign_ins} of {admin}.",
    AuditAction.STEP_UP_SUCCEEDED: "{actor} confirmed with {factor} that it was they.",
    AuditAction.STEP_UP_FAILED: "{actor} could not confirm that it was they.",
    AuditAction.FACTOR_ADDED: "{actor} added the second factor {name} ({factor}).",
    AuditAction.PASSWORD_CHANGED: "{actor} changed their password.",
    AuditAction.FACTOR_REMOVED: "{actor} removed the second factor {name} ({factor}).",
    AuditAction.RECOVERY_CODES_MADE: "{actor} made {count} new recovery codes.",
    AuditAction.RECOVERY_CODE_USED: "{actor} used a recovery code. Codes left: {left}.",
    AuditAction.ACCESS_REFUSED: "{actor} asked for {request} and was refused: superadmin access "
    "required.",
    AuditAction.ADMIN_CREATED: "{actor} added {admin} as {role}.",
    AuditAction.ADMIN_ROLE_CHANGED: "{actor} changed the role of {admin} from {before} to {after}.",
    AuditAction.ADMIN_DISABLED: "{actor} disabled {admin}.",
    AuditAction.ADMIN_ENABLED: "{actor} enabled {admin} again.",
    AuditAction.ADMIN_FACTORS_RESET: "{actor} reset the second factors of {admin}.",
    AuditAction.ADMIN_PASSWORD_SET: "{actor} gave {admin} another password.",
    AuditAction.ACCOUNT_IMPERSONATION_SWITCHED: "{actor} switched impersonation for {account}.",
    AuditAction.ACCOUNT_ADDED: "{account} was added by {by}.",
    AuditAction.ACCOUNT_CHANGED: "{account} was changed by {by}: {fields}.",
    AuditAction.ACCOUNT_REMOVED: "{account} was removed by {by}: suspended, and kept for the "
    "record.",
    AuditAction.MEMBER_ADDED: "{whom} was added by {by}.",
    AuditAction.MEMBER_CHANGED: "{whom} was changed by {by}: {fields}.",
    AuditAction.MEMBER_REMOVED: "{whom} was removed by {by}: deactivated, and kept for the record.",
    AuditAction.API_KEY_CREATED: "{actor} made the API key {name} ({prefix}…) for {scope}{acting}.",
    AuditAction.API_KEY_REVOKED: "{actor} revoked the API key {name} ({prefix}…).",
    AuditAction.SIGNING_KEY_ROTATED: "{actor} rotated the signing key: {kid} is the next.",
    AuditAction.SETTINGS_CHANGED: "The site was started with other settings: {names}.",
    AuditAction.DIRECTORY_LOAD_STARTED: "{actor} began to load the directory from {source}.",
    AuditAction.DIRECTORY_IMPORTED: "{actor} imported {source} into the directory: {added} "
    "added, {changed} changed, {missing} missing, {skipped} left out.",
    AuditAction.DIRECTORY_SYNCED: "{actor} brought the directory in line with {source}: {added} "
    "added, {changed} changed, {missing} missing, {skipped} left out.",
    AuditAction.DIRECTORY_SYNC_FAILED: "The directory could not be brought in line with {source}: "
    "{problem}",
    AuditAction.DIRECTORY_SYNC_RECOVERED: "The directory can be brought in line with {source} "
    "again.",
    AuditAction.IMPERSONATION_STARTED: "{actor} started {session:a session} as {whom}{through}"
    "{reason}",
    AuditAction.IMPERSONATION_REFUSED: "{actor} was refused a session as {whom}{through}: "
    "{refusal}.",
    AuditAction.IMPERSONATION_ENDED: "{session:The session} as {whom} ended after {seconds}.",
    AuditAction.IMPERSONATION_LINK_MADE: "A link to a session as {whom} was made for "
    "{actor}{through}{reason}",
    AuditAction.IMPERSONATION_LINK_REFUSED: f"{FOLLOWED}and was refused.",
    AuditAction.HANDOFF_REDEEMED: "{actor} opened {session:the session} as {whom}{through}.",
    AuditAction.HANDOFF_REFUSED: f"{LINK}and was refused.",
    AuditAction.HANDOFF_RENEWED: "{actor} asked{through} for another link of "
    "{session:the session} as {whom}.",
    AuditAction.ACTION_RECORDED: "{actor} {opened} {request} as {subject}{answered}.",
    AuditAction.ACTION_FINISHED: "What {actor} did as {subject} in {session:a session} was "
    "answered {status} in {milliseconds}.",
    AuditAction.ACTION_REFUSED: "{actor} asked for {request} as {subject} after the end of "
    "{session:the session} and was refused.",
    AuditAction.AUDIT_READ: "{actor} read {page}{through}{filters}.",
    AuditAction.AUDIT_EXPORTED: "{actor} exported events {first} to {last} as {format}{filters}.",
    AuditAction.AUDIT_VERIFIED: "The audit trail was verified by {by}: events {first} to {last} "
    "are as they were recorded.",
    AuditAction.AUDIT_DOUBTED: "The audit trail is not what was recorded, as {by} found: {finding}",
    AuditAction.AUDIT_DOUBT_ACKNOWLEDGED: "{actor} acknowledged what event {doubt} found about the "
    "audit trail. Sessions may start again.",
    AuditAction.AUDIT_WORDS_ERASED: "{actor} erased the words about the person with the id "
    "{person_id}, in {events}.",
    AuditAction.AUDIT_ARCHIVE_ORDERED: "{actor} ordered the events up to {last} to be archived.",
    AuditAction.AUDIT_ARCHIVED: "The events {first} to {last} were moved to the archive {file}.",
    AuditAction.COMPANY_SIGN_IN_REFUSED: "Somebody{at} came from the company's sign-in and was "
    "refused.",
    AuditAction.COMPANY_ACCOUNT_LINKED: "{actor} linked {admin} to the company account "
    "{subject_there}.",
    AuditAction.COMPANY_ACCOUNT_UNLINKED: "{actor} unlinked {admin} from the company account "
    "{subject_there}.",
    AuditAction.ALERT_RAISED: "Alert: {actor} set off {kind}.",
    AuditAction.ALERT_ACKNOWLEDGED: "{actor} acknowledged the alert that is event {alert}.",
}
_ENDS = {
    EndReason.EXPIRED: f"{ENDED}the twenty minutes were over.",
    EndReason.IMPERSONATOR_ENDED: "{actor} ended {session:the session} as {whom} from the "
    "banner, after {seconds}.",
    EndReason.TAB_CLOSED: f"{ENDED}the tab was closed.",
    EndReason.WENT_SILENT: f"{ENDED}the tab had not been heard of for three minutes.",
    EndReason.NEVER_OPENED: f"{ENDED}it was not opened within a minute.",
    EndReason.REPLACED: "{session:The session} as {whom} ended after {seconds}, as {actor} "
    "started another one.",
    EndReason.ADMIN_ENDED: "{actor} ended {session:the session} as {whom} from the admin "
    "site, after {seconds}.",
    EndReason.IMPERSONATOR_LOST_ACCESS: f"{ENDED}the admin could no longer impersonate.",
    EndReason.MEMBER_UNAVAILABLE: f"{ENDED}the member could no longer be impersonated.",
    EndReason.ACCOUNT_UNAVAILABLE: f"{ENDED}the account no longer allowed impersonation.",
    EndReason.PROGRAM_ENDED: "{actor} ended {session:the session} as {whom}{through}, after "
    "{seconds}.",
    EndReason.SIGN_IN_ENDED: f"{ENDED}a sign-in of the admin was ended.",
    EndReason.TICKET_REUSED: f"{ENDED}its link was used a second time, so somebody else may "
    "have had it.",
}
_ALERTS = {
    AlertKind.MANY_STARTS: MANY_STARTS,
    AlertKind.MANY_STARTS_IN_A_DAY: MANY_STARTS,
    AlertKind.UNUSUAL_HOUR: "{actor} started {session:a session} as {whom}{through} outside "
    "working hours.",
    AlertKind.MANY_ACCOUNTS: "{actor} started sessions in {count} accounts within {within}, "
    "{session:the last} as {whom}.",
    AlertKind.SAME_MEMBER: "{actor} started {count} sessions as {whom} within {within}, "
    "{session:the last} just then.",
    AlertKind.STARTS_THROTTLED: "{actor} was refused a session as {whom}{through}, after as many "
    "as anybody may start within {within}.",
    AlertKind.TICKET_REUSED: "Somebody{at} used the link of {session:a session} as {whom} a "
    "second time, so that session was ended.",
    AlertKind.MANY_REFUSALS: "{actor} was refused {count} times{through} within {within}.",
    AlertKind.FAILED_SIGN_INS: "{count} attempts to sign in{as_email} failed within {within}, the "
    "last{at:from}.",
    AlertKind.FAILED_SIGN_INS_FROM_ONE_ADDRESS: "{count} attempts to sign in{at:from} failed "
    "within {within}.",
    AlertKind.FAILED_API_KEYS: "{count} requests{at:from} had no good API key, within {within}.",
    AlertKind.API_KEY_THROTTLED: "More requests came{through} than it may send within a minute.",
    AlertKind.WRONG_FACTORS: "{count} wrong second factors followed a good password{as_email} "
    "within {within}, the last{at:from}.",
    AlertKind.SIGN_INS_BEGUN: "{count} sign-ins{as_email} were begun with a good password within "
    "{within} and went no further, the last{at:from}.",
    AlertKind.FAILED_STEP_UPS: "{actor} failed {count} times within {within} to confirm that it "
    "was they.",
}
_CAME = "Somebody{at} came from the company's sign-in and was refused: "
_COMPANY_REFUSALS = {
    Failure.DENIED: "it did not let them in.",
    Failure.UNAVAILABLE: "it could not be reached.",
    Failure.ANSWER: "its answer could not be read.",
    Failure.TOKEN: "its token was not genuine.",
    Failure.ISSUER: "its token named another issuer.",
    Failure.AUDIENCE: "its token was meant for another site.",
    Failure.NONCE: "its token was not for this sign-in.",
    Failure.EXPIRED: "its token had expired.",
    Stranger.STATE: "the sign-in had not been begun in this browser, or too long ago.",
    Stranger.USED: "the sign-in had been used before.",
    Stranger.UNKNOWN: "the company account {detail} belongs to nobody here.",
    Stranger.DISABLED: "their admin is disabled.",
    Stranger.NO_ROLE: "the company gives them no role here.",
    Stranger.NOT_STRONG: "it had seen no second factor, or too long ago.",
}
# Where one fact says more than the action does: `why`, what is `allowed`, the `format` or `kind`.
VARIANTS: dict[tuple[str, object], str] = {
    (AuditAction.SIGN_IN_FAILED, "no_match"): "Somebody{at} tried to sign in{as_email} with a "
    "wrong address or password.",
    (AuditAction.SIGN_IN_FAILED, "throttled"): "Somebody{at} tried to sign in{as_email}, too soon "
    "after other failures.",
    (AuditAction.SIGN_IN_FAILED, "wrong_factor"): "Somebody{at} tried to sign in{as_email} with a "
    "good password and a wrong second factor.",
    (AuditAction.SIGN_IN_FAILED, "wrong_passkey"): "Somebody{at} tried to sign in{as_email} with a "
    "passkey that is not good here.",
    (
        AuditAction.SIGN_IN_FAILED,
        "company_alone",
    ): "Somebody{at} tried to sign in{as_email} without "
    "the company, by which alone that admin signs in.",
    (
        AuditAction.STEP_UP_FAILED,
        "throttled",
    ): "{actor} tried to confirm that it was they, too soon after other failures.",
    (AuditAction.SIGN_IN_ENDED, "signed_out"): "{actor} signed out.",
    (AuditAction.SIGN_IN_ENDED, "role_changed"): "{admin} was signed out, as {actor} had changed "
    "their role.",
    (AuditAction.SIGN_IN_ENDED, "disabled"): "{admin} was signed out, as {actor} had disabled "
    "them.",
    (AuditAction.SIGN_IN_ENDED, "password_changed"): "{admin} was signed out elsewhere, as "
    "their password was changed.",
    (AuditAction.SIGN_IN_ENDED, "factors_changed"): "{admin} was signed out elsewhere, as "
    "their second factors had changed.",
    (AuditAction.SIGN_IN_ENDED, "factors_reset"): "{admin} was signed out, as {actor} had reset "
    "their second factors.",
    (
        AuditAction.SIGN_IN_ENDED,
        "unlinked",
    ): "{admin} was signed out, as {actor} had unlinked their company account.",
    (AuditAction.SIGN_IN_ENDED, "others_ended"): "{actor} ended {sign_ins} of their own elsewhere.",
    (AuditAction.ACCOUNT_IMPERSONATION_SWITCHED, True): "{actor} allowed impersonation in "
    "{account} again.",
    (AuditAction.ACCOUNT_IMPERSONATION_SWITCHED, False): "{actor} switched impersonation off in "
    "{account}.",
    (AuditAction.IMPERSONATION_LINK_REFUSED, "used"): f"{FOLLOWED}a second time and was refused.",
    (AuditAction.IMPERSONATION_LINK_REFUSED, "expired"): f"{FOLLOWED}after its twenty minutes "
    "were over, and was refused.",
    (AuditAction.IMPERSONATION_LINK_REFUSED, "key_not_good"): f"{FOLLOWED}whose API key is not "
    "good any more, and was refused.",
    (AuditAction.HANDOFF_REFUSED, "used"): f"{LINK}a second time and was refused.",
    (AuditAction.HANDOFF_REFUSED, "expired"): f"{LINK}after its minute was over, and was refused.",
    (AuditAction.HANDOFF_REFUSED, "ended"): f"{LINK}after its end, and was refused.",
    (AuditAction.AUDIT_EXPORTED, "proof"): "A proof of event {first} was taken by {by}.",
    **{
        (AuditAction.COMPANY_SIGN_IN_REFUSED, why): _CAME + words
        for why, words in _COMPANY_REFUSALS.items()
    },
    **{
        (AuditAction.ALERT_RAISED, kind): f"Alert: {sentence}" for kind, sentence in _ALERTS.items()
    },
    **{(AuditAction.IMPERSONATION_ENDED, why): sentence for why, sentence in _ENDS.items()},
}
