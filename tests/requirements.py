"""What has to be true of the site, each under its id: `requirement("S1")` marks what shows it.

`tests/test_requirements.py` compares this list with the markers, so that nothing is silently
untested; `docs/security.md` says where each is tested.
"""

# What must be true now.
MUST = {
    # Sign-in
    "S1": "A sign-in lives on the server and ends there at once; the cookie only names it",
    "S2": "Signing in makes a new sign-in, and the one before is dead",
    "S3": "Half an hour without a click and eight hours at most; polling is no click",
    "S4": "The cookie is bound to the host, unseen by scripts, and never remembered",
    "S5": "Whoever cannot sign in gets one answer, after the same work, whatever the reason",
    "S6": "Guesses wait longer and longer, counted in the database, and shut nobody out",
    "S7": "Passwords are hashed with argon2id, taken as they are, and neither short nor common",
    "S8": "Every admin has a second factor, and a code works once",
    "S9": "A session starts only after a factor within the last ten minutes",
    "S10": "One sees and ends one's own sign-ins, and a superadmin those of others",
    "S12": "The demo stays on its machine, and production refuses its people and secrets",
    # Who may do what to whom
    "A1": "Every route says who may use it; what is not in the table is closed",
    "A2": "Only superadmins impersonate, decided anew at each step and each request",
    "A3": "Forbidden targets are refused for a reason that is shown, by the server",
    "A4": "An impersonation token starts nothing and opens nothing of the admin site",
    "A5": "Credentials and sign-in of the member are out of an impersonator's reach",
    "A6": "A session has a reason, which is kept, shown and exported",
    "A7": "A session is its starter's alone: others may end it, nobody can use or inherit it",
    "A10": "What belongs to somebody else is as absent as what is not there",
    # The life of a session
    "I1": "Twenty minutes after its start a session is over, whatever happens",
    "I2": "A new session ends the one before, in one transaction, with one event each",
    "I3": "An end by any admin works at the next request, and the tab shows it by itself",
    "I4": "A session ends once, however many end it",
    "I5": "A closed or silent tab ends its session; a reload does not",
    "I6": "An expiry is recorded once, though nobody is looking and several sweep",
    "I7": "The banner stands on every page and cannot be hidden",
    "I8": "What is done under impersonation is recorded with both people",
    "I9": "Where impersonation is switched off nothing starts, and what runs ends",
    # The hand-off
    "H1": "The token is in no address, page, log, cookie or error, save where a dialect demands it",
    "H2": "A ticket is random, kept as a hash, and good once and for a minute",
    "H3": "A ticket that is used again ends its session",
    "H4": "The landing page takes the ticket out of the address before anything else",
    "H5": "A ticket is exchanged for the product's own page alone, and without cookies",
    "H6": "A stranger's ticket never takes the place of one's own sign-in unseen",
    "H7": "The two sites cannot reach into each other's windows",
    "H8": "The token leaves the tab with the session, and Back brings nothing back",
    # The token
    "T1": "One algorithm; every other, and every other serialisation, is refused",
    "T2": "The key is named exactly and is ours; a header that asks for more is refused",
    "T3": "A token of another type is refused",
    "T4": "Every claim is there, of its kind, and within its bounds",
    "T5": "A token is worth what its session's row says at each request",
    "T6": "Tokens, keys and cookies open nothing but their own place",
    "T7": "The token carries ids and times alone",
    # Keys and secrets
    "K1": "A key that is missing, open to others or unfit stops the start with one line",
    "K2": "A rotation fails no token, and a retired key verifies nothing",
    "K3": "One key, one purpose",
    "K4": "No secret is in the repository, an output, an error or a page",
    "K5": "Secrets are compared in constant time or by their hash",
    "K6": "The key set shows public keys alone",
    # Races
    "R1": "One active session an admin is a constraint of the database",
    "R2": "A change and its event are there together or not at all",
    "R3": "Under race no end is lost or doubled",
    "R4": "Locks are taken in one order, and who waits in vain is told to try again",
    "R5": "Time comes from one place; a clock that jumps revives nothing",
    # The audit trail
    "L1": "Everything that counts is an event",
    "L2": "An event says when, who, whom, where, from where, why and how it went",
    "L3": "What cannot be recorded does not happen",
    "L4": "On SQLite the trail only grows",
    "L5": "On PostgreSQL the trail only grows, and the application owns nothing",
    "L6": "The guards are there after every migration",
    "L7": "Any change of the chain is found and located",
    "L8": "Signed checkpoints are kept outside, and show what was cut, rebuilt or put back",
    "L9": "The trail can be verified, with a status, and a start looks at it",
    "L11": "Many writers make one chain",
    "L12": "No secret is in the trail; what is personal can be taken out without breaking it",
    "L13": "Reading and exporting the trail is recorded",
    # The browser
    "W1": "A strict content security policy on every answer, with a fresh nonce",
    "W2": "No inline code; markup that was injected is inert",
    "W3": "The other protective headers on every answer",
    "W4": "Over https, browsers are told to stay there",
    "W5": "A change needs our own page: token and fetch metadata",
    "W6": "Reading changes nothing, save for following a dialect's link",
    "W7": "The site cannot be framed",
    "W8": "Nobody is led to another site",
    "W9": "No other origin is answered",
    "W10": "Another host name is refused",
    "W11": "What is sent twice happens once",
    "W12": "What a browser lacks is said",
    # Input and output
    "X1": "Hostile names and words are text, everywhere",
    "X2": "No template and no query is put together from data",
    "X3": "What is searched, sorted and paged by is a value or refused",
    "X4": "One event is one line, whatever it holds",
    "X5": "No cell of a spreadsheet begins as a formula",
    "X6": "Every input has a limit",
    "X7": "Patterns take time in proportion to what they read",
    "X8": "A look-alike is told apart by address and id, and its letters stay in their place",
    # Programs
    "P1": "An API key is shown once, kept as a hash, limited, and dead at once",
    "P2": "A program names the employee it starts for, who must be allowed to",
    "P3": "An error has a type and tells nothing of who exists",
    "P4": "The code and its OpenAPI document agree",
    "P5": "A start that is repeated is one start, and keys are throttled",
    # Running it
    "D1": "Strangers see no trace of what the site is made of",
    "D2": "Forwarded headers count from as many proxies as are set, and from nobody else",
    "D3": "What is installed is pinned, licensed and as it was",
    "D4": "A restored backup has its constraints, guards and chain",
    "D5": "Figures for monitoring, at an address of their own and about nobody",
    # Faults
    "F1": "Without its database nothing starts or happens, and it recovers by itself",
    "F2": "On a full disk nothing is half done",
    "F3": "Being killed anywhere leaves nothing half done",
    "F4": "Of several who race one wins",
    "F5": "A clock that jumps changes nothing for the worse, and is told",
    "F6": "Without its key nothing starts; what runs goes on with the key it has",
    "F7": "A browser that is offline, full or killed gets a clear message and no second session",
    "F8": "A migration that crashes leaves nothing, and nothing starts on another schema",
    "F10": "A corrupted trail or an old backup stops new sessions until it is acknowledged",
}

