"""Members sign in and out by themselves."""

import re
from http import HTTPStatus

from flask import Response, current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, Length

from app.product import people
from app.product.clock import current_time
from app.product.forms import LONGEST_EMAIL, PageForm, lowered
from app.product.models.members import Member
from app.product.passwords import password_matches, pretend_to_check
from app.product.unit_of_work import SAFE_METHODS, db

LONGEST_PASSWORD = 200
CHOICE_SECONDS = 300
# Browsers drop control characters and read a backslash as a slash: "/\\evil.example" leads away.
OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\\]*")
WRONG = "The e-mail address or the password is wrong."
CLOSED = "Your membership or your account is not active. Please ask the owner of your account."


class SignInForm(PageForm):
    """E-mail and password, and where to go next."""

    email = StringField(
        "E-mail",
        filters=[lowered],
        validators=[DataRequired("Write your e-mail address."), Length(max=LONGEST_EMAIL)],
    )
    password = PasswordField(
        "Password", validators=[DataRequired("Write your password."), Length(max=LONGEST_PASSWORD)]
    )
    next = HiddenField()


def new() -> ResponseReturnValue:
    if people.current() is not None:
        return redirect(url_for("dashboard.show"))
    return _page(SignInForm(), HTTPStatus.OK)


def show_in_place() -> Response:
    """The sign-in page at the address that needs it, which then opens without a detour."""
    here = request.full_path.rstrip("?") if request.method in SAFE_METHODS else "/"
    return _page(SignInForm(next=here), HTTPStatus.UNAUTHORIZED)


def create() -> ResponseReturnValue:
    if people.current() is not None:
        return redirect(url_for("dashboard.show"), 303)
    form = SignInForm(request.form)
    if not form.validate():
        return _page(form, HTTPStatus.UNPROCESSABLE_ENTITY)
    known = _with_password(db(), form.data["email"], form.data["password"])
    members = [member for member in known if member.may_sign_in]
    if not members:
        form.form_errors.append(CLOSED if known else WRONG)
        return _page(form, HTTPStatus.UNPROCESSABLE_ENTITY)
    if len(members) > 1:
        return _ask_which(members, form.data["next"])
    return _enter(members[0], form.data["next"])


def choose() -> ResponseReturnValue:
    """The same person in several accounts has said which one she means."""
    try:
        allowed = _choices().loads(request.form.get("choices", ""), max_age=CHOICE_SECONDS)
    except BadData:
        allowed = []
    member_id = request.form.get("member_id", "")
    member = db().get(Member, member_id) if member_id in allowed else None
    if member is None or not member.may_sign_in:
        return redirect(url_for("sign_in.new", notice="choice-expired"), 303)
    return _enter(member, request.form.get("next"))


def destroy() -> ResponseReturnValue:
    people.sign_out()
    return redirect(url_for("sign_in.new", notice="signed-out"), 303)


def _with_password(db: Session, email: str, password: str) -> list[Member]:
    members = db.scalars(select(Member).where(Member.email == email).order_by(Member.id)).all()
    if not members:
        pretend_to_check(password)
    return [member for member in members if password_matches(member.password_hash, password)]


def _enter(member: Member, next_path: str | None) -> ResponseReturnValue:
    people.sign_in(member, now=current_time())
    return redirect(_safe_path(next_path), 303)


def _ask_which(members: list[Member], next_path: str | None) -> str:
    choices = _choices().dumps([member.id for member in members])
    return render_template("sign_in/choose.html", members=members, choices=choices, next=next_path)


def _choices() -> URLSafeTimedSerializer:
    """Signs whom the password was right for, so that it need not be asked for twice."""
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="letterbox account choice")


def _safe_path(path: str | None) -> str:
    """Only a path of our own: never another site, however it is disguised."""
    return path if path and OWN_PATH.fullmatch(path) else "/"


def _page(form: SignInForm, status: HTTPStatus) -> Response:
    return make_response(render_template("sign_in/new.html", form=form), status)
