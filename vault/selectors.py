"""Selectors: questions to the vault, as in MongoDB and in the API of before.

`{"fromEmail": "a@example.com", "sentAt": {"$gte": "2024-01-01T00:00:00.000Z"}}` asks for records
for which all of that holds. A field is a record's field or a dotted name that leads through
objects (`avatar.uri`). Where a field holds a list, a value matches when any element does.

| operator | holds when |
| --- | --- |
| a value, `$eq` | equal; null matches a missing field too |
| `$ne`, `$nin` | not `$eq`, not `$in`: a missing field matches |
| `$gt`, `$gte`, `$lt`, `$lte` | beyond the value; numbers compare with numbers, text with text |
| `$in` | equal to one of the list |
| `$exists` | the field is there (true), or not (false) |
| `$and`, `$or` | all, or one, of a list of selectors hold |
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, literal, not_, or_, select, true
from sqlalchemy.sql.elements import UnaryExpression

from connectors.sdk.schemas.base import RecordSchema
from vault.model import Selector, Sort
from vault.tables import records

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_DEEPEST = 20
_MOST_VALUES = 1000
_RANGES: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le,
}  # fmt: skip
_COLUMNS: Mapping[str, ColumnElement[str]] = {
    "_id": records.c.id,
    "sourceId": records.c.source_id,
}
_LARGEST = 2**63 - 1


def where(
    selector: Selector | None, schema: type[RecordSchema], depth: int = 0
) -> ColumnElement[bool]:
    """The condition on `tables.records` that a selector stands for; values are bound.

    Raises:
        ValueError: A field's name, an operator or a value is not one that can be asked for.
    """
    if depth > _DEEPEST:
        raise ValueError("the selector is nested too deeply")
    parts: list[ColumnElement[bool]] = []
    for key, value in (selector or {}).items():
        if key in ("$and", "$or"):
            parts.append(_combined(key, value, schema, depth))
        elif key.startswith("$"):
            raise ValueError(f"unknown operator {key[:20]!r}: there are $and and $or")
        else:
            parts.append(_field_condition(key, value, schema))
    return and_(true(), *parts)


def order_by(sort: Sort | None, schema: type[RecordSchema]) -> list[UnaryExpression[Any]]:
    """The order asked for; newest first by the schema's own field when none is.

    Raises:
        ValueError: A field's name or a direction is wrong.
    """
    orders: list[UnaryExpression[Any]] = []
    for field, direction in sort or [(schema.sort_field, "desc")]:
        if direction not in ("asc", "desc"):
            raise ValueError("a sort direction is asc or desc")
        key = _sort_key(field, schema)
        orders.append(key.desc() if direction == "desc" else key.asc())
    # Pages must not overlap where values are equal.
    return [*orders, records.c.row.desc()]


def _sort_key(field: str, schema: type[RecordSchema]) -> ColumnElement[Any]:
    if field == schema.sort_field:
        return records.c.sort_at
    if field == "deletedAt":
        return records.c.deleted_at
    if field in _COLUMNS:
        return _COLUMNS[field]
    return func.json_extract(records.c.payload, _path(field))


def _combined(key: str, value: Any, schema: type[RecordSchema], depth: int) -> ColumnElement[bool]:
    if not isinstance(value, list) or not value or not all(isinstance(v, Mapping) for v in value):
        raise ValueError(f"{key} takes a list of selectors")
    inner = [where(v, schema, depth + 1) for v in value]
    return and_(true(), *inner) if key == "$and" else or_(false(), *inner)


def _field_condition(field: str, value: Any, schema: type[RecordSchema]) -> ColumnElement[bool]:
    test = _Field(field, schema)
    if not isinstance(value, Mapping):
        return test.equal(value)
    if not value:
        raise ValueError(f"{field}: an object is no value to compare with")
    return and_(true(), *(test.condition(name, wanted) for name, wanted in value.items()))


class _Field:
    """Conditions on one field."""

    def __init__(self, name: str, schema: type[RecordSchema]) -> None:
        self.name = name
        self.path = _path(name)
        #: A column with an index, which holds the same value where the field is there.
        self.column = records.c.sort_at if name == schema.sort_field else _COLUMNS.get(name)

    def condition(self, name: str, wanted: Any) -> ColumnElement[bool]:
        """What one operator stands for."""
        if name in _RANGES:
            return self._range(_RANGES[name], wanted)
        match name:
            case "$eq":
                return self.equal(wanted)
            case "$ne":
                return not_(self.equal(wanted))
            case "$in":
                return self._any_of(wanted)
            case "$nin":
                return not_(self._any_of(wanted))
            case "$exists":
                return self._exists(wanted)
        raise ValueError(
            f"unknown operator {name[:20]!r}: there are $eq, $ne, $gt, $gte, $lt, $lte, $in,"
            " $nin and $exists"
        )

    def equal(self, wanted: Any) -> ColumnElement[bool]:
        """The field, or an element of its list, is the value."""
        if self.name == "deletedAt":
            return self._deleted_at(operator.eq, wanted)
        if wanted is None:
            missing = func.json_type(records.c.payload, self.path).is_(None)
            return or_(missing, self._element(lambda kind, _: kind == "null"))
        if isinstance(wanted, bool):
            return self._element(lambda kind, _: kind == ("true" if wanted else "false"))
        return self._compare(operator.eq, wanted)

    def _range(
        self, compare: Callable[[Any, Any], ColumnElement[bool]], wanted: Any
    ) -> ColumnElement[bool]:
        if wanted is None or isinstance(wanted, bool):
            raise ValueError(f"{self.name}: only numbers and text have an order")
        if self.name == "deletedAt":
            return self._deleted_at(compare, wanted)
        return self._compare(compare, wanted)

    def _compare(
        self, compare: Callable[[Any, Any], ColumnElement[bool]], wanted: Any
    ) -> ColumnElement[bool]:
        value = _value(self.name, wanted)
        kinds = ("text",) if isinstance(value, str) else ("integer", "real")
        holds = self._element(lambda kind, held: and_(kind.in_(kinds), compare(held, value)))
        if self.column is not None and isinstance(value, str):
            return and_(compare(self.column, value), holds)
        return holds

    def _any_of(self, wanted: Any) -> ColumnElement[bool]:
        if not isinstance(wanted, list) or len(wanted) > _MOST_VALUES:
            raise ValueError(f"{self.name}: $in and $nin take a list of up to {_MOST_VALUES}")
        texts = [_value(self.name, w) for w in wanted if isinstance(w, str)]
        others = [self.equal(w) for w in wanted if not isinstance(w, str)]
        if not texts:
            return or_(false(), *others)
        if self.name == "deletedAt":
            return or_(func.coalesce(records.c.deleted_at.in_(texts), false()), *others)
        holds = self._element(lambda kind, held: and_(kind == "text", held.in_(texts)))
        if self.column is not None:
            holds = and_(self.column.in_(texts), holds)
        return or_(holds, *others)

    def _exists(self, wanted: Any) -> ColumnElement[bool]:
        if not isinstance(wanted, bool):
            raise ValueError(f"{self.name}: $exists takes true or false")  # noqa: TRY004 - all that is wrong with a selector is a ValueError
        there = (
            records.c.deleted_at.is_not(None)
            if self.name == "deletedAt"
            else func.json_type(records.c.payload, self.path).is_not(None)
        )
        return there if wanted else not_(there)

    def _deleted_at(
        self, compare: Callable[[Any, Any], ColumnElement[bool]], wanted: Any
    ) -> ColumnElement[bool]:
        if wanted is None:
            return records.c.deleted_at.is_(None)
        if not isinstance(wanted, str):
            return false()
        return func.coalesce(compare(records.c.deleted_at, _value(self.name, wanted)), false())

    def _element(
        self, holds: Callable[[ColumnElement[str], ColumnElement[Any]], ColumnElement[bool]]
    ) -> ColumnElement[bool]:
        """Whether something holds for the field's type and value, or an element's of its list."""
        each = func.json_each(records.c.payload, self.path).table_valued("type", "atom")
        query = select(literal(1)).select_from(each)
        # An object's members are no elements; json_each would walk them too.
        kind = func.json_type(records.c.payload, self.path)
        return query.where(
            func.coalesce(kind, "object") != "object", holds(each.c.type, each.c.atom)
        ).correlate(records).exists()  # fmt: skip


def _path(field: str) -> str:
    if not _FIELD.fullmatch(field) or len(field) > 200:
        raise ValueError(f"{field[:40]!r} is not the name of a field")
    if field.split(".", maxsplit=1)[0] == "sourceData":
        raise ValueError("sourceData cannot be asked for; ask for the record's own fields")
    return "$" + "".join("." + json.dumps(part) for part in field.split("."))


def _value(field: str, wanted: Any) -> str | int | float:
    if isinstance(wanted, str):
        if not wanted.isascii() and any("\ud800" <= c <= "\udfff" for c in wanted):
            raise ValueError(f"{field}: the value is not valid text")
        return wanted
    if isinstance(wanted, int) and abs(wanted) <= _LARGEST:
        return wanted
    if isinstance(wanted, (int, float)):
        return float(wanted)
    raise ValueError(f"{field}: a value is text, a number, true, false or null")
