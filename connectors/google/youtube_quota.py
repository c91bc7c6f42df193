"""The YouTube Data API's quota as data.

A project has so many units each day, shared by all accounts; they come back at midnight Pacific
time. Every request costs one at least, refused ones too; reading costs no more than that.

Read on 2026-11-24: https://developers.google.com/youtube/v3/determine_quota_cost
"""

from __future__ import annotations

from connectors.sdk.quota import Quota

_DAY = 24 * 60 * 60.0
_COSTS = {
    "channels.list": 1,
    "playlistItems.list": 1,
    "subscriptions.list": 1,
    "videos.getRating": 1,
    "videos.list": 1,
}


def of(units: int) -> Quota:
    """The quota of a project that has so many units a day."""
    return Quota(
        units=units,
        seconds=_DAY,
        costs=_COSTS,
        daily="America/Los_Angeles",
        name="YouTube's quota of the Google project",
    )
