"""Page or fragment: the only reader of the headers that htmx sends."""

from typing import Any

from flask import Response, make_response, render_template, request


def wants_fragment() -> bool:
    """Whether htmx asks for a part of the page; going back in history asks for all of it."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def render(whole: str, part: str, /, *, status: int = 200, **context: object) -> Response:
    """Answer with the template `part` when htmx asks, else with `whole`, which includes it."""
    template = part if wants_fragment() else whole
    response = make_response(render_template(template, **context), status)
    response.vary.add("HX-Request")
    return response


def ask(question: str, /, *, title: str, status: int = 200, **context: Any) -> Response:
    """Ask before something is done: in the dialog, or on a page where there is no JavaScript."""
    whole = "layouts/question.html"
    return render(whole, question, status=status, question=question, title=title, **context)


def go_to(url: str) -> Response:
    """Send the whole page to `url`, one of our own, also when htmx had asked for a part."""
    if not wants_fragment():
        return Response(status=303, headers={"Location": url})
    return Response(status=204, headers={"HX-Redirect": url})
