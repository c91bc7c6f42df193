"""`Vaults`: finds, makes and opens people's vaults.

Each is one file, `home/vaults/<person>.vault`, with its wrapped key beside it
(`<person>.key`); to take a vault along, take both and the master key.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import Settings
from vault.errors import KeyMissingError, NotFoundError, VaultError
from vault.keys import KEY_LENGTH, KeyRing, write_new
from vault.vault import Vault

_PERSON = re.compile(r"[a-z0-9_-]{1,64}")
#: Vaults whose files stay open in a process: each takes three descriptors or more, and there may
#: be more people than a process may have of these.
_MOST_OPEN = 64
#: A disk with less room than this, in bytes, takes no batch.
_LEAST_FREE = 16 * 1024 * 1024
#: Keys that `Vaults.check` tries at most.
_KEYS_TRIED = 3


class Vaults:
    """All vaults of a server; those used last stay open in a process. Threads may share it.

    Args:
        settings: The server's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.vault
        self._folder = settings.home / "vaults"
        self._keys = KeyRing(settings.vault, settings.home)
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._open: dict[str, Vault] = {}

    def open(self, person_id: str, *, create: bool = False) -> Vault:
        """A person's vault.

        Args:
            person_id: 1 to 64 of a-z, 0-9, `_` and `-`.
            create: Make the vault when there is none.

        Raises:
            NotFoundError: There is none, or the id is not one.
            KeyMissingError: The master key or the vault's own is missing or wrong.
            VaultDamagedError: The file is damaged.
        """
        if not _PERSON.fullmatch(person_id):
            raise NotFoundError("a person's id is 1 to 64 of a-z, 0-9, _ and -")
        if self._pid != os.getpid():
            # The lock may have been held at the fork; the vaults look after themselves.
            inherited = self._open
            self._start()
            self._open = dict(inherited)
        with self._lock:
            # Those used last stand last.
            vault = self._open.pop(person_id, None) or self._opened(person_id, create)
            self._open[person_id] = vault
            while len(self._open) > _MOST_OPEN:
                self._open.pop(next(iter(self._open))).let_go()
            return vault

    def people(self) -> list[str]:
        """The ids of all who have a vault, in order."""
        return sorted(path.stem for path in self._folder.glob("*.vault"))

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
        self._key(person_id, self._folder / f"{person_id}.vault")

    def close(self) -> None:
        """Close all vaults; what was written is in their files."""
        if self._pid != os.getpid():
            return
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def _opened(self, person_id: str, create: bool) -> Vault:
        path = self._folder / f"{person_id}.vault"
        if not path.exists() and not create:
            raise NotFoundError(f"{person_id} has no vault yet")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = self._key(person_id, path)
        # Two processes must not make the tables, or change to write-ahead logging, at once.
        with _locked(self._key_file(person_id)):
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            return Vault(path, key, self._settings.busy_timeout)

    def _key(self, person_id: str, vault: Path) -> bytes:
        file = self._key_file(person_id)
        if not file.exists():
            if vault.exists():
                raise KeyMissingError(
                    f"{file.name} is missing: put it back from a backup; without it the vault"
                    f" of {person_id} cannot be opened"
                )
            write_new(file, self._keys.wrap(person_id, secrets.token_bytes(KEY_LENGTH)))
        return self._keys.unwrap(person_id, file.read_bytes())

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


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("rb") as file:
        # Closing the file frees the lock, also when the process dies.
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
