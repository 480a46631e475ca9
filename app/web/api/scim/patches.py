"""The dialects of PATCH that identity providers speak, as the plain one of RFC 7644.

scim2-models takes most of them: "Replace" with a capital, "False" as text, a value without a path.
"""

from typing import Any


def plain_operations(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body, with each key that is a path with a filter as an operation of its own.

    Microsoft Entra sends `{"op": "Replace", "value": {"emails[type eq \\"work\\"].value": …}}`.
    """
    name = next((name for name in body if name.lower() == "operations"), "Operations")
    operations = body.get(name)
    if not isinstance(operations, list):
        return body
    return {**body, name: [one for operation in operations for one in _split(operation)]}


def _split(operation: Any) -> list[Any]:
    if not isinstance(operation, dict):
        return [operation]
    by_name = {str(name).lower(): name for name in operation}
    value = operation.get(by_name.get("value", ""))
    if operation.get(by_name.get("path", "")) or not isinstance(value, dict):
        return [operation]
    filtered = {path: one for path, one in value.items() if "[" in path}
    if not filtered:
        return [operation]
    plain = {name: one for name, one in value.items() if name not in filtered}
    op = operation.get(by_name.get("op", ""))
    split = [{**operation, by_name["value"]: plain}] if plain else []
    return [*split, *[{"op": op, "path": path, "value": one} for path, one in filtered.items()]]
