"""The Calendar API's quota as data.

600 requests a minute for each user of a project, whatever they ask for; 10,000 for the project as
a whole, which Google's refusals tell of. Projects that used the API before May 2026 keep what they
had, which the documentation does not name. Read on 2026-11-24:
https://developers.google.com/workspace/calendar/api/guides/quota
"""

from __future__ import annotations

from connectors.sdk.quota import Quota

QUOTA = Quota(units=600, seconds=60.0, costs={}, name="the account's quota of Google Calendar")
