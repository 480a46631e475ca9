"""A small product behind the kit, with every kind of answer that a product gives."""

from collections.abc import Iterable
from contextlib import closing
from html import escape
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug import Request, Response

from app.kit.impersonation import Impersonation, current
from app.kit.pages import asset_url

NONCE = "bm9uY2U"
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'nonce-{NONCE}'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types understudy"
)
LAYOUT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<script src="{kit}" nonce="{nonce}"></script>
<title>{title}</title><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/product.css">
<script src="/product.js" nonce="{nonce}"></script></head>
<body class="{name}"><header><a href="/">Home</a> <a href="/templates">Templates</a></header>
<main><h1>{title}</h1>{content}</main></body></html>"""
STYLE = """
body { margin: 20px auto; padding: 12px; max-width: 700px; font: 16px/1.5 sans-serif;
  overflow-wrap: anywhere; }
section, [aria-label=Impersonation] { display: none !important; opacity: 0 !important; }
button { background: blue; text-transform: uppercase; }
.grid { display: grid; grid-template-columns: 10rem 1fr; max-width: none; }
.short { height: 100px; }
.tall { height: 3000px; }
.cover { inset: 0; width: 100%; max-width: none; height: 100%; max-height: none; border: 0;
  padding-top: 99px; transform: scale(1); }
.glass { pointer-events: none; }
"""
SCRIPT = """
addEventListener("fetch-me", async () => {
  const answer = await fetch("/who");
  document.querySelector("h1").textContent = await answer.text();
});
addEventListener("ask-me", () => {
  const request = new XMLHttpRequest();
  request.open("GET", "/who");
  request.onload = () => { document.querySelector("h1").textContent = request.responseText; };
  request.send();
});
class Component extends HTMLElement {
  connectedCallback() {
    const shadow = this.attachShadow({ mode: "open" });
    shadow.append(document.createElement("dialog"));
  }
}
customElements.define("a-component", Component);
addEventListener("click", ({ target }) => {
  const component = document.querySelector("a-component");
  if (target.value === "component") component.shadowRoot.firstChild.showModal();
  if (target.value === "screen") document.querySelector("main").requestFullscreen();
});
"""
LINKS = """<a href="/templates">All templates</a> <a href="/long#middle">The middle</a>
<a href="/missing">Nowhere</a> <a href="/broken">Broken</a> <a href="/export">Export</a>
<a href="/moved">Moved</a> <a href="/templates" target="_blank">New tab</a>
<a href="/grid">Grid</a> <a href="/short">Short</a> <a href="/nothing">Nothing</a>
<a href="/refused">Refused</a> <a href="/slow">Slow</a> <a href="/focus">Focus</a>
<a href="/on-top">On top</a> <a href="/password/new">Password</a>"""
LONG = """<a href="#middle">Down</a><p class="tall">…</p><h2 id="middle">Middle</h2>
<p class="tall">…</p>"""
ON_TOP = """<button command="show-modal" commandfor="one">Dialog</button>
<dialog id="one" class="cover">
<button command="show-modal" commandfor="two">Another</button></dialog>
<dialog id="two" class="cover">content</dialog>
<button popovertarget="list">Popover</button>
<div id="list" class="cover glass" popover>content</div>
<button value="component">Component</button><a-component></a-component>
<button value="screen">Screen</button>"""
FORMS = """<form action="/templates"><input name="q" aria-label="Search"><button>Find</button>
</form><form action="/templates" method="post"><input name="action" aria-label="Name">
<textarea name="body" aria-label="Body"></textarea>
<button name="then" value="save">Save</button><button name="then" value="send">Send</button></form>
<form action="/upload" method="post" enctype="multipart/form-data">
<input type="file" name="file" aria-label="File"><button>Upload</button></form>"""


class Product:
    """Pages for the member, who comes by impersonation or by the cookie ``member``."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.names: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(dict(environ))
        self.seen.append(request)
        answer = self.answer(request, who(request))
        answer.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return answer(environ, start_response)

    def answer(self, request: Request, member: str | None) -> Response:
        """One page."""
        files = {
            "/product.css": Response(STYLE, mimetype="text/css"),
            "/product.js": Response(SCRIPT, mimetype="text/javascript"),
            "/favicon.ico": Response(status=204),
        }
        if request.path in files:
            return files[request.path]
        if request.path == "/public":
            return page("Public", f"<p>Signed in as {escape(member or 'nobody')}</p>", kept=True)
        if member is None:
            return page("Sign in", '<input type="email" aria-label="E-mail" autofocus>', 401)
        if request.method == "POST":
            return self.change(request)
        return self.show(request, member)

    def show(self, request: Request, member: str) -> Response:
        """A page for a known member."""
        names = "".join(f"<li>{escape(name)}</li>" for name in self.names)
        query = escape(request.args.get("q", ""))
        answers = {
            "/": page("Dashboard", f"<p>Signed in as {escape(member)}</p>{LINKS}{FORMS}"),
            "/templates": page("Templates", f"<p>Found: {query}</p><ul>{names}</ul>{LINKS}{FORMS}"),
            "/long": page("Long", LONG),
            "/grid": page("Grid", "<p>content</p>", name="grid"),
            "/short": page("Short", '<p class="tall">content</p>', name="short"),
            "/on-top": page("On top", ON_TOP),
            "/focus": page("Focus", '<input aria-label="Here" autofocus>'),
            "/broken": page("Something broke", "<p>Sorry.</p>", 500),
            "/refused": page("Your password, please", "<p>Again.</p>", 401),
            "/who": Response(member, mimetype="text/plain"),
            "/nothing": Response(status=204),
            "/moved": Response(status=302, headers={"Location": "/templates?q=moved"}),
            "/export": Response("a,b", mimetype="text/csv", headers=attachment("été.csv")),
        }
        return answers.get(request.path) or page("Page not found", "<p>No such page.</p>", 404)

    def change(self, request: Request) -> Response:
        """Something is written, then the list is shown; an empty name is refused."""
        if request.path == "/upload":
            with closing(request.files["file"]) as file:
                length = len(file.read())
            return page("Uploaded", f"<p>{escape(file.filename or '')}: {length}</p>")
        if not request.form["action"]:
            return page("Templates", "<p>A name is needed.</p>" + FORMS, 422)
        self.names.append(f"{request.form['action']} by {request.form.get('then', 'script')}")
        return Response(status=303, headers={"Location": "/templates"})


def who(request: Request) -> str | None:
    """The member's name."""
    impersonation = current(request.environ)
    return impersonation.subject.name if impersonation else request.cookies.get("member")


def impersonation_of(request: Request) -> Impersonation:
    """What the kit told the product about a request."""
    found = current(request.environ)
    assert found is not None
    return found


def page(
    title: str, content: str, status: int = 200, name: str = "plain", kept: bool = False
) -> Response:
    """A whole page in the product's layout, which takes the kit's script first."""
    kit = asset_url("impersonation.js")
    text = LAYOUT.format(title=title, content=content, kit=kit, nonce=NONCE, name=name)
    headers = {"Set-Cookie": "seen=1", "Cache-Control": "private" if kept else "no-store"}
    return Response(text, status, mimetype="text/html", headers=headers)


def attachment(name: str) -> dict[str, str]:
    """The header of a file to be saved under a name with an accent."""
    encoded = quote(name)
    return {"Content-Disposition": f"attachment; filename=x.csv; filename*=UTF-8''{encoded}"}
