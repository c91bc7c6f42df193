"""Which providers the sandbox plays, and the settings that point the server at it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sandbox
from connectors.sdk import registry

if TYPE_CHECKING:
    from sandbox.options import Quota, SandboxOptions


def played() -> list[str]:
    """The ids of the providers that the sandbox plays: it has a `side.py` in a folder for each."""
    root = Path(sandbox.__file__).parent
    return [name for name in registry.provider_ids() if (root / name / "side.py").is_file()]


def environment_of(url: str, options: SandboxOptions) -> dict[str, str]:
    """The variables that make the server talk to a sandbox in place of the providers.

    Args:
        url: The sandbox's root.
        options: Tells the OAuth client that it knows.
    """
    from sandbox.side import side_classes

    variables: dict[str, str] = {}
    sides = side_classes()
    for name in played():
        prefix = f"DCS_PROVIDERS__{name.upper()}__"
        variables[f"{prefix}BASE_URL"] = url + sides[name].prefix
        client_id, client_secret = sides[name].client(options)
        variables[f"{prefix}CLIENT_ID"] = client_id
        variables[f"{prefix}CLIENT_SECRET"] = client_secret
        # A budget of the real provider's size would hold back a sandbox that has none.
        if "quota" in registry.provider_class(name).config_class.model_fields:
            variables |= _quota(prefix, options.quota)
    return variables


def _quota(prefix: str, quota: Quota | None) -> dict[str, str]:
    if quota is None:
        return {f"{prefix}QUOTA": "none"}
    return {
        f"{prefix}QUOTA_UNITS": str(quota.units),
        f"{prefix}QUOTA_SECONDS": str(quota.seconds),
    }
