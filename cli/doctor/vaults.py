"""The vaults: whether each is sound, and what its handlers and its quarantine say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.doctor import advice
from cli.doctor.findings import Finding, many, size
from config.settings import Settings
from vault.errors import KeyMissingError, VaultError, damaged
from vault.keys import KeyRing
from vault.locks import locked
from vault.vault import Vault
from vault.vaults import Vaults

if TYPE_CHECKING:
    from vault.model import Connection

#: Told of each vault before it is looked at: person, number, of how many, bytes.
Tell = Callable[[str, int, int, int], None]
#: Seconds to wait for a vault that another process writes to, or opens, at most.
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
    folder = settings.home / "vaults"
    if folder.exists() and not os.access(folder, os.R_OK | os.X_OK):
        yield Finding(
            "vaults", "problem", f"{folder} cannot be read by this user", advice.let_in(folder)
        )
        return
    yield from _writable(settings, folder)
    missing = _without_vault(folder)
    people = [one for one in Vaults(settings).people() if one not in missing]
    keys = KeyRing(settings.vault, settings.home)
    patience = min(_PATIENCE, settings.vault.busy_timeout)
    sound = 0
    for number, person in enumerate(people, 1):
        path = folder / f"{person}.vault"
        try:
            length = path.stat().st_size
            tell(person, number, len(people), length)
            found = list(_looked_at(_Place(path, keys, patience), used, quick=quick))
        except KeyMissingError:
            # Said with the keys.
            continue
        except (VaultError, OSError) as error:
            yield _unusable(path, error)
            continue
        well = not any(one.area == "vaults" and one.level == "problem" for one in found)
        sound += well
        if well and len(people) <= _SINGLE:
            how = "opens" if quick else "is sound"
            yield Finding("vaults", "ok", f"the vault of {person} {how} ({size(length)})")
        yield from found
    yield from (_gone(person) for person in missing)
    if len(people) > _SINGLE:
        how = "open" if quick else "are sound"
        yield Finding("vaults", "ok", f"{sound} of {len(people)} vaults {how}")
    elif not people and not missing:
        yield Finding("vaults", "ok", "there is no vault yet; `dcs connect PROVIDER` begins one")


def _writable(settings: Settings, folder: Path) -> Iterator[Finding]:
    """What `/readyz` goes by: whether the server could write here."""
    try:
        Vaults(settings).check()
    except KeyMissingError:
        # Said with the keys.
        return
    except (VaultError, OSError) as error:
        shut = advice.closed(folder)
        what = advice.let_in(shut) if shut else advice.make_room(folder)
        if isinstance(error, OSError) and not shut:
            what = advice.advice_on(error, folder)
        yield Finding("vaults", "problem", advice.reason(error), what)


def _without_vault(folder: Path) -> list[str]:
    """People who have a key and no vault."""
    return sorted(
        key.stem for key in folder.glob("*.key") if not os.path.lexists(key.with_suffix(".vault"))
    )


def _gone(person: str) -> Finding:
    return Finding(
        "vaults",
        "problem",
        f"vaults/{person}.vault is missing; its key vaults/{person}.key is there",
        f"Put vaults/{person}.vault back, or the disk that it is on; if it is lost, put it back from"
        " the backup (docs/deploy.md, Backup), then run `dcs sync`. Without a copy of it, begin"
        f" anew: move vaults/{person}.key away, then run `dcs connect PROVIDER`.",
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A vault's file, and what opens it."""

    path: Path
    keys: KeyRing
    #: Seconds to wait for whoever holds it.
    patience: float

    @property
    def person(self) -> str:
        return self.path.stem

    def opened(self) -> Vault:
        """The vault, opened to be looked at alone: nothing is made and nothing brought up.

        Raises:
            KeyMissingError: Its key or the master key is missing or wrong.
            VaultDamagedError: The file is empty.
            VaultLockedError: Another process holds it for too long.
            OSError: The file or its key is not there, or cannot be read.
        """
        wrapped = self.path.with_suffix(".key")
        if not wrapped.exists():
            raise KeyMissingError(f"{wrapped.name} is missing")
        key = self.keys.unwrap(self.person, wrapped.read_bytes())
        with locked(wrapped, self.patience, self.path.name, shared=True):
            # Whoever brings the vault up just now holds this: let it finish.
            pass
        return Vault(self.path, key, self.patience, look_only=True)


def _looked_at(place: _Place, used: set[str], *, quick: bool) -> Iterator[Finding]:
    vault = place.opened()
    try:
        form, newest = vault.form()
        if not form:
            raise damaged(place.path.name, "it has no tables")
        if form > newest:
            yield _too_new(place.person, form, newest)
            return
        problems = [] if quick else vault.check()
        yield from (_problem(place, text) for text in _most(problems))
        if form < newest:
            yield Finding(
                "vaults",
                "ok",
                f"the vault of {place.person} is of an older form ({form}, the newest is {newest});"
                " it is brought up when the server next opens it",
            )
            # Its tables may not be those that the code below reads.
            return
        connections = vault.connections()
        used.update(connection.provider for connection in connections)
        for connection in connections:
            yield from _connection(place.person, vault, connection)
    finally:
        # Files stay open no longer than they are looked at: there may be many.
        vault.let_go()
    if not os.access(place.path, os.R_OK | os.W_OK):
        yield Finding(
            "vaults",
            "problem",
            f"the vault of {place.person} cannot be written by this user",
            advice.let_in(place.path),
        )


def _most(problems: list[str]) -> list[str]:
    """The first few; what is wrong with the index comes after what is wrong with records."""
    return sorted(problems, key=_of_index)[:3]


def _of_index(text: str) -> bool:
    """Whether a line of `Vault.check` is about the search index; FTS5's own names its table."""
    return "search index" in text or "records_text" in text


def _problem(place: _Place, text: str) -> Finding:
    about = f"the vault of {place.person}: {text}"
    if _of_index(text):
        # A record that comes again unchanged is not indexed again: it must go first.
        return Finding(
            "vaults",
            "problem",
            f"{about}; searching misses them, all else of the vault works",
            "To have them found again, fetch the accounts anew: `dcs reset-provider PROVIDER"
            " --delete-data`, then `dcs sync`; or put back a backup that is older than this.",
        )
    return Finding("vaults", "problem", about, advice.put_back(place.path))


def _too_new(person: str, form: int, newest: int) -> Finding:
    return Finding(
        "vaults",
        "problem",
        f"the vault of {person} has form {form}, and this server knows forms up to {newest}",
        "Install the newer version of the server that wrote it; the vault is not harmed.",
    )


def _unusable(path: Path, error: VaultError | OSError) -> Finding:
    about = f"the vault of {path.stem}"
    if path.is_symlink() and isinstance(error, FileNotFoundError):
        return Finding(
            "vaults",
            "problem",
            f"{about}: vaults/{path.name} is a link to {path.readlink()}, which is not there",
            "Put back the disk or the folder that it leads to.",
        )
    if isinstance(error, OSError):
        return Finding(
            "vaults", "problem", f"{about}: {advice.reason(error)}", advice.advice_on(error, path)
        )
    return Finding("vaults", "problem", f"{about}: {error}", advice.advice_on(error, path))


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
