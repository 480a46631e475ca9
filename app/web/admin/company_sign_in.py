"""Signing in by the company's identity provider, and linking one's account there (S11).

The way there and back is bound to the browser by its session cookie: what comes back without the
`state` that went there from this browser, minutes ago and once, signs nobody in. Nor does a page of
another site begin anything here. So nobody can be signed in as somebody else by a link, or linked.
"""

import hmac
from datetime import datetime, timedelta
from typing import Any

from flask import Response, flash, g, make_response, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest, NotFound

from app.domain import company_accounts
from app.domain import company_sign_in as verbs
from app.domain.company_provider import Errand, Failure, NotProved, Proof
from app.domain.company_sign_in import ERRAND_LIFETIME, Refused, Stranger
from app.domain.errors import Conflict
from app.web import authentication, htmx
from app.web.admin import step_up
from app.web.admin.arrivals import arrive
from app.web.admin.sign_in import local_path
from app.web.application_context import (
    company_provider,
    company_rules,
    settings,
    step_up_rules,
    transaction,
)
from app.web.authentication import current_admin, current_sign_in
from app.web.plain_text import one_line
from app.web.provenance import provenance

KEPT = "company_sign_in"
SIGN_IN, LINK, STEP_UP = "sign_in", "link", "step_up"
CLAIM_LENGTH = 100
NOT_BEGUN = "This sign-in was not begun in this browser, or too long ago. Begin again."
NOT_ONESELF = "Your role comes from there. Ask another superadmin to unlink you."
UNTRUSTED = (
    "What it answered cannot be trusted, so nobody was signed in. Tell whoever looks after it."
)
UNKNOWN = (
    "Nobody here is linked to this company account. Sign in another way and link it under Settings,"
    " or ask whoever runs Understudy to link it."
)
SENTENCES: dict[Failure | Stranger, tuple[int, str]] = {
    Failure.DENIED: (403, "It did not let you in, or you turned back there."),
    Failure.UNAVAILABLE: (503, "It cannot be reached at the moment. Try again shortly."),
    Stranger.STATE: (400, NOT_BEGUN),
    Stranger.USED: (400, NOT_BEGUN),
    Stranger.UNKNOWN: (403, UNKNOWN),
    # Nobody is told who is disabled (S5).
    Stranger.DISABLED: (403, UNKNOWN),
    Stranger.NOT_STRONG: (403, "It has seen no second factor of yours just now."),
    Stranger.NO_ROLE: (403, "Your company account has no role here. Ask whoever gives out roles."),
}


def ask_anew() -> Errand | NotProved | None:
    """Ask where to send the browser, for whoever is to prove themselves anew there."""
    return ask(fresh=True)


def ask(*, fresh: bool = False) -> Errand | NotProved | None:
    """Ask the provider where to send the browser; nobody asks for another site's page."""
    provider = company_provider()
    if provider is None or _is_from_elsewhere():
        return None
    with transaction(writing=False) as db:
        verbs.check(db, address=provenance().address, now=g.now)
    try:
        return provider.errand(callback_url=_callback_url(), fresh=fresh)
    except NotProved as error:
        return error


def new() -> ResponseReturnValue:
    """Send the browser to the provider, to be signed in."""
    next_path = local_path(request.args.get("next", ""))
    if _is_from_elsewhere():
        # There is the button, for whoever is not signed in yet.
        return htmx.go_to(url_for("sign_in.new", next=next_path))
    url = _begun(SIGN_IN, next_path)
    return Response(status=303, headers={"Location": url}) if isinstance(url, str) else url


def create_link() -> ResponseReturnValue:
    """Send an admin who is signed in to the provider, to link their account there."""
    if not step_up.passed():
        return step_up.first(url_for("sign_ins.index"))
    url = _begun(LINK, url_for("sign_ins.index"))
    if not isinstance(url, str):
        return url
    # A form may lead to no other site (W1), and who knows through how many the provider leads.
    return render_template("admin/company_sign_in/leaving.html", url=url, label=_label())


def new_step_up() -> ResponseReturnValue:
    """Send an admin who is signed in to the provider, to prove a second factor there (S9)."""
    if _is_from_elsewhere():
        return htmx.go_to(url_for("sign_ins.index"))
    url = _begun(STEP_UP, url_for("sign_ins.index"))
    return Response(status=303, headers={"Location": url}) if isinstance(url, str) else url


def bring() -> Proof | NotProved | Stranger | None:
    """Take to the provider what the browser brings back from there; None for nothing.

    It is used up first: of many at once with one cookie, one is taken there.
    """
    provider, state = company_provider(), request.args.get("state", "")
    if provider is None or not state:
        return None
    kept = session.get(KEPT)
    if kept is None or not _is_kept(kept, state, now=g.now):
        return Stranger.STATE
    with transaction(writing=True) as db:
        verbs.check(db, address=provenance().address, now=g.now)
        if not verbs.use(db, state, now=g.now):
            return Stranger.USED
    if "error" in request.args:
        return NotProved(Failure.DENIED, request.args["error"])
    try:
        return provider.prove(
            code=request.args.get("code", ""),
            nonce=kept["nonce"],
            verifier=kept["verifier"],
            callback_url=_callback_url(),
            now=g.now,
        )
    except NotProved as error:
        return error


