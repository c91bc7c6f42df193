"""`/records`: reading and searching the vault."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import abort

from connectors.sdk import registry
from vault.vault import Vault
from web import context
from web.api import schemas
from web.api.blueprint import Blueprint

blueprint = Blueprint("records-api", "Reading and searching the vault.")


@blueprint.get("/records/<schema>")
@blueprint.arguments(schemas.RecordArguments, location="query")
@blueprint.response(200, schemas.RecordsSchema)
@blueprint.alt_response(404, description="There is no such schema.")
def query(arguments: dict[str, Any], schema: str) -> dict[str, Any]:
    """Records of a schema, named by its slug, such as `email`."""
    vault = _vault(schema)
    selector = _selector(arguments["filter"])
    limit, offset = arguments["limit"], arguments["offset"]
    try:
        found = vault.query(
            schema, selector, sort=_sort(arguments["sort"]), limit=limit, offset=offset
        )
        total = vault.count(schema, selector)
    except ValueError as error:
        abort(400, str(error))
    return {"records": found, "total": total, "limit": limit, "offset": offset}


@blueprint.get("/records/<schema>/search")
@blueprint.arguments(schemas.SearchArguments, location="query")
@blueprint.response(200, schemas.HitsSchema)
@blueprint.alt_response(404, description="There is no such schema.")
def search(arguments: dict[str, Any], schema: str) -> dict[str, Any]:
    """Records that hold all the words, the best first."""
    vault = _vault(schema)
    hits = vault.search(
        arguments["q"], schema=schema, limit=arguments["limit"], offset=arguments["offset"]
    )
    return {"hits": hits, "total": vault.search_count(arguments["q"], schema=schema)}


def _vault(schema: str) -> Vault:
    if schema not in registry.schemas():
        abort(404, "There is no such kind of record.")
    return context.vault()


def _selector(text: str) -> Mapping[str, Any]:
    try:
        selector = json.loads(text)
    except (ValueError, RecursionError):
        abort(400, "The filter is not JSON.")
    if not isinstance(selector, dict):
        abort(400, "The filter must be a JSON object.")
    return selector


def _sort(text: str | None) -> list[tuple[str, Any]] | None:
    if not text:
        return None
    sort = []
    for part in text.split(","):
        field, _, direction = part.strip().partition(":")
        if direction not in {"", "asc", "desc"}:
            abort(400, "Sort by `field`, `field:asc` or `field:desc`.")
        sort.append((field, direction or "asc"))
    return sort
