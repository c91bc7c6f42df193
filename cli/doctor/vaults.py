"""The vaults: whether each is sound, and what its handlers and its quarantine say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cli.doctor.findings import Finding, many, size
from config.logs import message_of
from config.settings import Settings
from vault.errors import KeyMissingError, VaultError, VaultLockedError
from vault.vault import Vault
from vault.vaults import Vaults

if TYPE_CHECKING:
    from vault.model import Connection

#: Told of each vault before it is looked at: person, number, of how many, bytes.
Tell = Callable[[str, int, int, int], None]
#: Seconds to wait for a vault that another process writes to.
_PATIENCE = 10.0
#: Most lines about single vaults' being sound; beyond, a sum must do.
_SINGLE = 5


def vaults(settings: Settings, tell: Tell, used: set[str], *, quick: bool) -> Iterator[Finding]:
    """Each vault in turn; a damaged one keeps none of the others from being looked at.

    Args:
        settings: The server's settings.
        tell: Told of each vault before it is looked at.
        used: Filled with the providers that are connected.
        quick: Only open them: a look through a whole file takes its time.
    """
    patient = settings.vault.model_copy(update={"busy_timeout": _PATIENCE})
    found = Vaults(settings.model_copy(update={"vault": patient}))
    people = found.people()
    sound = 0
    for number, person in enumerate(people, 1):
        file = settings.home / "vaults" / f"{person}.vault"
        length = file.stat().st_size
        tell(person, number, len(people), length)
        try:
            vault = found.open(person)
            problems = [] if quick else vault.check()
            connections = vault.connections()
            used.update(connection.provider for connection in connections)
            about = [one for each in connections for one in _connection(person, vault, each)]
        except KeyMissingError:
            # Said with the keys.
            continue
        except (VaultError, OSError) as error:
            yield _unusable(person, error)
            continue
        finally:
            # Files stay open no longer than they are looked at: there may be many.
            found.close()
        yield from (_damaged(person, text) for text in problems[:3])
        sound += not problems
        if not problems and len(people) <= _SINGLE:
            how = "opens" if quick else "is sound"
            yield Finding("vaults", "ok", f"the vault of {person} {how} ({size(length)})")
        yield from about
    if not people:
        yield Finding("vaults", "ok", "there is no vault yet; `dcs connect PROVIDER` begins one")
    elif len(people) > _SINGLE:
        how = "open" if quick else "are sound"
        yield Finding("vaults", "ok", f"{sound} of {len(people)} vaults {how}")


def _unusable(person: str, error: Exception) -> Finding:
    if isinstance(error, VaultLockedError):
        advice = "Wait for the process that holds it, or stop it; then run `dcs doctor` again."
        return Finding("vaults", "problem", str(error), advice)
    return _damaged(person, message_of(error))


def _damaged(person: str, text: str) -> Finding:
    return Finding(
        "vaults",
        "problem",
        f"the vault of {person}: {text}",
        f"Put vaults/{person}.vault back from the backup (docs/deploy.md, Backup), then run"
        " `dcs sync`: what is newer is fetched again.",
    )


def _connection(person: str, vault: Vault, connection: Connection) -> Iterator[Finding]:
    name = f"{connection.id} of {person}"
    if connection.status == "invalid-auth":
        yield Finding(
            "handlers",
            "problem",
            f"{name}: {connection.message or 'the provider no longer accepts the connection'}",
            f"Run `dcs connect {connection.provider}`.",
        )
        return
    for state in vault.handlers(connection.id):
        run = f" (run {state.last_run_id})" if state.last_run_id else ""
        what = f"{name}, {state.handler_id}"
        if state.status == "error":
            yield Finding(
                "handlers",
                "problem",
                f"{what}: {state.message or 'the last sync failed'}{run}",
                "It is tried again by itself; the log's lines with that run tell more. To try now:"
                f" `dcs sync {connection.provider} --handler {state.handler_id} --force`.",
            )
        elif state.status == "invalid-auth":
            yield Finding(
                "handlers",
                "problem",
                f"{what}: {state.message or 'a permission is missing'}{run}",
                f"Run `dcs connect {connection.provider}` and allow it.",
            )
        if state.quarantined:
            yield Finding(
                "quarantine",
                "warning",
                f"{what}: {many(state.quarantined, 'item')} could not be kept",
                "`dcs quarantine list` says why, `dcs quarantine retry` tries again.",
            )
