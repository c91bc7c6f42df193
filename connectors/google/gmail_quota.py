"""The Gmail API's quota for each user, as data.

Read on 2026-11-23:
https://developers.google.com/workspace/gmail/api/reference/quota
"""

from __future__ import annotations

from connectors.sdk.quota import Quota

#: Projects made since May 2026.
NEW = Quota(
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
OLD = Quota(
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
