"""Keys: a random one for each vault, wrapped by the server's master key.

AES-256-GCM binds each wrapped key to its person's id, so that a key file moved to another
person's place does not open.

https://cryptography.io/en/latest/hazmat/primitives/aead/#cryptography.hazmat.primitives.ciphers.aead.AESGCM
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.settings import VaultSettings
from vault.errors import KeyMissingError

#: Length of a master key and of a vault's key, in bytes.
KEY_LENGTH = 32
_FORMAT = b"DCS1"
_NONCE_LENGTH = 12
_HOW = "`openssl rand -hex 32` makes one; give it as vault.master_key or vault.master_key_file"


class KeyRing:
    """Holds the master key, and wraps the vaults' keys with it. The key is read at first use.

    Args:
        settings: Where the master key is.
        home: The data directory.
    """

    def __init__(self, settings: VaultSettings, home: Path) -> None:
        self._settings = settings
        self._vaults = home / "vaults"
        self._file = settings.master_key_file or home / "keys" / "master"
        self._master: AESGCM | None = None

    def wrap(self, person_id: str, key: bytes) -> bytes:
        """The vault's key, encrypted for keeping beside the vault.

        Raises:
            KeyMissingError: There is no master key and none may be made, or it is malformed.
        """
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        return _FORMAT + nonce + self._cipher().encrypt(nonce, key, person_id.encode())

    def unwrap(self, person_id: str, wrapped: bytes) -> bytes:
        """The vault's key, of `KEY_LENGTH` bytes.

        Raises:
            KeyMissingError: The master key is missing or is not the one that wrapped this key,
                or the wrapped key is damaged.
        """
        nonce, sealed = wrapped[len(_FORMAT) :][:_NONCE_LENGTH], wrapped[len(_FORMAT) :][12:]
        wrong = KeyMissingError(
            f"the master key does not open the vault of {person_id}: give the master key that"
            f" the vault was made with, or put {person_id}.key back from a backup"
        )
        if not wrapped.startswith(_FORMAT) or not sealed:
            raise wrong
        try:
            key = self._cipher().decrypt(nonce, sealed, person_id.encode())
        except (InvalidTag, ValueError):
            raise wrong from None
        return key

    def check(self) -> None:
        """Raise unless there is a master key, or one may be made. Makes none.

        Raises:
            KeyMissingError: There is none and none may be made, or it is malformed.
        """
        # The folder is looked through last: it may be long, and this is asked every few seconds.
        if (
            self._settings.master_key is not None
            or self._file.exists()
            or not self._settings.make_master_key
            or self._needed()
        ):
            self._cipher()

    def _cipher(self) -> AESGCM:
        if self._master is None:
            self._master = AESGCM(self._read())
        return self._master

    def _read(self) -> bytes:
        if self._settings.master_key is not None:
            return self._parse(self._settings.master_key.get_secret_value(), "vault.master_key")
        if not self._file.exists():
            self._make()
        try:
            text = self._file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            raise KeyMissingError(f"the master key {self._file} cannot be read") from None
        return self._parse(text, str(self._file))

    def _parse(self, text: str, where: str) -> bytes:
        try:
            key = bytes.fromhex(text.strip())
        except ValueError:
            key = b""
        if len(key) != KEY_LENGTH:
            wrong = f"{where} must be {KEY_LENGTH * 2} hexadecimal digits"
            if self._needed():
                # Whoever is told how a new one is made puts it into the old one's place.
                raise KeyMissingError(
                    f"{wrong}, and there are vaults that need the one they were made with:"
                    " put it back from a backup; a new one opens none of them"
                )
            raise KeyMissingError(f"{wrong}: {_HOW}")
        return key

    def _needed(self) -> bool:
        """Whether there are vaults, which no other master key opens."""
        return any(self._vaults.glob("*.key"))

    def _make(self) -> None:
        if self._needed():
            # A new key would open none of them, and would hide that the right one is missing.
            raise KeyMissingError(
                f"the master key {self._file} is missing and there are vaults that need it:"
                " put it back from a backup"
            )
        if not self._settings.make_master_key:
            raise KeyMissingError(f"the master key {self._file} is missing: {_HOW}")
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_new(self._file, secrets.token_hex(KEY_LENGTH).encode() + b"\n")


def write_new(path: Path, content: bytes) -> bool:
    """Write a file of mode 0600, whole or not at all; False when there is one already.

    Two processes may try at once: one wins, and no reader ever sees half a key.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            # A vault whose key was lost in a power cut could never be opened again.
            os.fsync(file.fileno())
        os.link(temporary, path)
        _sync_directory(path.parent)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
