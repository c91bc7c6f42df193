"""A quick look at a record that passes its schema without doubt, as nearly all do.

Marshmallow builds each value anew and collects every error; that is more work than all else a
record costs. Here a schema is read once and turned into plain checks. They say yes only to what
`Schema.load` takes; whatever they do not know or doubt is left to it.

https://marshmallow.readthedocs.io/en/stable/marshmallow.fields.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from math import isfinite
from typing import Any

from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields

#: Whether a value passes without doubt.
Look = Callable[[Any], bool]

_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII
)


@lru_cache(maxsize=64)
def check_of(schema: type[Schema]) -> tuple[Schema, Look]:
    """A schema, made once in a process since that costs more than using it, and its quick look."""
    made = schema()
    return made, look_of(made)


def look_of(schema: Schema) -> Look:
    """The quick look for records of a schema; one that never says yes where it has hooks.

    Args:
        schema: Made once for many records.
    """
    if any(schema._hooks.values()):  # noqa: SLF001 - there is no other way to know
        return _doubt
    looks: dict[str, Look] = {}
    required: set[str] = set()
    for name, field in schema.load_fields.items():
        key = field.data_key if field.data_key is not None else name
        looks[key] = _look(field)
        if field.required:
            required.add(key)
    strict = schema.unknown not in (EXCLUDE, INCLUDE)

    def look(value: Any) -> bool:
        if type(value) is not dict or not required <= value.keys():
            return False
        for key, inner in value.items():
            known = looks.get(key)
            if known is None:
                if strict:
                    return False
            elif not known(inner):
                return False
        return True

    return look


def _look(field: fields.Field[Any]) -> Look:
    made = _MAKERS.get(type(field))
    look = made(field) if made else _doubt
    if not field.validators:
        return look
    validators = field.validators

    def validated(value: Any) -> bool:
        if not look(value):
            return False
        try:
            for validator in validators:
                validator(value)
        except ValidationError:
            return False
        return True

    return validated


def _doubt(_: Any) -> bool:
    return False


def _of_type(kind: type) -> Callable[[Any], Look]:
    return lambda _: lambda value: type(value) is kind


def _url(field: Any) -> Look:
    @lru_cache(maxsize=256)
    def known(value: str) -> bool:
        try:
            field.deserialize(value)
        except ValidationError:
            return False
        return True

    return lambda value: type(value) is str and known(value)


def _moment(value: Any) -> bool:
    if type(value) is not str or not _MOMENT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _list(field: Any) -> Look:
    inner = _look(field.inner)
    return lambda value: type(value) is list and all(map(inner, value))


def _nested(field: Any) -> Look:
    # `many` and a nesting's own idea of unknown fields are rare enough to be left to the library.
    return _doubt if field.many or field.unknown else look_of(field.schema)


_MAKERS: Mapping[type, Callable[[Any], Look]] = {
    fields.String: _of_type(str),
    fields.Integer: _of_type(int),
    fields.Float: lambda _: lambda value: type(value) is float and isfinite(value),
    fields.Boolean: _of_type(bool),
    fields.Dict: lambda field: (
        _doubt if field.key_field or field.value_field else _of_type(dict)(field)
    ),
    fields.Url: _url,
    fields.AwareDateTime: lambda field: _moment if field.format == "iso" else _doubt,
    fields.List: _list,
    fields.Nested: _nested,
}
