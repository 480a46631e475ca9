"""What holds for every template, whether a test renders it or not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from app.web.application import Application
from tests.twins import Switch, each_fails_without, fails_without, value

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "templates"
ALL = {
    str(path.relative_to(TEMPLATES)): path.read_text(encoding="utf-8")
    for path in sorted(TEMPLATES.rglob("*.html"))
}
# Letterbox has a loader of its own, and its own tests of what is used.
SOURCES = {name: text for name, text in ALL.items() if not name.startswith("product/")}
CODE = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "app/web").rglob("*.py"))
HTMX_MACROS = "components/htmx.html"
FORBIDDEN = {
    "an inline handler": r"\son[a-z]+\s*=",
    "an inline style": r"\sstyle\s*=|<style",
    "an htmx handler": r"hx-on|js:|hx-vals|hx-headers",
    "unescaped output": r"\|\s*safe\b|autoescape\s+false|Markup",
    "an address of a script": r"javascript:",
    "somebody else's site": r"(src|href)=\"https?://",
}


def tree_of(name: str) -> nodes.Template:
    return Environment(autoescape=True).parse(SOURCES[name], name)


def names_in(name: str) -> Iterator[str]:
    """The templates that this one includes, imports or extends."""
    for constant in tree_of(name).find_all(nodes.Const):
        if isinstance(constant.value, str) and constant.value.endswith(".html"):
            yield constant.value


def test_there_are_templates() -> None:
    assert len(SOURCES) > 30
    assert len(ALL) - len(SOURCES) > 20


def test_all_compile(admin_app: Application) -> None:
    for name in SOURCES:
        admin_app.jinja_env.get_template(name)


def page(source: str) -> Switch:
    """A template like this among the others."""
    return value(ALL, "page.html", source)


@pytest.mark.requirement("W2", "X2")
@each_fails_without(
    "what",
    {
        "an inline handler": page('<p onclick="go()">'),
        "an inline style": page('<p style="color: red">'),
        "an htmx handler": page('<p hx-on:click="go()">'),
        "unescaped output": page("{{ name | safe }}"),
        "an address of a script": page('<a href="javascript:go()">'),
        "somebody else's site": page('<img src="https://elsewhere.example">'),
    },
)
def test_none_holds_what_the_policy_forbids(what: str) -> None:
    assert [name for name, text in ALL.items() if re.search(FORBIDDEN[what], text)] == []


@pytest.mark.requirement("W2")
@fails_without(page('<script src="{{ asset("x.js") }}"></script>'))
def test_scripts_come_from_us_and_carry_the_nonce() -> None:
    for name, text in ALL.items():
        for tag in re.findall(r"<script.*?</script>", text, re.DOTALL):
            assert re.match(
                r"<script src=\"{{ (?:kit_)?asset\(.*?\) }}\" nonce=\"{{ csp_nonce\(\) }}\"", tag
            ), f"{name}: {tag}"
            assert tag.endswith("></script>"), f"{name}: {tag}"


@pytest.mark.requirement("W2")
@fails_without(page('<p hx-get="/members">'))
def test_htmx_attributes_come_from_their_macros_which_add_the_nonce() -> None:
    by_hand = [
        name
        for name, text in ALL.items()
        if name != HTMX_MACROS and re.search(r"\shx-[a-z]+", text)
    ]
    assert by_hand == []
    for macro in tree_of(HTMX_MACROS).find_all(nodes.Macro):
        data = [part.data for part in macro.find_all(nodes.TemplateData)]
        assert 'hx-nonce="' in "".join(data), macro.name


@pytest.mark.requirement("W5")
@fails_without(page('<form method="post" action="/sign-out"></form>'))
def test_every_form_that_posts_carries_a_token() -> None:
    # Letterbox knows strangers by the origin alone: a token would need a cookie.
    asked = {name: text for name, text in ALL.items() if not name.startswith("product/sign_in/")}
    for name, text in asked.items():
        for form in re.findall(r"<form[^>]*?method=\"post\".*?</form>", text, re.DOTALL):
            assert len(re.findall(r"{{ csrf(_field)?\(\) }}", form)) == 1, f"{name}: {form}"


def test_every_template_is_used() -> None:
    used = {used for name in SOURCES for used in names_in(name)}
    used |= set(re.findall(r"[\w/]+\.html", CODE))
    assert sorted(set(SOURCES) - used) == []
    assert sorted(used - set(SOURCES)) == [], "and what is used is there"


def test_every_macro_is_used() -> None:
    defined = {
        (name, macro.name) for name in SOURCES for macro in tree_of(name).find_all(nodes.Macro)
    }
    called = {
        call.node.name
        for name in SOURCES
        for call in tree_of(name).find_all(nodes.Call)
        if isinstance(call.node, nodes.Name)
    }
    assert sorted(f"{name}: {macro}" for name, macro in defined if macro not in called) == []


def test_no_import_is_idle() -> None:
    for name, text in SOURCES.items():
        for imported in tree_of(name).find_all(nodes.FromImport):
            for one in imported.names:
                called = one[1] if isinstance(one, tuple) else one
                # Partials that are included see what their page has imported.
                seen = [text, *(SOURCES[part] for part in names_in(name) if part in SOURCES)]
                count = sum(len(re.findall(rf"\b{called}\b", each)) for each in seen)
                assert count > 1, f"{name} imports {called} for nothing"
