"""The keys that sign tokens: which there are, and whose turn it is."""

from flask import g, render_template
from flask.typing import ResponseReturnValue

from app.web.application_context import tokens


def index() -> ResponseReturnValue:
    """Every key whose tokens are good, or will be."""
    turns = [turn for turn in tokens().keys().turns if turn.is_public(g.now)]
    return render_template("admin/signing_keys/index.html", turns=turns)
