"""The house rules of ARCHITECTURE.md, read from the code itself."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "app"

# Who may import whom, nearest name first; what is not here may import nothing of ours.
ARROWS: dict[str, set[str]] = {
    "app.storage": {"app.storage"},
    "app.domain": {"app.domain", "app.storage"},
    "app.web.admin": {"app.web", "app.domain", "app.storage", "app.config"},
    "app.web.api": {"app.web", "app.domain", "app.storage", "app.config"},
    # The application is put together here: it is the one module that knows both rooms.
    "app.web": {"app.web", "app.domain", "app.storage", "app.config", "app.configured"},
    "app.cli": {
        "app.cli",
        "app.domain",
        "app.storage",
        "app.config",
        "app.configured",
        "app.sources",
        "app.demo",
        "app.start_check",
    },
    "app.worker": {
        "app.domain",
        "app.storage",
        "app.config",
        "app.configured",
        "app.logs",
        "app.monitoring",
        "app.start_check",
    },
    "app.wsgi": {"app.web", "app.config", "app.logs", "app.setting_changes", "app.start_check"},
    "app.serving": {"app.config", "app.storage"},
    "app.logs": set(),
    # What the worker shows to whoever watches over the site.
    "app.monitoring": {"app.domain", "app.storage"},
    "app.setting_changes": {"app.config", "app.domain", "app.storage"},
    # What has to be in order before anything starts.
    "app.start_check": {"app.config", "app.demo", "app.domain", "app.storage"},
    "app.launcher": {"app.config", "app.demo", "app.launcher_database", "app.postgresql_server"},
    "app.launcher_database": {"app.postgresql_server"},
    "app.postgresql_server": set(),
    "app.demo": {"app.demo", "app.domain", "app.storage"},
    "app.config": set(),
    "app.configured": {"app.config", "app.domain", "app.outgoing", "app.sources"},
    # What talks to other machines, and is told by the domain what to say.
    "app.outgoing": {"app.outgoing", "app.domain"},
    # What reads accounts and members out of files and other databases, for the domain to judge.
    "app.sources": {"app.sources", "app.domain", "app.storage"},
    "app.kit": {"app.kit"},
    "app.product": {"app.product", "app.kit"},
}
PUTS_THE_APPLICATION_TOGETHER = "app.web.application"
KITS_LIBRARIES = {"jwt", "urllib3"}
# Letterbox is a customer of ours: its request and its command have units of work of their own.
COMMITS = {
    "app.storage.database",
    "app.product.commands",
    "app.product.database",
    "app.product.unit_of_work",
}
APP_FACTORIES = {"app.product", "app.web.admin"}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(source(module).read_text(encoding="utf-8"))


def source(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = sorted(_name(path) for path in APP.rglob("*.py"))


@cache
def imports(module: str) -> set[str]:
    """Return the full names of the modules that the module imports."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: say where from, not how far up"
            parent = str(node.module)
            # `from app.domain import tokens` names a module, `from app.config import Config` not.
            for alias in node.names:
                full = f"{parent}.{alias.name}"
                found.add(full if full in MODULES else parent)
    return found


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def room_of(module: str) -> str | None:
    rooms = [room for room in ARROWS if within(module, room)]
    return max(rooms, key=len, default=None)


def ours(modules: set[str]) -> set[str]:
    return {module for module in modules if within(module, "app")}


def wrong_arrows() -> Iterator[str]:
    for module in MODULES:
        room = room_of(module)
        allowed = ARROWS[room] if room else set()
        for imported in sorted(ours(imports(module))):
            if not any(within(imported, one) for one in allowed):
                yield f"{module} must not import {imported}"


def test_every_module_has_its_room() -> None:
    assert [module for module in MODULES if not room_of(module)] == ["app"]


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    wrong = [sentence for sentence in wrong_arrows() if sentence.startswith(f"{module} ")]
    assert wrong == []


def test_the_rooms_of_the_web_do_not_know_one_another() -> None:
    pairs = (("app.web.admin", "app.web.api"), ("app.web.api", "app.web.admin"))
    for here, there in pairs:
        for module in MODULES:
            if within(module, here):
                assert not [name for name in imports(module) if within(name, there)], module


