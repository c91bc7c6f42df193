"""What an account holds for one handler, read and changed over HTTP by another process.

All under `/_sandbox/holdings/<provider>/<account's number>/<handler>`:

| request | what it does |
| --- | --- |
| `GET` | `expected`: the ids that a sync must keep (with the handler's options as the query), and the holding's attributes and `idle_requests` |
| `GET .../sent/<id>` | `sent`: what the API last sent of an item (`SandboxOptions.remember_sent`) |
| `POST {"do": "add", "count": n}` | n new items; their `ids` |
| `POST {"do": "edit"}`, `"remove"`, `"spoil"` | of `"ids": [...]`, or of `"count": n` spread over the list; the `ids`; `spoil` wants `"as"`: an `Oddity`, or null to mend |
| `POST {"do": "clear"}`, `"lose_feed"` | takes everything away; makes all cursors and page tokens too old |
| `POST {"do": "add_noise", "count": n}` | n items that a sync leaves out |
| `POST {"do": "compare", "records": [...]}` | `stale`: the ids of the records that do not say what the provider holds now |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from sandbox.control import body_of, show_errors
from sandbox.holding import Holding, Oddity
from sandbox.world import World


def blueprint(world: World) -> Blueprint:
    """The routes."""
    routes = Blueprint("holdings", __name__, url_prefix="/_sandbox/holdings")
    show_errors(routes)
    one = "/<provider>/<int:account>/<handler>"

    def found(provider: str, account: int, handler: str) -> Holding:
        side = world.sides[provider]
        return side.holdings(world.account(account).index)[handler]

    @routes.get(one)
    def read(provider: str, account: int, handler: str) -> Response:
        holding = found(provider, account, handler)
        names = ("path", "tells_edits", "has_noise", "has_feed")
        return jsonify(
            {name: getattr(holding, name) for name in names}
            | {"expected": holding.expected(request.args), "idle_requests": holding.idle_requests()}
        )

    @routes.get(f"{one}/sent/<path:ident>")
    def sent(provider: str, account: int, handler: str, ident: str) -> Response:
        return jsonify({"sent": found(provider, account, handler).sent(ident)})

    @routes.post(one)
    def change(provider: str, account: int, handler: str) -> Response:
        body = body_of()
        verb = _VERBS.get(str(body.get("do")))
        if verb is None:
            raise ValueError(f'"do" is one of {sorted(_VERBS)}')
        return jsonify(verb(found(provider, account, handler), body))

    return routes


def _add(holding: Holding, body: dict[str, Any]) -> dict[str, Any]:
    return {"ids": holding.add(int(body.get("count", 1)))}


def _edit(holding: Holding, body: dict[str, Any]) -> dict[str, Any]:
    return _each(holding, body, holding.edit)


def _remove(holding: Holding, body: dict[str, Any]) -> dict[str, Any]:
    return _each(holding, body, holding.remove)


def _spoil(holding: Holding, body: dict[str, Any]) -> dict[str, Any]:
    oddity = body.get("as")
    if oddity is not None and oddity not in get_args(Oddity):
        raise ValueError(f'"as" is null or one of {get_args(Oddity)}')
    return _each(holding, body, lambda ident: holding.spoil(ident, oddity))


def _clear(holding: Holding, _: dict[str, Any]) -> dict[str, Any]:
    holding.clear()
    return {}


def _noise(holding: Holding, body: dict[str, Any]) -> dict[str, Any]:
    holding.add_noise(int(body.get("count", 1)))
    return {}


def _lose_feed(holding: Holding, _: dict[str, Any]) -> dict[str, Any]:
    holding.lose_feed()
    return {}


def _compare(holding: Holding, body: dict[str, Any]) -> dict[str, Any]:
    records = body.get("records", [])
    return {"stale": [r["sourceId"] for r in records if not holding.reflects(r)]}


_VERBS: dict[str, Callable[[Holding, dict[str, Any]], dict[str, Any]]] = {
    "add": _add,
    "add_noise": _noise,
    "clear": _clear,
    "compare": _compare,
    "edit": _edit,
    "lose_feed": _lose_feed,
    "remove": _remove,
    "spoil": _spoil,
}


def _each(holding: Holding, body: dict[str, Any], do: Callable[[str], None]) -> dict[str, Any]:
    """Do it to the items that are named, or to so many spread over the list."""
    there = holding.expected({})
    ids = body.get("ids")
    if ids is None:
        count = min(int(body.get("count", 1)), len(there))
        ids = [there[number * len(there) // count] for number in range(count)]
    if missing := set(ids).difference(there):
        raise KeyError(sorted(missing)[0])
    for ident in ids:
        do(ident)
    return {"ids": ids}
