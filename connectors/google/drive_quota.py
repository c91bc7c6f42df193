"""The Drive API's quota as data.

What each user may spend a minute. Reading metadata costs 5 units, a page of a list 100, a
download 200. Exports are in no row; they are taken for downloads.
Projects that used the API between November 2025 and April 2026 keep 12,000 queries a minute.

https://developers.google.com/workspace/drive/api/guides/limits
"""

from __future__ import annotations

from connectors.sdk.quota import Quota

_NAME = "the Drive API's quota for this user"
NEW = Quota(
    units=325_000,
    seconds=60.0,
    costs={
        "changes.getStartPageToken": 5,
        "changes.list": 100,
        "files.list": 100,
        # Metadata alone costs 5, but it is downloads that this is called for.
        "files.get": 200,
        "files.export": 200,
    },
    name=_NAME,
)
OLD = Quota(units=12_000, seconds=60.0, costs={}, name=_NAME)
