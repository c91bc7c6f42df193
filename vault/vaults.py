"""`Vaults`: finds, makes and opens people's vaults.

Each is one file, `home/vaults/<person>.vault`, with its wrapped key beside it
(`<person>.key`); to take a vault along, take both and the master key. No code removes either, and
a key is never there before its vault: a vault that is missing beside its key was lost, or its disk
is not mounted, and is not made anew.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import Settings
from vault.errors import KeyMissingError, NotFoundError, VaultError, in_use
from vault.keys import KeyRing
from vault.locks import locked
from vault.making import make
from vault.vault import Vault

_PERSON = re.compile(r"[a-z0-9_-]{1,64}")
#: Vaults whose files stay open in a process: each takes three descriptors or more, and there may
#: be more people than a process may have of these.
_MOST_OPEN = 64
#: A disk with less room than this, in bytes, takes no batch.
_LEAST_FREE = 16 * 1024 * 1024
#: Keys that `Vaults.check` tries at most.
_KEYS_TRIED = 3


@dataclass(slots=True)
class _Turn:
    """The right to open one person's vault, and how many threads want it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0


class Vaults:
    """All vaults of a server; those used last stay open in a process. Threads may share it.

    Opening one vault may take as long as another process holds it, up to `vault.busy_timeout`;
    nobody else waits for that.

    Args:
        settings: The server's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.vault
        self._folder = settings.home / "vaults"
        self._keys = KeyRing(settings.vault, settings.home)
        self._start({})

    def _start(self, inherited: dict[str, Vault]) -> None:
        #: Held for the look at a dict, and never while a file is opened or closed.
        self._lock = threading.Lock()
        self._turns: dict[str, _Turn] = {}
        self._open = inherited
        # Last: another thread must not go on with locks that were held at a fork.
        self._pid = os.getpid()

    def open(self, person_id: str, *, create: bool = False) -> Vault:
        """A person's vault.

        Args:
            person_id: 1 to 64 of a-z, 0-9, `_` and `-`.
            create: Make the vault when there is none and never was.

        Raises:
            NotFoundError: There is none and never was, or the id is not one.
            KeyMissingError: The master key or the vault's own is missing or wrong.
            VaultDamagedError: The file is damaged, or empty.
            VaultLockedError: Another process held it for too long.
            VaultError: There was one, whose key is here, and its file is not there.
        """
        if not _PERSON.fullmatch(person_id):
            raise NotFoundError("a person's id is 1 to 64 of a-z, 0-9, _ and -")
        if self._pid != os.getpid():
            # The locks may have been held at the fork; the vaults look after themselves.
            self._start(dict(self._open))
        vault = self._held(person_id)
        if vault is not None:
            return vault
        with self._turn(person_id):
            # Another thread may have had the turn before.
            vault = self._held(person_id)
            if vault is None:
                vault = self._opened(person_id, create)
                self._hold(person_id, vault)
        return vault

    def people(self) -> list[str]:
        """The ids of all who have a vault, or whose vault is away just now, in order."""
        kinds = ("*.vault", "*.key")
        return sorted({path.stem for kind in kinds for path in self._folder.glob(kind)})

    def check(self) -> None:
        """Raise unless vaults can be opened and written, as far as a cheap look tells.

        Some few of the vaults' keys are unwrapped; one that is damaged is not the others' fault.

        Raises:
            KeyMissingError: There is no master key, or it opens none of them.
            VaultError: The folder cannot be written, or its disk is full.
            OSError: The folder or a key cannot be read.
        """
        self._keys.check()
        folder = self._folder if self._folder.exists() else self._folder.parent
        while not folder.exists():
            folder = folder.parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise VaultError(f"{folder} cannot be written")
        if shutil.disk_usage(folder).free < _LEAST_FREE:
            raise VaultError(f"the disk of {folder} is full")
        files = list(itertools.islice(self._key_files(), _KEYS_TRIED))
        for number, file in enumerate(files, 1):
            try:
                self._keys.unwrap(file.stem, file.read_bytes())
            except KeyMissingError:
                if number == len(files):
                    raise
            else:
                return

    def unwraps(self, person_id: str) -> None:
        """Raise unless the person's key is there and the master key opens it.

        Raises:
            KeyMissingError: One of the two is missing or wrong.
        """
        file = self._key_file(person_id)
        if not file.exists():
            raise KeyMissingError(f"{file.name} is missing")
        self._keys.unwrap(person_id, file.read_bytes())

    def close(self) -> None:
        """Close all vaults; what was written is in their files."""
        if self._pid != os.getpid():
            return
        with self._lock:
            vaults, self._open = list(self._open.values()), {}
        for vault in vaults:
            vault.close()

    def _held(self, person_id: str) -> Vault | None:
        """The person's vault if it is open."""
        with self._lock:
            vault = self._open.pop(person_id, None)
            if vault is not None:
                # Those used last stand last.
                self._open[person_id] = vault
        return vault

    def _hold(self, person_id: str, vault: Vault) -> None:
        """Keep a vault open, and let those go that were not used for the longest."""
        let_go = []
        with self._lock:
            self._open[person_id] = vault
            while len(self._open) > _MOST_OPEN:
                let_go.append(self._open.pop(next(iter(self._open))))
        for unused in let_go:
            # Closing writes what stands in the log into the file.
            unused.let_go()

    @contextmanager
    def _turn(self, person_id: str) -> Iterator[None]:
        """Alone of all threads with this person's file."""
        with self._lock:
            turn = self._turns.setdefault(person_id, _Turn())
            turn.wanted += 1
        try:
            if not turn.lock.acquire(timeout=self._settings.busy_timeout):
                raise in_use(f"{person_id}.vault")
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            with self._lock:
                turn.wanted -= 1
                if not turn.wanted:
                    # Two threads of a forked child may both have begun anew.
                    self._turns.pop(person_id, None)

    def _opened(self, person_id: str, create: bool) -> Vault:
        path, key_file = self._folder / f"{person_id}.vault", self._key_file(person_id)
        if not key_file.exists():
            if not path.exists() and not create:
                raise NotFoundError(f"{person_id} has no vault yet")
            make(path, self._keys, self._settings.busy_timeout)
        key = self._keys.unwrap(person_id, key_file.read_bytes())
        # Two processes must not bring the tables up, or change to write-ahead logging, at once.
        with locked(key_file, self._settings.busy_timeout, path.name):
            return Vault(path, key, self._settings.busy_timeout)

    def _key_files(self) -> Iterator[Path]:
        """Key files in no order; unlike a glob it does not read a long folder to its end."""
        try:
            found = os.scandir(self._folder)
        except FileNotFoundError:
            return
        with found:
            yield from (Path(one.path) for one in found if one.name.endswith(".key"))

    def _key_file(self, person_id: str) -> Path:
        return self._folder / f"{person_id}.key"
