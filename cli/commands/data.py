"""`dcs data`: the records of a schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from cli.errors import Fail
from cli.output import Output, json_option
from config.settings import load

if TYPE_CHECKING:
    from connectors.sdk.records import Record
    from connectors.sdk.schemas.base import RecordSchema
    from vault.vault import Vault

EPILOG = """\b
Examples:
  dcs data email
  dcs data email --search "invoice march" --limit 5
  dcs data email --filter type=send --sort sentAt:asc --fields sentAt,toEmail,name
  dcs data email --filter "sentAt>=2026-01-01" --limit 0 --jsonl
"""

#: Longest operator first, since `>` begins `>=` too.
_OPERATORS = (
    ("!=", "$ne"),
    (">=", "$gte"),
    ("<=", "$lte"),
    (">", "$gt"),
    ("<", "$lt"),
    ("=", "$eq"),
)
_PAGE = 500
#: Widest cell of a table, in characters; JSON has everything.
_CELL = 60
_COLUMNS = ("name", "_id")


@click.command(epilog=EPILOG)
@click.argument("schema")
@click.option("--sort", metavar="FIELD[:asc|desc]", help="Default: the schema's own, newest first.")
@click.option("--fields", metavar="A,B", help="Only these; dots lead into objects.")
@click.option(
    "--filter", "filters", metavar="FIELD=VALUE", multiple=True, help="Also != > >= < <=."
)
@click.option("--search", metavar="TEXT", help="Words to find; the best matches first.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="0 for all.")
@click.option("--jsonl", is_flag=True, help="One record a line, as JSON.")
@json_option
def command(
    schema: str,
    sort: str | None,
    fields: str | None,
    filters: tuple[str, ...],
    search: str | None,
    limit: int,
    jsonl: bool,
    as_json: bool,
) -> None:
    """Show the records of a schema, such as `email`.

    SCHEMA is its short name or its URI. Values of filters are JSON where they can be, else text;
    several filters must all hold.
    """
    if search and (sort or filters):
        raise click.UsageError("--search goes with neither --sort nor --filter")
    from cli.accounts import own_vault
    from vault.vaults import Vaults

    kind = _schema(schema)
    selector = _selector(filters)
    order = _order(sort, kind)
    names = [name.strip() for name in fields.split(",")] if fields else None
    out = Output(as_json=as_json or jsonl)
    vaults = Vaults(load())
    try:
        vault = own_vault(vaults)
        # What the provider sent is large: read it only where it is shown.
        source = any(name.startswith("sourceData") for name in names or ()) or (
            out.as_json and names is None
        )
        found = (
            _searched(vault, kind, search, limit, source=source)
            if search
            else _queried(vault, kind, selector, order, limit, source=source)
        )
        _print(out, (_cut(record, names) for record in found), names, kind, jsonl=jsonl)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    finally:
        vaults.close()


def _schema(name: str) -> type[RecordSchema]:
    from connectors.sdk import registry

    known = registry.schemas()
    for slug, schema in known.items():
        if name in {slug, schema.uri}:
            return schema
    raise Fail(f"there is no schema {name}; there are: {', '.join(sorted(known))}")


def _selector(filters: Sequence[str]) -> Mapping[str, Any]:
    conditions: list[dict[str, Any]] = []
    for text in filters:
        field, operator, value = _condition(text)
        conditions.append({field: {operator: value}})
    return {"$and": conditions} if len(conditions) > 1 else (conditions or [{}])[0]


def _condition(text: str) -> tuple[str, str, Any]:
    # The operator that stands first counts: a value may hold others.
    found = [(text.find(sign), -len(sign), sign, name) for sign, name in _OPERATORS if sign in text]
    if not found or min(found)[0] == 0:
        raise click.BadParameter(f"{text!r} is not FIELD=VALUE", param_hint="--filter")
    _, _, sign, name = min(found)
    field, _, value = text.partition(sign)
    return field.strip(), name, _value(value.strip())


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _order(
    sort: str | None, schema: type[RecordSchema]
) -> list[tuple[str, Literal["asc", "desc"]]]:
    field, _, direction = (sort or f"{schema.sort_field}:desc").partition(":")
    match direction or "asc":
        case "asc":
            return [(field, "asc")]
        case "desc":
            return [(field, "desc")]
    raise click.BadParameter(f"{direction!r} is neither asc nor desc", param_hint="--sort")


def _queried(
    vault: Vault,
    schema: type[RecordSchema],
    selector: Mapping[str, Any],
    order: list[tuple[str, Literal["asc", "desc"]]],
    limit: int,
    *,
    source: bool,
) -> Iterator[Record]:
    offset = 0
    while limit == 0 or offset < limit:
        size = min(_PAGE, limit - offset) if limit else _PAGE
        page = vault.query(
            schema.uri, selector, sort=order, limit=size, offset=offset, with_source=source
        )
        yield from page
        if len(page) < size:
            return
        offset += size


def _searched(
    vault: Vault, schema: type[RecordSchema], text: str, limit: int, *, source: bool
) -> Iterator[Record]:
    size = limit or vault.search_count(text, schema=schema.uri)
    for hit in vault.search(text, schema=schema.uri, limit=size):
        yield (vault.get(hit.record["_id"]) or hit.record) if source else hit.record


def _cut(record: Record, names: Sequence[str] | None) -> Record:
    return record if names is None else {name: _at(record, name) for name in names}


def _at(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _print(
    out: Output,
    records: Iterator[Record],
    names: Sequence[str] | None,
    schema: type[RecordSchema],
    *,
    jsonl: bool,
) -> None:
    if jsonl:
        for record in records:
            click.echo(json.dumps(record, ensure_ascii=False))
    elif out.as_json:
        out.result(list(records), lambda: None)
    else:
        columns = list(names or dict.fromkeys([schema.sort_field, *_COLUMNS]))
        rows = [[_cell(_shown(record, column)) for column in columns] for record in records]
        out.table(columns, rows, empty="no record")


def _shown(record: Record, column: str) -> Any:
    """A field of a whole record, or of one that was cut and so holds the path itself."""
    return record[column] if column in record else _at(record, column)


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "" if value is None else " ".join(text.split())
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"
