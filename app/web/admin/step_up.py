"""Step-up: the one way in which what is dangerous asks for a second factor (S9).

A view asks `passed()` before it looks at its own fields: a proof is good once. While that is False
it shows its form again, with what was typed and what `asked()` says: the fields of
`components/step_up.html` stand in the form itself, so that the next answer brings the proof along.
"""

from dataclasses import dataclass

from flask import Response, flash, g, request, url_for
from flask.typing import ResponseReturnValue

from app.domain import passkeys
from app.domain import step_up as verbs
from app.domain.factors import Answer
from app.domain.passkey_challenges import ANSWER_LENGTH
from app.domain.step_up import NotProved
from app.storage.company_accounts import company_account_of
from app.storage.factors import FactorKind, factors_of, has_factors
from app.web import authentication, htmx
from app.web.admin.second_step import CODE_LENGTH
from app.web.admin.sign_in import local_path
from app.web.application_context import company_rules, factor_lock, settings, step_up_rules
from app.web.authentication import current_sign_in
from app.web.provenance import provenance


@dataclass(frozen=True)
class Asked:
    """What a form asks for: `kinds` are those of the admin's factors, `problem` what was wrong.

    `company` is what the company's provider is called, where it can confirm it too.
    """

    kinds: frozenset[str]
    has_passkeys: bool
    problem: str = ""
    company: str = ""

    @property
    def by_code(self) -> bool:
        """Whether an app of theirs shows a code."""
        return FactorKind.TOTP in self.kinds

    @property
    def by_passkey(self) -> bool:
        """Whether a passkey of theirs can be used here."""
        return FactorKind.PASSKEY in self.kinds and self.has_passkeys


def asked() -> Asked | None:
    """Return what the form has to ask for, None for nothing."""
    row = current_sign_in()
    if not verbs.is_needed(g.db, row, step_up_rules(), now=g.now):
        return None
    kinds = frozenset(factor.kind for factor in factors_of(g.db, row.admin_id))
    return Asked(
        kinds,
        factor_lock().site.has_passkeys,
        g.get("step_up_problem", ""),
        _company_of(row.admin_id),
    )


def asked_to_enrol() -> Asked | None:
    """The same for adding a factor: whoever has none yet, and came with none, cannot prove one."""
    return None if _cannot_prove() else asked()


def passed() -> bool:
    """Whether a factor was proved lately, or has been by what came with this form."""
    row = current_sign_in()
    if not verbs.is_needed(g.db, row, step_up_rules(), now=g.now):
        return True
    answer = _answer()
    if not answer:
        g.step_up_problem = "Confirm that it is you first." if request.method == "POST" else ""
        return False
    result = verbs.prove(g.db, row, answer, lock=factor_lock(), provenance=provenance(), now=g.now)
    if isinstance(result, NotProved):
        g.step_up_problem = result.sentence
        return False
    authentication.sign_in(result)
    return True


def passed_to_enrol() -> bool:
    """The same for adding a factor: whoever has none yet, and came with none, cannot prove one."""
    return _cannot_prove() or passed()


def first(next_path: str) -> ResponseReturnValue:
    """Ask for the proof on a page of its own, where another code or passkey is asked for next."""
    return htmx.go_to(url_for("step_up.new", next=next_path))


def new() -> ResponseReturnValue:
    """A page that asks for the proof alone."""
    next_path = local_path(request.args.get("next", ""))
    if (now_asked := asked()) is None:
        return htmx.go_to(next_path)
    return _page(now_asked, next_path, status=200)


def create() -> ResponseReturnValue:
    """Take the proof: for a form that is on the screen already, or on the page of its own."""
    next_path = local_path(request.form.get("next", ""))
    if passed():
        if htmx.wants_fragment():
            return htmx.render("admin/step_up/new.html", "admin/step_up/_fields.html", asked=None)
        flash("Confirmed.", "success")
        return htmx.go_to(next_path)
    return _page(asked(), next_path, status=422)


def ask() -> ResponseReturnValue:
    """What the browser needs to ask for one of the admin's passkeys."""
    row = current_sign_in()
    options = passkeys.ask(
        g.db,
        factor_lock().site,
        verbs.question(row),
        known=factors_of(g.db, row.admin_id, FactorKind.PASSKEY),
        address=provenance().address,
        now=g.now,
    )
    return Response(options, mimetype="application/json")


def _cannot_prove() -> bool:
    # Who has proved a factor to the company's provider can do so again; else a computer left open
    # would be enough to add a factor, and with it the proof for everything else.
    row = current_sign_in()
    return row.verified_at is None and not has_factors(g.db, row.admin_id)


def _company_of(admin_id: str) -> str:
    company = settings().company
    if company is None or not company_rules().knows_factors:
        return ""
    return company.label if company_account_of(g.db, admin_id, company.issuer) else ""


def _page(now_asked: Asked | None, next_path: str, *, status: int) -> ResponseReturnValue:
    return htmx.render(
        "admin/step_up/new.html",
        "admin/step_up/_fields.html",
        status=status,
        asked=now_asked,
        next=next_path,
    )


def _answer() -> Answer:
    code, credential = (request.form.get(name, "") for name in ("code", "credential"))
    return Answer(code[:CODE_LENGTH], credential if len(credential) <= ANSWER_LENGTH else "")
