"""Finds providers: each folder beside the sdk that holds a `provider.py`.

Names come from the folders alone, so listing them imports none; a provider that cannot be
imported shows as broken and the rest work.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.sdk.errors import ConfigurationError
from connectors.sdk.provider import Provider
from connectors.sdk.schemas.base import RecordSchema

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Broken:
    """A provider whose module cannot be used, and why."""

    id: str
    reason: str


def provider_ids() -> list[str]:
    """The ids of all providers, sorted."""
    sdk = Path(__file__).resolve().parent.name
    return sorted(
        path.parent.name for path in _ROOT.glob("*/provider.py") if path.parent.name != sdk
    )


def provider_class(provider_id: str) -> type[Provider]:
    """The provider's class.

    Raises:
        ConfigurationError: No such provider (names those there are), or its module is broken.
    """
    if provider_id not in provider_ids():
        known = ", ".join(provider_ids())
        raise ConfigurationError(f"there is no provider {provider_id}; there are: {known}")
    try:
        module = importlib.import_module(f"connectors.{provider_id}.provider")
    except (Exception, SystemExit) as error:
        # Whatever an author's module does wrong, the other providers must go on.
        raise ConfigurationError(
            f"provider {provider_id} is broken: {type(error).__name__}: {error}"
        ) from error
    for value in vars(module).values():
        if (
            inspect.isclass(value)
            and issubclass(value, Provider)
            and value.__module__ == module.__name__
        ):
            if lacking := ", ".join(sorted(getattr(value, "__abstractmethods__", ()))):
                raise ConfigurationError(f"provider {provider_id} is broken: it lacks {lacking}")
            return value
    raise ConfigurationError(f"provider {provider_id} is broken: provider.py has no Provider")


def provider(provider_id: str, configuration: Mapping[str, Mapping[str, Any]]) -> Provider:
    """The provider, configured.

    Args:
        provider_id: Such as `example`.
        configuration: `Settings.providers`.

    Raises:
        ConfigurationError: No such provider, a broken one, or a wrong setting.
    """
    return provider_class(provider_id).configured(configuration.get(provider_id, {}))


def providers() -> list[type[Provider] | Broken]:
    """Every provider's class, in order of id; a broken one with its reason."""
    found: list[type[Provider] | Broken] = []
    for provider_id in provider_ids():
        try:
            found.append(provider_class(provider_id))
        except ConfigurationError as error:
            found.append(Broken(provider_id, str(error)))
    return found


def schemas() -> dict[str, type[RecordSchema]]:
    """Every schema that the sdk ships, by its slug."""
    folder = Path(__file__).parent / "schemas"
    found: dict[str, type[RecordSchema]] = {}
    for path in sorted(folder.glob("[a-z]*.py")):
        module = importlib.import_module(f"connectors.sdk.schemas.{path.stem}")
        for value in vars(module).values():
            if (
                inspect.isclass(value)
                and issubclass(value, RecordSchema)
                and hasattr(value, "slug")
            ):
                found[value.slug] = value
    return found