def test_only_the_application_knows_both_rooms_of_the_web() -> None:
    shared = [
        module for module in MODULES if within(module, "app.web") and room_of(module) == "app.web"
    ]
    knowing = [
        module
        for module in shared
        if any(
            within(name, room)
            for name in imports(module)
            for room in ("app.web.admin", "app.web.api")
        )
    ]
    assert knowing == [PUTS_THE_APPLICATION_TOGETHER]


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, "app.domain")])
def test_the_domain_knows_no_web(module: str) -> None:
    frameworks = {name.split(".")[0] for name in imports(module)}
    assert frameworks.isdisjoint({"flask", "flask_login", "flask_wtf", "jinja2", "werkzeug"})


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, "app.kit")])
def test_the_kit_can_be_lifted_out(module: str) -> None:
    """It needs the standard library, PyJWT and an HTTP client, and itself."""
    outside = {name.split(".")[0] for name in imports(module) if not within(name, "app.kit")}
    assert outside <= set(sys.stdlib_module_names) | KITS_LIBRARIES


def test_no_import_waits_inside_a_function() -> None:
    late = [
        f"{module}:{node.lineno}"
        for module in MODULES
        for function in ast.walk(tree(module))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert late == []


def test_no_imports_go_round_in_a_circle() -> None:
    edges = {module: imports(module) & set(MODULES) for module in MODULES}
    left = dict(edges)
    # Take away whoever imports nothing that is left, again and again; a circle stays.
    while free := [module for module, needs in left.items() if not needs & left.keys() - {module}]:
        for module in free:
            del left[module]
    assert left == {}


def test_only_the_unit_of_work_commits() -> None:
    calls = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "begin", "begin_nested"}
    }
    assert calls == COMMITS


def test_units_of_work_are_opened_by_requests_commands_and_the_worker_alone() -> None:
    openers = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "unit_of_work"
        and not within(module, "app.product")
    }
    workers = ("app.worker", "app.monitoring", "app.setting_changes", "app.start_check")
    allowed = ("app.web.application", "app.cli", *workers)
    assert all(any(within(module, room) for room in allowed) for module in openers), openers


@pytest.mark.parametrize("module", [name for name in MODULES if source(name).name == "__init__.py"])
def test_packages_are_empty_save_app_factories(module: str) -> None:
    if module not in APP_FACTORIES:
        assert source(module).read_text(encoding="utf-8") == ""


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        module
        for module in MODULES
        if source(module).stat().st_size and not ast.get_docstring(tree(module))
    ]
    assert silent == []


@pytest.mark.requirement("S4")
def test_nobody_is_remembered_beyond_the_session() -> None:
    remembering = [
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.keyword) and node.arg == "remember"
    ]
    assert remembering == []


@pytest.mark.requirement("R5")
def test_time_comes_from_one_place_in_each_room() -> None:
    readers = {
        module
        for module in MODULES
        if not within(module, "app.product") and not within(module, "app.kit")
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
        if isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date"}
    }
    rooms = ("app.web.authentication", "app.cli.settings", "app.worker")
    assert all(any(within(module, room) for room in rooms) for module in readers), readers


@pytest.mark.requirement("I1")
def test_nothing_writes_when_a_session_expires_but_its_start() -> None:
    writers = {
        module
        for module in MODULES
        if within(module, "app.domain") or within(module, "app.web") or within(module, "app.cli")
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.keyword) and node.arg == "expires_at")
        or (
            isinstance(node, ast.Attribute)
            and node.attr == "expires_at"
            and isinstance(node.ctx, ast.Store)
        )
    }
    # An API key has a time of its own.
    writers -= {module for module in writers if module.endswith(".api_keys")}
    # The hand-off's own minute is another one, and that of a link.
    assert writers == {
        "app.domain.impersonations",
        "app.domain.handoffs",
        "app.domain.impersonation_links",
    }


SECRETS = re.compile(r"(secret|token|digest|hash|signature|password|code|ticket)$")


def compared_secrets(module: str) -> Iterator[int]:
    """The lines where something secret is compared as any text is."""
    for node in ast.walk(tree(module)):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            continue
        sides = [node.left, *node.comparators]
        # A column is compared by the database, in an index of hashes.
        if any(isinstance(side, ast.Attribute) and _is_column(side) for side in sides):
            continue
        names = [_last_name(side) for side in sides]
        if any(SECRETS.search(name) for name in names) and all(names):
            yield node.lineno


def _is_column(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id[0].isupper()


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.requirement("K5")
def test_secrets_are_compared_in_constant_time_or_by_hash() -> None:
    found = [f"{module}:{line}" for module in MODULES for line in compared_secrets(module)]
    assert found == []
