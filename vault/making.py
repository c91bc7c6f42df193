"""Makes a new vault: its file and its key, so that no crash leaves half of one.

Both are written under other names (`<person>.vault.new`, `<person>.key.new`). Then the file comes
into its place, and the key last. So a file in its place always has its tables, and a key in its
place says that there was a vault: one that is empty or missing afterwards was lost, and an empty
one made instead would hide that.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from vault import migrations
from vault.engine import WRITES, make_engine
from vault.errors import KeyMissingError, VaultDamagedError, VaultError, translated
from vault.file import VaultFile
from vault.keys import KEY_LENGTH, KeyRing, write_new
from vault.locks import locked


def make(vault: Path, keys: KeyRing, busy_timeout: float) -> None:
    """Make a person's vault, or finish what a process that died has begun.

    Does nothing when another process was quicker.

    Args:
        vault: The file; its name without the suffix is the person's id.
        keys: Wraps its key.
        busy_timeout: Seconds to wait for a process that makes one in the same folder.

    Raises:
        KeyMissingError: There is no master key, or the vault is there and its own key is not.
        VaultLockedError: Another process has been making one for all that time.
        VaultError: It could not be made.
    """
    key_file = vault.with_suffix(".key")
    draft = vault.with_suffix(".key.new")
    vault.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # One at a time, since the first one makes the master key: that is refused where there are keys.
    with locked(vault.parent, busy_timeout, "the vaults' folder"):
        if key_file.exists():
            return
        if vault.exists():
            if not _opens(draft, vault, keys, busy_timeout):
                raise KeyMissingError(
                    f"{key_file.name} is missing: put it back from a backup; without it the vault"
                    f" of {vault.stem} cannot be opened"
                )
        else:
            draft.unlink(missing_ok=True)
            key = secrets.token_bytes(KEY_LENGTH)
            write_new(draft, keys.wrap(vault.stem, key))
            _make_file(vault, key)
        write_new(key_file, draft.read_bytes())
        draft.unlink()


def _opens(draft: Path, vault: Path, keys: KeyRing, busy_timeout: float) -> bool:
    """Whether the key that was not put into its place is there, and is this vault's."""
    if not draft.exists():
        return False
    try:
        key = keys.unwrap(vault.stem, draft.read_bytes())
        file = VaultFile(vault, key, busy_timeout, look_only=True)
        try:
            file.form()
        finally:
            file.close()
    except (KeyMissingError, VaultDamagedError):
        return False
    return True


def _make_file(vault: Path, key: bytes) -> None:
    draft = vault.with_name(f"{vault.name}.new")
    log = Path(f"{draft}-wal")
    for left_behind in (draft, log, Path(f"{draft}-shm")):
        left_behind.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    engine = make_engine(draft, key, 0.0)
    try:
        with (
            translated(vault.name),
            engine.execution_options(**{WRITES: True}).begin() as database,
        ):
            migrations.create(database)
    finally:
        # The last to close writes what stands in the log into the file.
        engine.dispose()
    if log.exists():
        raise VaultError(f"{vault.name} could not be made: look at the disk, then try again")
    _sync(draft)
    try:
        # Unlike a rename, this replaces nothing that somebody puts back just now.
        os.link(draft, vault)
    except FileExistsError:
        raise VaultError(f"{vault.name} was put there by somebody else: try again") from None
    draft.unlink()
    # The key's name must not be on the disk before this one.
    _sync(vault.parent)


def _sync(path: Path) -> None:
    """Have the disk keep a file's content, or a folder's names, through a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
