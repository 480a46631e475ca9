"""What can be done with any kind of resource: read, list, add, replace, patch, remove."""

from typing import Any

from flask import Response, g, request
from flask.typing import ResponseReturnValue
from scim2_models import Context, NotFoundException, PatchOp, SearchRequest

from app.domain import pushes
from app.domain.push_rules import Push
from app.domain.pushes import Pusher
from app.storage import pushed
from app.storage.pushed import Row
from app.web.api.scim import answers, bodies, lists
from app.web.api.scim.kinds import Kind
from app.web.api.scim.patches import plain_operations
from app.web.api.scim.resources import POLICY
from app.web.provenance import provenance


def index(kind: Kind[Any]) -> ResponseReturnValue:
    """Return those that the address asks for."""
    return _list(kind, request.args.to_dict())


def search(kind: Kind[Any]) -> ResponseReturnValue:
    """Return those that the body asks for (RFC 7644, 3.4.3)."""
    return _list(kind, bodies.payload())


def show(kind: Kind[Any], id_: str) -> ResponseReturnValue:
    """Return one, or that it is what the asker has already."""
    parameters = answers.parameters_of(kind.model)
    found = kind.resource_of(_found(pushed.find(g.db, kind.row, id_)))
    return answers.unchanged(found) or answers.resource(found, parameters=parameters)


def create(kind: Kind[Any]) -> ResponseReturnValue:
    """Add one."""
    parameters = answers.parameters_of(kind.model)
    push = kind.push_of(bodies.parse(kind.model, bodies.payload()), None)
    row = pushes.add(g.db, kind.row, push, by=_pusher())
    return answers.resource(kind.resource_of(row), 201, parameters=parameters)


def replace(kind: Kind[Any], id_: str) -> ResponseReturnValue:
    """Bring one in line with what is sent; what that leaves out stays as it is."""
    sent = bodies.parse(kind.model, bodies.payload())
    row = _held(kind, id_)
    return _change(kind, row, kind.push_of(sent, kind.resource_of(row)))


def patch(kind: Kind[Any], id_: str) -> ResponseReturnValue:
    """Change one as the operations say: all of them, or none (RFC 7644, 3.5.2)."""
    operations: Any = bodies.parse(
        bodies.of(PatchOp, kind.model),
        plain_operations(bodies.payload()),
        context=Context.RESOURCE_PATCH_REQUEST,
    )
    row = _held(kind, id_)
    before, after = kind.resource_of(row), kind.resource_of(row)
    operations.patch(after, scim_policy=POLICY)
    return _change(kind, row, kind.push_of(after, before))


def remove(kind: Kind[Any], id_: str) -> ResponseReturnValue:
    """Remove one from the sight of pushers."""
    pushes.remove(g.db, _held(kind, id_), by=_pusher())
    return Response(status=204)


def _list(kind: Kind[Any], asked: dict[str, Any]) -> ResponseReturnValue:
    asked_for: Any = bodies.parse(bodies.of(SearchRequest, kind.model), asked)
    return answers.answer(lists.list_of(kind, asked_for), parameters=asked_for)


def _held(kind: Kind[Row], id_: str) -> Row:
    row = _found(pushes.held(g.db, kind.row, id_))
    answers.check_version(kind.resource_of(row))
    return row


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFoundException(detail="There is no such resource.")
    return row


def _change(kind: Kind[Row], row: Row, push: Push) -> ResponseReturnValue:
    parameters = answers.parameters_of(kind.model)
    changed = pushes.change(g.db, row, push, by=_pusher())
    return answers.resource(kind.resource_of(changed), parameters=parameters)


def _pusher() -> Pusher:
    return Pusher(f"the API key {g.api_key.name}", provenance(), g.now)
