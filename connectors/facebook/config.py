"""Facebook's configuration.

https://developers.facebook.com/docs/graph-api/guides/versioning
"""

from __future__ import annotations

from pydantic import Field

from connectors.sdk.provider import ProviderConfig

#: The newest version with a changelog on 2026-11-24.
VERSION = "v26.0"


class FacebookConfig(ProviderConfig):
    """Settings of `[providers.facebook]`."""

    api_version: str = Field(
        VERSION,
        pattern=r"^v[1-9][0-9]*\.[0-9]+$",
        description="Version of the Graph API. Each is there for two years at least; the API "
        "answers calls to one that has ended by the oldest one left.",
    )
    page_size: int = Field(
        100, ge=1, le=100, description="Pages or posts asked for by one list request."
    )
