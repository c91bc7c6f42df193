"""The Graph API: the person, their permissions, and their lists.

Played are the parameters named here. The app has *Require App Secret* switched on, as its settings
allow (`Apps.require_proof`): a call without `appsecret_proof` is refused. A list whose permission
was not granted is empty, as has been seen; the documentation names error 200. An album's lists of
what is attached have a `paging` of their own, as any list within an item may.

https://developers.facebook.com/docs/graph-api/results
https://developers.facebook.com/docs/graph-api/guides/secure-requests
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.facebook import fields
from sandbox.facebook.errors import GraphError, expired, invalid_parameter, no_such_object
from sandbox.facebook.items import Item, Json, item_json
from sandbox.facebook.store import KINDS, Kind, Timeline
from sandbox.tokens import Grant
from sandbox.world import World

#: Versions that can be called: https://developers.facebook.com/docs/graph-api/changelog/versions
VERSIONS = frozenset({"v21.0", "v22.0", "v23.0", "v24.0", "v25.0", "v26.0"})
_LISTED: dict[Kind, str] = {"likes": "Page", "posts": "Post"}
_PERMISSIONS: dict[Kind, str] = {"likes": "user_likes", "posts": "user_posts"}
_TAKES: dict[Kind, frozenset[str]] = {
    "likes": frozenset({"target_id"}),
    "posts": frozenset({"since", "until", "q", "with", "include_hidden", "show_expired"}),
}
_ALWAYS = frozenset({"access_token", "appsecret_proof", "fields", "pretty"})
_PAGING = frozenset({"limit", "after", "before", "summary"})
_MOST = 100


@dataclass(slots=True)
class Apps:
    """How the app is set up at Facebook.

    Args:
        require_proof: Whether a call must carry `appsecret_proof`.
    """

    require_proof: bool = True


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token a request carries.

    Args:
        token: The token.
        grant: What it stands for.
        id: The person's id.
        timeline: The person's lists.
    """

    token: str
    grant: Grant
    id: str
    timeline: Timeline


