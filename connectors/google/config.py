"""Google's configuration; each API's quota stands in a module of its own.

Read on 2026-11-23:
https://developers.google.com/workspace/gmail/api/guides/batch
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connectors.google import calendar_quota, drive_quota, gmail_quota, youtube_quota
from connectors.sdk.provider import ProviderConfig
from connectors.sdk.quota import Quota


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
        description="Quotas of the Cloud project: `new` since May 2026, `old` before, `none` to "
        "keep to none.",
    )
    quota_units: int | None = Field(
        None, ge=1, description="Gmail's units for each user where the project was granted others."
    )
    quota_seconds: float | None = Field(
        None, gt=0, description="Window of these units, in seconds; default: a minute."
    )

    drive_page_size: int = Field(
        100,
        ge=1,
        le=1000,
        description="Files or changes asked for by one list request of Drive.",
    )
    size_limit: int = Field(
        10 * 1024 * 1024,
        ge=0,
        description="Largest file of Drive that is downloaded for its text, in bytes; the server's "
        "own limit for texts holds as well.",
    )

    youtube_page_size: int = Field(
        50, ge=1, le=50, description="Items asked for by one list request of YouTube."
    )
    youtube_units: int = Field(
        10_000,
        ge=1,
        description="Units of YouTube's quota that the Cloud project has each day, for all "
        "accounts together. They come back at midnight Pacific time.",
    )

    calendar_page_size: int = Field(
        250,
        ge=1,
        le=250,
        description="Calendars or events asked for by one list request of Google Calendar.",
    )
    calendar_months_ahead: int = Field(
        24,
        ge=1,
        le=120,
        description="Months ahead up to which events are fetched; events that recur for ever would "
        "have no end. The range moves on with the time.",
    )

    def budget(self, service: str) -> Quota | None:
        """What may be spent at one of Google's APIs; None when no quota is to be kept to.

        Args:
            service: A handler's `service`: each API counts by itself.
        """
        if self.quota == "none":
            return None
        new = self.quota == "new"
        match service:
            case "gmail":
                return self._granted(gmail_quota.NEW if new else gmail_quota.OLD)
            case "drive":
                return drive_quota.NEW if new else drive_quota.OLD
            case "calendar":
                return calendar_quota.QUOTA
            case "youtube":
                return youtube_quota.of(self.youtube_units)
        return None

    def _granted(self, table: Quota) -> Quota:
        """Gmail's quota with the units that the project was granted."""
        units, seconds = self.quota_units or table.units, self.quota_seconds or table.seconds
        return Quota(units=units, seconds=seconds, costs=table.costs)
