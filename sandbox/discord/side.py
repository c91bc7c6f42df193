"""Discord, as the sandbox plays it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Blueprint, Response, request

from sandbox import plain_oauth
from sandbox.discord import api
from sandbox.discord.errors import RefusedError, of_fault
from sandbox.discord.limits import Address
from sandbox.discord.store import Guilds
from sandbox.faults import Fault
from sandbox.holding import Holding
from sandbox.lazy import Lazy
from sandbox.options import Quota
from sandbox.side import Refusal, Side
from sandbox.tokens import TokenRules
from sandbox.world import World

_TOKEN = "/api/oauth2/token"  # noqa: S105 - a path
#: Calls of one route where the sandbox is told no quota. Discord tells no numbers.
_CALLS = Quota(100, 1.0)


class DiscordSide(Side):
    """Discord's OAuth and API.

    https://docs.discord.com/developers/topics/oauth2
    """

    id = "discord"
    prefix = "/discord"
    page_parameters = frozenset({"after"})
    scopes = ("identify", "guilds")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.guilds = Lazy(len(world.accounts), lambda number: Guilds(world, number))
        self.address = Address(world.now)

    def blueprints(self) -> Iterable[Blueprint]:
        """All routes."""
        quota = self.world.options.quota or _CALLS
        yield self._oauth()
        yield api.blueprint(self.world, self.prefix, self.guilds, self.address, quota)

    def _oauth(self) -> Blueprint:
        routes = plain_oauth.blueprint(
            self.world,
            self.id,
            self.prefix,
            self.scopes,
            authorize="/oauth2/authorize",
            token=_TOKEN,
            revoke=f"{_TOKEN}/revoke",
            # https://github.com/discord/discord-api-docs/issues/5942
            rules=TokenRules(rotate=True),
        )

        @routes.before_request
        def check() -> Response | None:
            if not request.path.startswith(self.prefix + _TOKEN):
                # A person's browser.
                return None
            try:
                self.address.check()
                api.check_agent()
            except RefusedError as error:
                self.address.note(error)
                return api.answer_of(error)
            return None

        return routes

    def account_id(self, account: int) -> str:
        """Discord's own id."""
        return api.account_id(account)

    def holdings(self, account: int) -> Mapping[str, Holding]:
        """What an account holds, by the handler's id."""
        return {"following": self.guilds[account]}

    def canaries(self) -> list[str]:
        """The names of all servers."""
        return [name for held in self.guilds for name in held.names()]

    def error(self, fault: Fault) -> Refusal:
        """See `sandbox.discord.errors`."""
        return of_fault(fault)
