"""The key that signs session cookies, and the token that guards `/metrics`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config.settings import Settings
from connectors.sdk.errors import ConfigurationError

_LEAST = 16


def secret_key(settings: Settings) -> str:
    """The secret key: of the settings, of their file, or the data directory's own.

    The data directory's own is made when missing (mode 0600), where keys may be made at all
    (`vault.make_master_key`); in production it must be set.

    Raises:
        ConfigurationError: There is none and none may be made, or it is too short.
    """
    if settings.web.secret_key is not None:
        return _checked(settings.web.secret_key.get_secret_value(), "web.secret_key")
    if settings.web.secret_key_file is not None:
        return _checked(_read(settings.web.secret_key_file), "web.secret_key_file")
    path = settings.home / "keys" / "web"
    if path.exists():
        return _checked(_read(path), str(path))
    if not settings.vault.make_master_key:
        raise ConfigurationError(
            "no secret key for session cookies: set DCS_WEB__SECRET_KEY_FILE (or"
            " DCS_WEB__SECRET_KEY) to a random text of 32 characters or more"
        )
    return _make(path)


def metrics_token(settings: Settings) -> str | None:
    """The bearer token that `/metrics` asks for; None when none is set.

    Raises:
        ConfigurationError: Its file cannot be read, or it is too short.
    """
    if settings.web.metrics_token is not None:
        return _checked(settings.web.metrics_token.get_secret_value(), "web.metrics_token")
    if settings.web.metrics_token_file is not None:
        return _checked(_read(settings.web.metrics_token_file), "web.metrics_token_file")
    return None


def _make(path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_urlsafe(48)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(key, encoding="ascii")
    try:
        # A link, unlike a rename, leaves the key of another process that was first.
        path.hardlink_to(draft)
    except FileExistsError:
        return _read(path)
    finally:
        draft.unlink()
    return key


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(
            f"the file {path} of a secret cannot be read: {error.strerror}"
        ) from None


def _checked(key: str, name: str) -> str:
    if len(key) < _LEAST:
        raise ConfigurationError(f"{name} is too short: {_LEAST} characters at least")
    return key