# What may come next; some of it is here.
NEXT = {
    "S11": "Company sign-in by OIDC: state, nonce and PKCE, matched by issuer and subject",
    "A8": "A second person approves sessions with protected accounts",
    "A9": "The member is told of a session",
    "L10": "One event can be proved without showing the others",
    "L14": "Copies elsewhere, with gaps found by number",
    "T8": "The token is bound to a key of the tab",
    "O1": "Webhooks are signed, dated and numbered",
    "O2": "Outgoing requests go where they should, and nowhere inside",
    "O3": "What is to be sent is kept with what happened, and sent at least once",
    "F9": "A receiver that is blocked stops nothing",
}
NOT_BUILT = {"A8", "A9", "T8"}

# What has tests without a twin (tests/twins.py), as there is no guard of ours to switch off.
UNGUARDED = {
    "D3": "what is installed is compared with its pins and with what its authors published",
    "D4": "what a restored database has is what its own tools have kept",
    "W9": "no answer has a word for another origin, so browsers refuse it by themselves",
    "W12": "it is in the pages themselves, read in Chromium without JavaScript",
    "X8": "every page shows the address and the id beside the name",
}

# What went wrong with this very feature elsewhere: `failure("X1")` marks what shows that it does
# not here.
FAILURES = {
    "X1": "CVE-2016-4340, GitLab: anybody who was signed in could impersonate",
    "X2": "CVE-2022-4305, WordPress: who may was never asked, and the default was yes",
    "X3": "CVE-2026-17526, Keycloak: a realm admin was a target",
    "X4": "GitLab #196028: a session within a session left no record",
    "X5": "GitLab #20388: an admin who was demoted went on",
    "X6": "daikoku #1102: the target's own sign-in inherited the admin's way back",
    "X7": "devise_masquerade #94: two admins in one target were mixed up",
    "X8": "CVE-2021-28680, devise_masquerade: one secret signed everything",
    "X9": "devise_masquerade #45: a link from elsewhere could start a session",
    "X10": "devise_masquerade #65: after the end the admin was left signed in as the target",
    "X11": "agenticos #1044: a token without an end, good for other tokens",
    "X13": "sentry #109903: the customer's switch was forgotten in one mode",
    "X14": "twenty GHSA-q7fm-83gr-cqg5: what step one checked the exchange did not",
    "X15": "idenplane #344: the actor was taken from the request's body",
    "X16": "CVE-2026-27960, OpenCTI: an id was as good as a token",
    "X17": "CVE-2025-29928, authentik: on one storage the end was none",
    "X18": "CVE-2025-52553, authentik: an address that was copied opened the session again",
    "X19": "CVE-2026-4282, Keycloak: codes of one kind were good as another's",
    "X20": "ezauth #149: any admin could use another's token",
    "X21": "Facebook View As, 2018: a page under impersonation held a token of the target",
    "X22": "CVE-2011-4584, Moodle: signing on elsewhere kept the wrong identity",
    "X23": "Okta, Twitter, Mailchimp: the console itself was the prize",
    "X24": "A consent implementation that went on when its audit insert failed",
    "X25": "ServiceNow, authentik: attribution could be off, refusals were nowhere",
    "X26": "appwrite #12167: people in query strings, and so in logs",
    "X27": "Hash chains whose owner recomputes them, and whose tail can be cut",
    "X28": "django-impersonate before 1.9.4: what was typed came back as markup",
    "gitlab-536": "GitLab #536: what was done in between looked like the user's own",
    "trigger-dev-4576": "trigger.dev #4576: the impersonated was taken for the actor",
    "polovnjak-23": "polovnjak #23: SameSite=Lax was the only guard against forged requests",
    "CVE-2026-32597": "PyJWT: an unknown critical header was accepted",
}
# Nothing of ours can fail like that: there are no read-only sessions (superserve #227), and nobody
# is ever asked for the member's password (Nextcloud #230).
