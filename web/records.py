"""The records: lists by schema, search, and a page for each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from connectors.sdk import registry
from connectors.sdk.records import Record
from connectors.sdk.schemas.base import RecordSchema
from web import context

PAGE_SIZE = 25
_SEARCH_LENGTH = 200

blueprint = Blueprint("records", __name__, url_prefix="/records")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Args:
        number: From 1.
        total: Items on all pages.
        size: Items on a page.
    """

    number: int
    total: int
    size: int = PAGE_SIZE

    @property
    def offset(self) -> int:
        """Items before this page."""
        return (self.number - 1) * self.size

    @property
    def last(self) -> int:
        """Number of the last page; 1 when there is nothing."""
        return max(1, -(-self.total // self.size))


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """To the list of the schema that the person has most of."""
    held: Counter[str] = Counter()
    for count in context.vault().stats():
        held[count.schema] += count.records
    known = registry.schemas()
    slug = max(known, key=lambda name: held[known[name].uri])
    return redirect(url_for(".listing", slug=slug))


@blueprint.get("/<slug>")
def listing(slug: str) -> ResponseReturnValue:
    """Records of a schema, the latest first; or what `?q=` finds, the best first."""
    schema = _schema(slug)
    text = request.args.get("q", "").strip()[:_SEARCH_LENGTH]
    vault = context.vault()
    total = vault.search_count(text, schema=slug) if text else vault.count(slug, {})
    page = Page(_page_number(), total)
    if page.number > page.last:
        return redirect(url_for(".listing", slug=slug, q=text or None, page=page.last))
    rows: list[tuple[Record, str]]
    if text:
        hits = vault.search(text, schema=slug, limit=page.size, offset=page.offset)
        rows = [(hit.record, hit.snippet) for hit in hits]
    else:
        found = vault.query(
            slug, {}, sort=[(schema.sort_field, "desc")], limit=page.size, offset=page.offset
        )
        rows = [(record, "") for record in found]
    return render_template("records.html", schema=schema, slug=slug, q=text, page=page, rows=rows)


@blueprint.get("/<slug>/<path:record_id>")
def record(slug: str, record_id: str) -> ResponseReturnValue:
    """One record. Its text alone is shown: markup of others never reaches the page."""
    schema = _schema(slug)
    found = context.vault().get(record_id)
    if found is None or found.get("schema") != schema.uri:
        abort(404, "There is no such record in your vault.")
    return render_template(
        [f"records/{slug}.html", "records/any.html"],
        schema=schema,
        slug=slug,
        record=found,
        fields=_own_fields(found),
    )


def _schema(slug: str) -> type[RecordSchema]:
    schema = registry.schemas().get(slug)
    if schema is None:
        abort(404, "There is no such kind of record.")
    return schema


def _page_number() -> int:
    value = request.args.get("page", "1")
    return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) < 9 else 1


def _own_fields(found: Record) -> dict[str, Any]:
    """What a page without a template of its own shows."""
    hidden = {"_id", "schema", "name", "sourceData", "sourceApplication"}
    return {key: value for key, value in found.items() if key not in hidden}
