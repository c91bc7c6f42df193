"""X, as the sandbox plays it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Blueprint

from sandbox.faults import Fault
from sandbox.holding import Holding
from sandbox.lazy import Lazy
from sandbox.side import Refusal, Side
from sandbox.twitter import api, oauth
from sandbox.twitter.holding import FollowingHolding, PostHolding
from sandbox.twitter.refusals import of_fault
from sandbox.twitter.store import Store, account_id
from sandbox.world import World


class TwitterSide(Side):
    """X's OAuth and API."""

    id = "twitter"
    prefix = "/twitter"
    page_parameters = frozenset({"pagination_token"})
    scopes = ("follows.read", "offline.access", "tweet.read", "users.read")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.stores = Lazy(len(world.accounts), self._store)
        self._holdings = Lazy(len(world.accounts), self._held)

    def _store(self, account: int) -> Store:
        options, name = self.world.options, self.world.account(account).person.name
        return Store(
            options.seed,
            account,
            name,
            options.items,
            self.world.newest,
            remember=options.remember_sent,
        )

    def _held(self, account: int) -> dict[str, Holding]:
        store = self.stores[account]
        return {"following": FollowingHolding(store), "post": PostHolding(store)}

    def blueprints(self) -> Iterable[Blueprint]:
        """The routes of OAuth and of the API."""
        return [
            oauth.blueprint(self.world, self.prefix, self.scopes),
            api.blueprint(self.world, self.prefix, self.stores),
        ]

    def account_id(self, account: int) -> str:
        """The id of X's user."""
        return account_id(account)

    def holdings(self, account: int) -> Mapping[str, Holding]:
        """What an account holds, by the handler's id."""
        return self._holdings[account]

    def canaries(self) -> list[str]:
        """A word of each post's text; tokens and codes are the world's to list."""
        return [post.canary for store in self.stores for post in store.posts]

    def error(self, fault: Fault) -> Refusal:
        """See `sandbox.twitter.refusals`."""
        return of_fault(fault, self.world.now())