def create() -> ResponseReturnValue:
    """Sign in whom the provider has proved, or link their account to who is signed in."""
    found: Proof | NotProved | Stranger | None = g.beforehand
    if found is None:
        raise BadRequest(NOT_BEGUN)
    if isinstance(found, Stranger):
        # What stands in the cookie may belong to another tab's way there.
        return _refused(found)
    kept = session.pop(KEPT)
    if isinstance(found, NotProved):
        return _refused(found.why, found.detail)
    return _sign_in(found, kept["next"]) if kept["purpose"] == SIGN_IN else _own(found, kept)


def end_link() -> ResponseReturnValue:
    """Unlink one's own company account."""
    if not step_up.passed():
        return htmx.go_to(url_for("step_up.new", next=url_for("sign_ins.index")))
    issuer = _issuer()
    if company_rules().role_claim:
        # Whoever has lost their role there must not keep it here by leaving.
        raise Conflict(NOT_ONESELF)
    company_accounts.unlink(
        g.db,
        current_admin(),
        issuer=issuer,
        by=current_admin(),
        here=current_sign_in(),
        provenance=provenance(),
        now=g.now,
    )
    flash("Your company account is unlinked, and you are signed in here alone.", "success")
    return htmx.go_to(url_for("sign_ins.index"))


def _is_from_elsewhere() -> bool:
    """Whether a page of another site, or of a sibling of ours, leads here."""
    return request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")


def _begun(purpose: str, next_path: str) -> str | ResponseReturnValue:
    """Remember what is begun in this browser; return where it leads, or why it does not."""
    errand: Errand | NotProved | None = g.beforehand
    if errand is None:
        raise NotFound("Nobody signs in by a company account here.")
    if isinstance(errand, NotProved):
        return _refused(errand.why, errand.detail)
    session[KEPT] = {
        "state": errand.state,
        "nonce": errand.nonce,
        "verifier": errand.verifier,
        "at": int(g.now.timestamp()),
        "purpose": purpose,
        "next": next_path,
        "sign_in_id": "" if purpose == SIGN_IN else current_user.sign_in_id,
    }
    return errand.url


def _is_kept(kept: dict[str, Any], state: str, *, now: datetime) -> bool:
    if not hmac.compare_digest(kept["state"].encode(), state.encode("utf-8", "surrogatepass")):
        return False
    age = timedelta(seconds=int(now.timestamp()) - kept["at"])
    return timedelta(0) <= age <= ERRAND_LIFETIME


def _sign_in(proof: Proof, next_path: str) -> ResponseReturnValue:
    result = verbs.sign_in(g.db, proof, rules=company_rules(), provenance=provenance(), now=g.now)
    if isinstance(result, Refused):
        return _page(result.why)
    return arrive(result, local_path(next_path))


def _own(proof: Proof, kept: dict[str, Any]) -> ResponseReturnValue:
    """Do what an admin who is signed in went there for, if it is still that sign-in of theirs."""
    if not current_user.is_authenticated or current_user.sign_in_id != kept["sign_in_id"]:
        return _refused(Stranger.STATE)
    return _link(proof) if kept["purpose"] == LINK else _step_up(proof)


def _step_up(proof: Proof) -> ResponseReturnValue:
    result = verbs.step_up(
        g.db,
        current_sign_in(),
        proof,
        company=company_rules(),
        rules=step_up_rules(),
        provenance=provenance(),
        now=g.now,
    )
    if isinstance(result, Refused):
        return _page(result.why)
    authentication.sign_in(result)
    flash("Confirmed. What you were asked in another tab goes on there.", "success")
    return htmx.go_to(url_for("sign_ins.index"))


def _link(proof: Proof) -> ResponseReturnValue:
    company_accounts.link(
        g.db,
        current_admin(),
        issuer=proof.issuer,
        subject=proof.subject,
        by=current_admin(),
        provenance=provenance(),
        now=g.now,
    )
    # The one who was signed in there may have been somebody else.
    claims = [proof.claims.get(name) for name in ("name", "email")]
    whose = [one_line(said[:CLAIM_LENGTH]) for said in claims if isinstance(said, str)]
    named = ", ".join([*whose, one_line(proof.subject)])
    sentence = f"Linked to the company account of {named}. If that is not you, have it unlinked."
    flash(sentence, "success")
    return htmx.go_to(url_for("sign_ins.index"))


def _refused(why: Failure | Stranger, detail: str = "") -> ResponseReturnValue:
    verbs.refuse(g.db, why, detail=detail, provenance=provenance(), now=g.now)
    return _page(why)


def _page(why: Failure | Stranger) -> ResponseReturnValue:
    status, sentence = SENTENCES.get(why, (502, UNTRUSTED))
    page = render_template(
        "admin/company_sign_in/refused.html",
        label=_label(),
        sentence=sentence,
        request_id=g.request_id,
    )
    response = make_response(page, status)
    # Its address holds a code, if one that is of no use any more.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _label() -> str:
    company = settings().company
    return company.label if company else ""


def _callback_url() -> str:
    return settings().admin_url + url_for("company_sign_in.create")


def _issuer() -> str:
    provider = company_provider()
    if provider is None:
        raise NotFound("Nobody signs in by a company account here.")
    return provider.issuer
