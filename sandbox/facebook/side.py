"""Facebook, as the sandbox plays it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint

from sandbox.facebook import oauth
from sandbox.facebook.errors import from_fault
from sandbox.facebook.graph import Apps, Graph
from sandbox.facebook.holding import EdgeHolding
from sandbox.facebook.items import LikedPage
from sandbox.facebook.store import KINDS, Timeline
from sandbox.faults import Fault
from sandbox.holding import Holding
from sandbox.lazy import Lazy
from sandbox.side import Refusal, Side
from sandbox.world import World


class FacebookSide(Side):
    """Facebook's dialog, token endpoint and Graph API."""

    id = "facebook"
    prefix = "/facebook"
    page_parameters = frozenset({"after"})
    scopes = ("public_profile", "user_likes", "user_posts")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.app = Apps()
        self.timelines = Lazy(len(world.accounts), self._timeline)
        self._holdings = Lazy(len(world.accounts), self._held)

    def _timeline(self, account: int) -> Timeline:
        options = self.world.options
        return Timeline(
            options.seed,
            account,
            self.account_id(account),
            options.items,
            self.world.newest,
            remember=options.remember_sent,
        )

    def _held(self, account: int) -> dict[str, Holding]:
        timeline = self.timelines[account]
        return {
            "following": EdgeHolding(timeline, "likes"),
            "post": EdgeHolding(timeline, "posts"),
        }

    def blueprints(self) -> Iterable[Blueprint]:
        """The routes of all of Facebook."""
        graph = Graph(
            self.world, self.app, self.scopes, self.account_id, self.timelines.__getitem__
        )
        return [oauth.blueprint(self.world, self.prefix, self.scopes), graph.blueprint(self.prefix)]

    def account_id(self, account: int) -> str:
        """A person's id, which is the app's own."""
        return str(10_158_000_000_000_000 + 7_919 * (account + 1))

    def holdings(self, account: int) -> Mapping[str, Holding]:
        """What an account holds, by the handler's id."""
        return self._holdings[account]

    def tokens(self, minted: Mapping[str, Any]) -> dict[str, Any]:
        """Facebook gives no refresh token and tells no scopes."""
        return {key: minted[key] for key in ("access_token", "token_type", "expires_at")}

    def canaries(self) -> list[str]:
        """First lines of posts, and names of liked Pages."""
        items = [i for timeline in self.timelines for kind in KINDS for i in timeline.all(kind)]
        return [
            item.name if isinstance(item, LikedPage) else item.message.partition("\n")[0]
            for item in items
            if isinstance(item, LikedPage) or item.message
        ]

    def error(self, fault: Fault) -> Refusal:
        """See `sandbox.facebook.errors`."""
        return from_fault(fault)