class Graph:
    """The API.

    Args:
        world: The sandbox's state.
        app: How the app is set up.
        scopes: All permissions that there are.
        account_id: The id of an account by its number.
        timeline: The lists of an account by its number.
    """

    def __init__(
        self,
        world: World,
        app: Apps,
        scopes: tuple[str, ...],
        account_id: Callable[[int], str],
        timeline: Callable[[int], Timeline],
    ) -> None:
        self._world = world
        self._app = app
        self._scopes = scopes
        self._account_id = account_id
        self._timeline = timeline

    def blueprint(self, prefix: str) -> Blueprint:
        """The routes."""
        routes = Blueprint("facebook-graph", __name__, url_prefix=prefix)

        @routes.errorhandler(GraphError)
        def refused(error: GraphError) -> AnyResponse:
            made = error.refusal()
            headers = {"Content-Type": "application/json; charset=UTF-8", **dict(made.headers)}
            return Response(made.body, made.status, headers)

        @routes.get("/<version>/<path:path>")
        def get(version: str, path: str) -> AnyResponse:
            name = path.rpartition("/")[2] if path.startswith("me") else "node"
            self._world.stats.request(f"facebook:{name}")
            return jsonify(self._get(version, path))

        return routes

    def _get(self, version: str, path: str) -> Json:
        if version not in VERSIONS:
            raise GraphError(2500, f"Unknown path components: /{path}")
        caller = self._caller()
        match path.split("/"):
            case ["me"]:
                _only(_ALWAYS)
                return self._person(caller)
            case ["me", "permissions"]:
                _only(_ALWAYS)
                return {"data": self._permissions(caller)}
            case ["me", "likes" | "posts" as kind]:
                with caller.timeline.lock:
                    return self._list(version, caller, kind)
            case [ident]:
                _only(_ALWAYS)
                with caller.timeline.lock:
                    return self._node(caller, ident)
        raise GraphError(2500, f"Unknown path components: /{path}")

    def _caller(self) -> Caller:
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        token = bearer.strip() if scheme.lower() == "bearer" else request.args.get("access_token")
        if not token:
            message = (
                "An active access token must be used to query information about the current user."
            )
            raise GraphError(2500, message)
        grant = self._world.tokens.check(token)
        if grant is None:
            if token in self._world.tokens.all_given():
                raise expired()
            raise GraphError(190, "Malformed access token")
        self._check_proof(token)
        number = grant.account
        return Caller(token, grant, self._account_id(number), self._timeline(number))

    def _check_proof(self, token: str) -> None:
        given = request.args.get("appsecret_proof")
        if given is None:
            if self._app.require_proof:
                raise _unproven("API calls from the server require an appsecret_proof argument")
            return
        secret = self._world.options.client_secret.encode()
        made = hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(made.encode(), given.encode()):
            raise _unproven("Invalid appsecret_proof provided in the API argument")

    def _person(self, caller: Caller) -> Json:
        person = self._world.account(caller.grant.account).person
        url = f"https://platform-lookaside.example.net/profilepic/?asid={caller.id}"
        whole = {
            "id": caller.id,
            "name": person.name,
            "first_name": person.given_name,
            "last_name": person.family_name,
            "short_name": person.given_name,
            "picture": {"data": {"height": 50, "width": 50, "is_silhouette": False, "url": url}},
        }
        return fields.select(whole, _asked("User"))

    def _permissions(self, caller: Caller) -> list[Json]:
        granted = "expired" if caller.timeline.data_access_ended else "granted"
        return [
            {
                "permission": scope,
                "status": granted if scope in caller.grant.scopes else "declined",
            }
            for scope in self._scopes
        ]

    def _may(self, caller: Caller, kind: Kind) -> bool:
        held = _PERMISSIONS[kind] in caller.grant.scopes
        return held and not caller.timeline.data_access_ended

    def _list(self, version: str, caller: Caller, kind: Kind) -> Json:
        _only(_ALWAYS | _PAGING | _TAKES[kind])
        timeline, tree = caller.timeline, _asked(_LISTED[kind])
        names, code = timeline.withheld.get(kind, (frozenset(), 0))
        if kept := sorted(names & set(tree)):
            raise GraphError(code, f"(#{code}) {kept[0]} may not be read.")
        size = _number("limit", 25) or 25
        if not 1 <= size <= _MOST:
            raise invalid_parameter(f"The limit must not exceed {_MOST}")
        timeline.page_asked()
        if not self._may(caller, kind):
            return {"data": []}
        target = request.args.get("target_id")
        if target:
            if not timeline.takes_target:
                raise invalid_parameter("target_id is not supported")
            found = [item for item in timeline.all(kind) if item.id == target and not item.hidden]
            return {"data": [fields.select(item_json(item), tree) for item in found]}
        after, since, until = request.args.get("after"), _number("since"), _number("until")
        page = timeline.read(kind, size, after, since, until)
        for item in page.items:
            names, code = timeline.odd.get(item.id, (frozenset(), 0))
            if kept := sorted(names & set(tree)):
                raise GraphError(code, f"(#{code}) {kept[0]} may not be read.")
        data = [
            timeline.oddities[kind].send(item.id, fields.select(_sent(item, caller), tree))
            for item in page.items
        ]
        if page.after is None:
            return {"data": []}
        paging: Json = {"cursors": {"before": page.before, "after": page.after}}
        if page.more:
            query = {
                "access_token": caller.token,
                "pretty": "0",
                "fields": request.args.get("fields", ""),
                "limit": str(size),
                **({"until": str(until)} if until is not None else {}),
                "after": page.after,
            }
            address = f"https://graph.facebook.com/{version}/{caller.id}/{kind}"
            paging["next"] = f"{address}?{urlencode(query)}"
        return {"data": data, "paging": paging}

    def _node(self, caller: Caller, ident: str) -> Json:
        """A post, or one of the liked Pages, by its id."""
        for kind in KINDS:
            for item in caller.timeline.all(kind) if self._may(caller, kind) else ():
                if item.id == ident and not item.hidden:
                    return fields.select(_sent(item, caller), _asked(_LISTED[kind]))
        raise no_such_object(ident)


def _sent(item: Item, caller: Caller) -> Json:
    """An item's JSON for this caller, whose token stands in the addresses of an album's pages."""
    whole = item_json(item)
    for attached in whole.get("attachments", {}).get("data", ()):
        if parts := attached.get("subattachments"):
            for part, name in ((whole["attachments"], "attachments"), (parts, "subattachments")):
                query = urlencode({"access_token": caller.token, "limit": "2", "after": "QVFIpart"})
                address = f"https://graph.facebook.com/v26.0/{item.id}/{name}?{query}"
                part["paging"] = {"cursors": {"after": "QVFIpart"}, "next": address}
    return whole


def _asked(kind: str) -> fields.Tree:
    tree = fields.parse(request.args.get("fields") or fields.DEFAULT[kind])
    fields.check(tree, kind)
    return tree


def _only(played: frozenset[str]) -> None:
    if unknown := sorted(set(request.args) - played):
        raise invalid_parameter(f"The sandbox does not play the parameter {unknown[0]}")


def _number(name: str, default: int | None = None) -> int | None:
    value: Any = request.args.get(name)
    if value is None:
        return default
    if not value.isdigit():
        raise invalid_parameter(f"{name} must be a number")
    return int(value)


def _unproven(message: str) -> GraphError:
    return GraphError(100, message, kind="GraphMethodException")
