"""Google's own Python client for Calendar.

https://googleapis.github.io/google-api-python-client/docs/dyn/calendar_v3.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.google.api import GoogleApi, given
from connectors.google.errors import NotFoundError
from connectors.sdk.errors import PositionLostError, TransientError
from connectors.sdk.http import Api
from connectors.sdk.quota import Quota
from connectors.sdk.records import Json

#: The most calendars that a page can have, and the most events.
_CALENDARS, _EVENTS = 250, 2500
#: Page tokens of one list that may be refused in one run.
RELISTS = 3
_IDS = "nextPageToken,items(id,updated)"


class CalendarClient(GoogleApi):
    """Calls of the Calendar API. Answers are the API's JSON.

    Hidden calendars are listed as well: hiding one from view does not take it away.

    Args:
        api: Calls Google for one account.
        quota: What each call costs; None when no quota is kept to.
        size: Calendars or events asked for by one request.
    """

    def __init__(self, api: Api, quota: Quota | None, size: int) -> None:
        super().__init__(api, quota, "calendar", "v3")
        self._size = size
        self._calendars = self.collection("calendarList")
        self._events = self.collection("events")

    def calendars(self, page: str | None = None) -> Json:
        """`calendarList.list`: one page of the person's calendars.

        Its own sync token is of no use: it does not tell that a calendar got another name.

        https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/list

        Raises:
            PositionLostError: The page token is no longer known.
        """
        size = min(self._size, _CALENDARS)
        request = self._calendars.list(maxResults=size, showHidden=True, **given(pageToken=page))
        return self.run(request)

    def all_calendars(self) -> dict[str, Json]:
        """All of the person's calendars, by their ids.

        Raises:
            TransientError: Page tokens were refused again and again.
        """
        return {item["id"]: item for item in _all(self.calendars)}

    def entry(self, calendar_id: str) -> Json | None:
        """`calendarList.get`: one calendar; None when the person does not have it."""
        try:
            return self.run(self._calendars.get(calendarId=calendar_id))
        except NotFoundError:
            return None

    def events(self, calendar_id: str, since: str | None, until: str, page: str | None) -> Json:
        """`events.list`: one page of the events in a range, with a sync token on the last page.

        https://developers.google.com/workspace/calendar/api/v3/reference/events/list

        Args:
            calendar_id: The calendar.
            since: Only events that end after this.
            until: Only events that start before this.
            page: The page's token; None for the first.

        Raises:
            NotFoundError: The calendar is gone, or no longer the person's to read.
            PositionLostError: The page token is no longer known.
        """
        wanted = given(timeMin=since, timeMax=until, pageToken=page)
        return self.run(self._list(calendar_id, maxResults=self._size, **wanted))

    def changes(self, calendar_id: str, sync: str, page: str | None) -> Json:
        """`events.list` of what changed since a sync token: all else as it was, without a range.

        Raises:
            NotFoundError: The calendar is gone, or no longer the person's to read.
            PositionLostError: The sync token is too old, or the page token no longer known.
        """
        more = given(pageToken=page)
        return self.run(self._list(calendar_id, maxResults=self._size, syncToken=sync, **more))

    def all_ids(self, calendar_id: str, since: str | None, until: str) -> dict[str, str | None]:
        """When each event in a range was last changed, by the event's id.

        Raises:
            NotFoundError: The calendar is gone, or no longer the person's to read.
            TransientError: Page tokens were refused again and again.
        """

        def ids(page: str | None) -> Json:
            wanted = given(timeMin=since, timeMax=until, pageToken=page)
            return self.run(self._list(calendar_id, maxResults=_EVENTS, fields=_IDS, **wanted))

        return {item["id"]: item.get("updated") for item in _all(ids)}

    def living(self, calendar_id: str, event_id: str) -> Json | None:
        """`events.get`: one event; None when it is gone, which may be told as cancelled."""
        try:
            event = self.run(self._events.get(calendarId=calendar_id, eventId=event_id))
        except (NotFoundError, PositionLostError):
            return None
        return event if event.get("status") != "cancelled" else None

    def _list(self, calendar_id: str, **parameters: Any) -> Any:
        return self._events.list(calendarId=calendar_id, singleEvents=True, **parameters)


def items(answer: Json) -> list[Json]:
    """The items of a list's page."""
    return [item for item in answer.get("items") or () if isinstance(item, dict)]


def has_id(item: Json) -> bool:
    """Whether an item can be told from others."""
    return isinstance(item.get("id"), str) and bool(item["id"])


def _all(read: Callable[[str | None], Json]) -> list[Json]:
    """The items of all pages, from the first again when a page's token is refused."""
    for _ in range(RELISTS):
        found: list[Json] = []
        page: str | None = None
        try:
            while True:
                answer = read(page)
                found += filter(has_id, items(answer))
                page = answer.get("nextPageToken")
                if not page:
                    return found
        except PositionLostError:
            continue
    raise TransientError("Google keeps refusing its own list")
