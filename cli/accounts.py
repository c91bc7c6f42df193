"""Choosing connections by what a person types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.errors import Fail
from config.settings import OWNER

if TYPE_CHECKING:
    from vault.model import Connection
    from vault.vault import Vault
    from vault.vaults import Vaults


def own_vault(vaults: Vaults) -> Vault:
    """The vault of this server's owner.

    Raises:
        Fail: There is none yet.
    """
    from vault.errors import NotFoundError

    try:
        return vaults.open(OWNER)
    except NotFoundError:
        raise Fail("nothing is connected yet; `dcs connect PROVIDER` does it") from None


def chosen(
    vaults: Vaults, provider: str | None, account: str | None
) -> tuple[Vault, list[Connection]]:
    """The vault, and the connections that are meant.

    Args:
        vaults: Where to look.
        provider: Its id; None for all.
        account: Its id, its connection's id, its readable id or address; None for all.

    Raises:
        Fail: There is no such connection; says which there are.
    """
    if provider is not None:
        # A typing error gets the list of providers, not the advice to connect one.
        from connectors.sdk import registry

        if provider not in registry.provider_ids():
            known = ", ".join(registry.provider_ids())
            raise Fail(f"there is no provider {provider}; there are: {known}")
    vault = own_vault(vaults)
    connections = [c for c in vault.connections() if provider in {None, c.provider}]
    if not connections:
        wanted = provider or "PROVIDER"
        raise Fail(f"no {wanted} account is connected; `dcs connect {wanted}` does it")
    if account is None:
        return vault, connections
    matching = [c for c in connections if account in _names(c)]
    if not matching:
        known = ", ".join(c.id for c in connections)
        raise Fail(f"no connection is named {account}; there are: {known}")
    return vault, matching


def _names(connection: Connection) -> set[str]:
    profile = connection.profile
    names = {connection.id, connection.account_id, profile.get("email"), profile.get("readableId")}
    return {name for name in names if isinstance(name, str)}
