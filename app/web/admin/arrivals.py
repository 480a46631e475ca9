"""What happens once somebody has proved who they are, however they did it."""

from flask import g, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.domain import sign_ins
from app.domain.sign_ins import HalfOpen, SignedIn
from app.storage.admins import SignIn
from app.web import authentication, htmx
from app.web.authentication import current_admin
from app.web.provenance import provenance


def arrive(arrived: SignedIn | HalfOpen, next_path: str) -> ResponseReturnValue:
    """Send whoever is in to `next_path`, one of ours, and whoever is half in to the second step."""
    if isinstance(arrived, HalfOpen):
        authentication.keep(arrived)
        return htmx.go_to(url_for("second_step.new", next=next_path))
    if current_user.is_authenticated:
        # The cookie that is replaced may have been copied (S2).
        end_sign_in()
    session.clear()
    authentication.sign_in(arrived)
    return htmx.go_to(next_path)


def end_sign_in() -> bool:
    """End the sign-in of whoever is asking; return whether a session of theirs ended with it."""
    row = g.db.get_one(SignIn, current_user.sign_in_id)
    return sign_ins.sign_out(g.db, row, by=current_admin(), provenance=provenance(), now=g.now)
