"""Google's configuration, and the Gmail API's quota as data.

Read on 2026-11-23:
https://developers.google.com/workspace/gmail/api/reference/quota
https://developers.google.com/workspace/gmail/api/guides/batch
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connectors.sdk.provider import ProviderConfig
from connectors.sdk.quota import Quota

#: Projects made since May 2026.
_NEW = Quota(
    units=6_000,
    seconds=60.0,
    costs={
        "getProfile": 1,
        "history.list": 2,
        "messages.list": 5,
        "messages.get": 20,
        "messages.attachments.get": 20,
    },
)
#: Projects that used the API between November 2025 and April 2026 keep these.
_OLD = Quota(
    units=15_000,
    seconds=60.0,
    costs={
        "getProfile": 1,
        "history.list": 2,
        "messages.list": 5,
        "messages.get": 5,
        "messages.attachments.get": 5,
    },
)


class GoogleConfig(ProviderConfig):
    """Settings of `[providers.google]`."""

    batch_size: int = Field(
        25,
        ge=1,
        le=25,
        description="Parts of one batch request. Gmail runs the parts side by side and refuses "
        "those beyond the number it serves one user at once; 25 always pass.",
    )
    list_size: int = Field(500, ge=1, le=500, description="Ids asked for by one list request.")
    quota: Literal["new", "old", "none"] = Field(
        "new",
        description="Gmail quota of the Cloud project: `new` since May 2026, `old` before, `none` "
        "to keep to none.",
    )
    quota_units: int | None = Field(
        None, ge=1, description="Units for each user where the project was granted others."
    )
    quota_seconds: float | None = Field(
        None, gt=0, description="Window of these units, in seconds; default: a minute."
    )

    def budget(self, service: str) -> Quota | None:
        """What may be spent at one of Google's APIs; None when no quota is to be kept to.

        Args:
            service: A handler's `service`: each API counts by itself.
        """
        if self.quota == "none" or service != "gmail":
            return None
        table = _NEW if self.quota == "new" else _OLD
        return Quota(
            units=self.quota_units or table.units,
            seconds=self.quota_seconds or table.seconds,
            costs=table.costs,
        )
