"""SCIM filters as conditions of a query: allow-listed columns, and values that are always bound.

scim2-models parses a filter and says which attribute each part is about. What compares without
case there is compared here as names are everywhere on this site: without accents, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from operator import eq, ge, gt, le, lt
from typing import Any

from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)
from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true

from app.storage.base import can_be_stored
from app.storage.folding import fold

MOST_PARTS = 100
Condition = ColumnElement[bool]
ORDERING: dict[CompareOperator, Callable[[Any, Any], Condition]] = {
    CompareOperator.eq: eq,
    CompareOperator.gt: gt,
    CompareOperator.ge: ge,
    CompareOperator.lt: lt,
    CompareOperator.le: le,
}


@dataclass(frozen=True)
class Attribute:
    """How an attribute is compared: its column, which is never NULL, and what is sought in it.

    `key` turns what a filter says into what the column holds. `equals` is for a column that is
    not where the index is.
    """

    column: Any
    key: Callable[[str], str] = str
    equals: Callable[[str], Condition] | None = None


Attributes = Mapping[tuple[str, str | None], Attribute]


def condition_of(scim_filter: "ScimFilter[Any] | None", attributes: Attributes) -> Condition:
    """Return the condition that the filter spells; raise InvalidFilterException for others."""
    if scim_filter is None:
        return true()
    return _Translator(scim_filter, attributes).visit(scim_filter.ast)


class _Translator(FilterVisitor[Condition]):
    def __init__(
        self,
        scim_filter: "ScimFilter[Any]",
        attributes: Attributes,
        within: AttrPath | None = None,
    ) -> None:
        self.filter = scim_filter
        self.attributes = attributes
        self.within = within
        self.parts = 0

    def visit(self, node: FilterNode) -> Condition:
        # A database takes only so much of a condition.
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise InvalidFilterException(detail=f"A filter has {MOST_PARTS} parts at most.")
        return super().visit(node)

    def visit_not(self, node: Not) -> Condition:
        return not_(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        join = and_ if node.op == LogicalOperator.and_ else or_
        return join(*[self.visit(term) for term in node.terms])

    def visit_value_path(self, node: ValuePath) -> Condition:
        # There is one value at most, so what is said of one is said of the member.
        inner = _Translator(self.filter, self.attributes, within=node.attr_path)
        inner.parts = self.parts
        condition = inner.visit(node.val_filter)
        self.parts = inner.parts
        return condition

    def visit_present(self, node: Present) -> Condition:
        return _is_present(self._attribute(self._binding(node.attr_path)))

    def visit_comparison(self, node: Comparison) -> Condition:
        binding = self._binding(node.attr_path)
        attribute = self._attribute(binding)
        negated = node.op == CompareOperator.ne
        op = CompareOperator.eq if negated else node.op
        if node.value is None:
            condition = not_(_is_present(attribute))
            condition = condition if op == CompareOperator.eq else false()
        else:
            condition = _compare(attribute, op, coerce_value(binding, node.value, op))
        return not_(condition) if negated else condition

    def _binding(self, path: AttrPath) -> AttributeBinding:
        if self.within is not None:
            path = AttrPath(self.within.attr, path.attr, self.within.uri)
        binding = self.filter.resolve_comparison(path)
        if binding is None:
            raise InvalidFilterException(detail=f"{path} cannot be filtered by.")
        return binding

    def _attribute(self, binding: AttributeBinding) -> Attribute:
        attribute = self.attributes.get((binding.field_name, binding.sub_field_name))
        if attribute is None:
            raise InvalidFilterException(detail=f"{binding.urn} cannot be filtered by.")
        return attribute


def _is_present(attribute: Attribute) -> Condition:
    return attribute.column != "" if attribute.column.type.python_type is str else true()


def _compare(attribute: Attribute, op: CompareOperator, value: object) -> Condition:
    if isinstance(value, str):
        if not can_be_stored(value):
            raise InvalidFilterException(detail="A value holds a zero byte or half a character.")
        if attribute.column.type.python_type is not str:
            raise InvalidFilterException(detail=f"{op} needs another attribute.")
        if op == CompareOperator.eq and attribute.equals is not None:
            return attribute.equals(value)
        value = attribute.key(value)
        if op in PARTS:
            return PARTS[op](attribute.column, value)
    elif isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return ORDERING[op](attribute.column, value)


# LIKE is not the same on SQLite, which ignores case, and has letters of its own to escape.
def _contains(column: ColumnElement[Any], text: str) -> Condition:
    return func.replace(column, text, "") != column if text else true()


def _starts(column: ColumnElement[Any], text: str) -> Condition:
    return func.substr(column, 1, len(text)) == text


def _ends(column: ColumnElement[Any], text: str) -> Condition:
    length = func.length(column)
    return and_(length >= len(text), func.substr(column, length - len(text) + 1) == text)


PARTS: dict[CompareOperator, Callable[[ColumnElement[Any], str], Condition]] = {
    CompareOperator.co: _contains,
    CompareOperator.sw: _starts,
    CompareOperator.ew: _ends,
}

folded = partial(Attribute, key=fold)
