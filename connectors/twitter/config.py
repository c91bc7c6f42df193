"""X's configuration, with the limits of a plan as data.

Requests are counted for each user and endpoint in windows of 15 minutes; what is read is billed
apart from that (read 2026-11-24):
https://docs.x.com/x-api/fundamentals/rate-limits
https://docs.x.com/x-api/getting-started/pricing
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connectors.sdk.provider import ProviderConfig
from connectors.sdk.quota import Quota

_QUARTER = 15 * 60.0
#: Requests of one user to other endpoints, in the same window.
_ME, _USERS, _POSTS = 75, 900, 5000


class TwitterConfig(ProviderConfig):
    """Settings of `[providers.twitter]`."""

    quota: Literal["standard", "none"] = Field(
        "standard", description="Whether to keep to X's limits below: `standard`, or `none`."
    )
    following_requests: int = Field(
        300, ge=1, description="Requests for follows that X allows a user in 15 minutes."
    )
    following_head_size: int = Field(
        20,
        ge=1,
        le=1000,
        description="Follows asked for by the look at what is new; each is billed, each day.",
    )
    following_page_size: int = Field(
        1000,
        ge=1,
        le=1000,
        description="Follows asked for by each further request; those after the head grow up to it.",
    )
    following_count: bool = Field(
        True,
        description="Whether all follows are read as soon as the profile's count tells that one "
        "went; else at their age alone.",
    )
    following_days: int = Field(
        7, ge=1, description="Days after which the follows are read whole though nothing tells."
    )
    post_requests: int = Field(
        900, ge=1, description="Requests for posts that X allows a user in 15 minutes."
    )
    post_page_size: int = Field(100, ge=5, le=100, description="Posts asked for by one request.")
    post_days: int = Field(
        30, ge=1, description="Days after which the posts are read whole though nothing tells."
    )
    timeline_posts: int = Field(
        3200,
        ge=100,
        le=3200,
        description="Newest posts that are read; X serves no more. Fewer make the first sync "
        "cheaper.",
    )
    monthly_posts: int = Field(
        3_000_000,
        ge=1,
        description="Posts that X lets the app read in a billing cycle; named where X refuses.",
    )

    def budget(self, service: str) -> Quota | None:
        """What a handler may spend at X; None when no quota is to be kept to.

        A handler asks several endpoints, of which each has a window of its own: a request to a
        stricter one costs so many units that its window holds, too.

        Args:
            service: A handler's `service`.
        """
        if self.quota == "none":
            return None
        units = {"following": self.following_requests, "posts": self.post_requests}.get(service)
        if units is None:
            return None
        costs = {
            "me": _rounded_up(units, _ME),
            "users": _rounded_up(units, _USERS),
            "lookup": _rounded_up(units, _POSTS),
        }
        return Quota(units=units, seconds=_QUARTER, costs=costs, name="X's limit of requests")


def _rounded_up(units: int, most: int) -> int:
    return -(-units // most)
