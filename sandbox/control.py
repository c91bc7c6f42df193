"""The sandbox's own controls, for tests, the demo and benchmarks: JSON under `/_sandbox/`.

| request | what it does |
| --- | --- |
| `GET state` | accounts with the ids of all their messages, in the order of the list |
| `GET stats`, `POST stats/reset` | counts of requests, calls, parts, refusals, quota units |
| `GET canaries` | strings that must not leak: subjects, phrases, tokens |
| `POST accounts/<a>/messages` | `{"count": n}`: n new synthetic messages; with Content-Type `message/rfc822` the body is one message |
| `DELETE accounts/<a>/messages/<id>` | deletes it for good |
| `POST accounts/<a>/messages/<id>/trash` | moves it to the trash |
| `POST accounts/<a>/messages/<id>/labels` | `{"add": [...], "remove": [...]}` |
| `POST accounts/<a>/expire-history` | makes all history ids too old |
| `POST tokens` | `{"account": a, "scopes": [...]}`: tokens without the dance; `{"accounts": n}` gives the tokens of the first n accounts as a list |
| `POST tokens/expire-access`, `POST tokens/revoke-refresh` | of `{"account": a}`, or of all |
| `GET tokens/rules`, `POST tokens/rules` | how tokens end: any of the arguments of `TokenRules` |
| `POST scan` | `{"provider": id, "account": a}`: the account's phone scans the code that is shown last; `scanned` tells whether there was one |
| `GET faults`, `POST faults`, `DELETE faults` | the queue of faults; one fault or a list of them |
| `GET faults/kinds` | every kind of fault with what it does |
| `POST listen` | `{"as": "refused", "for": seconds}`: nobody listens for so long; `{"as": "tls"}` gives the `url` of an address where TLS fails |
| `holdings/...` | see `sandbox.control_holdings` |
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from sandbox.faults import MEANINGS, Fault
from sandbox.world import ALL_SCOPES, World


def blueprint(world: World) -> Blueprint:
    """The routes of the controls."""
    routes = Blueprint("control", __name__, url_prefix="/_sandbox")
    show_errors(routes)
    _reading(routes, world)
    _messages(routes, world)
    _tokens(routes, world)
    _faults(routes, world)
    _listening(routes, world)
    return routes


def show_errors(routes: Blueprint) -> None:
    """Answer 404 to what is not there, and 400 to what makes no sense, with the reason as JSON."""

    @routes.errorhandler(KeyError)
    def unknown(error: KeyError) -> tuple[Response, int]:
        return jsonify({"error": f"not found: {error.args[0]}"}), 404

    @routes.errorhandler(ValueError)
    def invalid(error: ValueError) -> tuple[Response, int]:
        return jsonify({"error": str(error)}), 400


def _reading(routes: Blueprint, world: World) -> None:
    @routes.get("/state")
    def state() -> Response:
        return jsonify(world.state())

    @routes.get("/stats")
    def stats() -> Response:
        return jsonify(world.stats.to_json())

    @routes.post("/stats/reset")
    def reset() -> Response:
        world.stats.reset()
        return jsonify({})

    @routes.get("/canaries")
    def canaries() -> Response:
        return jsonify(world.canaries())


def _messages(routes: Blueprint, world: World) -> None:
    @routes.post("/accounts/<int:number>/messages")
    def add(number: int) -> Response:
        mailbox = world.mailbox(number)
        if request.mimetype == "message/rfc822":
            return jsonify({"ids": [mailbox.add_raw(request.get_data())]})
        return jsonify({"ids": mailbox.add(int(body_of().get("count", 1)))})

    @routes.delete("/accounts/<int:number>/messages/<ident>")
    def delete(number: int, ident: str) -> Response:
        world.mailbox(number).delete(ident)
        return jsonify({})

    @routes.post("/accounts/<int:number>/messages/<ident>/trash")
    def trash(number: int, ident: str) -> Response:
        world.mailbox(number).trash(ident)
        return jsonify({})

    @routes.post("/accounts/<int:number>/messages/<ident>/labels")
    def relabel(number: int, ident: str) -> Response:
        body = body_of()
        world.mailbox(number).relabel(ident, body.get("add", ()), body.get("remove", ()))
        return jsonify({})

    @routes.post("/accounts/<int:number>/expire-history")
    def expire_history(number: int) -> Response:
        world.mailbox(number).expire_history()
        return jsonify({})


def _tokens(routes: Blueprint, world: World) -> None:
    @routes.post("/tokens")
    def mint() -> Response:
        body = body_of()
        scopes = body.get("scopes", ALL_SCOPES)
        if "accounts" in body:
            return jsonify([world.mint(n, scopes) for n in range(int(body["accounts"]))])
        return jsonify(world.mint(int(body.get("account", 0)), scopes))

    @routes.post("/scan")
    def scan() -> Response:
        body = body_of()
        account = world.account(int(body.get("account", 0))).index
        return jsonify({"scanned": world.sides[str(body.get("provider"))].scan(account)})

    @routes.get("/tokens/rules")
    def rules() -> Response:
        return jsonify(asdict(world.tokens.rules))

    @routes.post("/tokens/rules")
    def change_rules() -> Response:
        world.tokens.rules.change(**body_of())
        return rules()

    @routes.post("/tokens/expire-access")
    def expire_access() -> Response:
        world.tokens.expire_access(body_of().get("account"))
        return jsonify({})

    @routes.post("/tokens/revoke-refresh")
    def revoke_refresh() -> Response:
        world.tokens.revoke_refresh(body_of().get("account"))
        return jsonify({})


def _faults(routes: Blueprint, world: World) -> None:
    @routes.get("/faults")
    def pending() -> Response:
        return jsonify([asdict(fault) for fault in world.faults.pending()])

    @routes.get("/faults/kinds")
    def kinds() -> Response:
        return jsonify(MEANINGS)

    @routes.post("/faults")
    def lay() -> Response:
        body = request.get_json(force=True)
        for fault in body if isinstance(body, list) else [body]:
            world.faults.add(Fault.from_json(fault))
        return pending()

    @routes.delete("/faults")
    def clear_faults() -> Response:
        world.faults.clear()
        return jsonify([])


def _listening(routes: Blueprint, world: World) -> None:
    @routes.post("/listen")
    def listen() -> Response:
        body = body_of()
        if world.listening is None:
            raise ValueError("the sandbox is not being served")
        match body.get("as"):
            case "refused":
                world.listening.refuse(float(body.get("for", 1)))
                return jsonify({})
            case "tls":
                return jsonify({"url": world.listening.tls_url()})
        raise ValueError('"as" is "refused" or "tls"')


def body_of() -> dict[str, Any]:
    """The request's JSON object; empty when it is none."""
    body = request.get_json(force=True, silent=True)
    return body if isinstance(body, dict) else {}
