"""Google Calendar: the person's calendars, and the events in them.

Each run reads the list of calendars and, of each calendar, what changed since its sync token: one
request each when nothing did. A calendar without a token is listed first. Recurring events come
as their instances, within a range that moves on with the time (`calendar_months_ahead`).

What the documentation leaves open is not relied on: the order of a list, whether its sync token
covers what changed while its pages were read, and whether all instances of a deleted series are
told. Where it could matter, the ids of the whole calendar are compared with what is kept.

https://developers.google.com/workspace/calendar/api/guides/sync
https://developers.google.com/workspace/calendar/api/v3/reference/events/list
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import cast

from connectors.google.batch import pieces
from connectors.google.calendar_client import RELISTS, CalendarClient, has_id, items
from connectors.google.calendar_event import (
    calendar_fields,
    calendar_key,
    event_fields,
    event_key,
    events_prefix,
    ids_of,
    span,
)
from connectors.google.calendar_position import Place, State, mark
from connectors.google.calendar_troubles import Troubles
from connectors.google.config import GoogleConfig
from connectors.google.errors import ForbiddenError, NotFoundError
from connectors.sdk.errors import PositionLostError, TransientError
from connectors.sdk.handler import Context, Handler, gone, unmappable
from connectors.sdk.options import BACKDATE, Choice
from connectors.sdk.records import Batch, Failed, Json, Position, Record, record_id
from connectors.sdk.schemas.calendar import Calendar
from connectors.sdk.schemas.event import Event

CALENDARS = Choice(
    id="calendars",
    label="Which calendars",
    values={"own": "Those I own", "all": "Subscribed and shared ones too"},
    default="own",
)
#: Which access makes a calendar one of the person's own, or one whose events can be read. Who has
#: `freeBusyReader` sees no event, only when somebody is busy.
_ROLES = {
    "own": {"owner"},
    "all": {"owner", "writer", "writerWithoutPrivateAccess", "reader"},
}
#: Events looked at one by one for a batch.
_LOOKS = 50
#: Ids marked deleted by one batch.
_DELETIONS = 500


class CalendarEvents(Handler):
    """The person's calendars and their events."""

    id = "calendar-event"
    label = "Calendar Event"
    schema = Event
    also = (Calendar,)
    scopes = frozenset({"https://www.googleapis.com/auth/calendar.readonly"})
    options = (BACKDATE, CALENDARS)
    sizes = ("calendar_page_size",)
    service = "calendar"
    frequency = "hour"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._config = cast(GoogleConfig, context.provider.config)
        #: The batch yielded last, which `kept` may not know yet: what it holds (None for an item
        #: in quarantine) and what it deletes.
        self._latest: dict[str, Record | None] = {}
        self._dropped: set[str] = set()
        self._told: Position = {}

    def batches(self, position: Position) -> Iterator[Batch]:
        """Yield what changed, then what is listed for the first time; the position is a `State`."""
        state, self._told = State.from_json(position), position
        listed = self._client.all_calendars()
        if not position:
            yield from self._reset(listed, state)
        yield from self._leave(listed, state)
        roles = _ROLES[self.context.options[CALENDARS.id]]
        chosen = {key: entry for key, entry in listed.items() if entry.get("accessRole") in roles}
        yield from self._calendars(chosen, state)
        troubles = Troubles()
        yield from self._events(chosen, state, troubles)
        if state.to_json() != self._told:
            # New sync tokens of calendars in which nothing changed; old ones expire some day.
            yield self._batch(state.to_json())
        troubles.tell(len(chosen))

    def record(self, source: Json) -> Record:
        """Map an entry of the calendar list; an event needs its calendar too: see `event`."""
        key = calendar_key(source["id"])
        return self.build(id=key, source=source, schema=Calendar, **calendar_fields(source))

    def event(self, calendar_id: str, zone: str | None, event: Json) -> Record:
        """Map an event of the calendar with that id; `zone` is the calendar's, when told."""
        if not has_id(event):
            raise ValueError("an event has no id")
        account = self.context.account.id
        calendar = record_id(self.context.provider.id, account, calendar_key(calendar_id))
        fields = event_fields(event, calendar=calendar, zone=zone)
        return self.build(id=event_key(calendar_id, event["id"]), source=event, **fields)

    def retry(self, failed: Failed) -> Record:
        """Fetch a quarantined item again and map it."""
        calendar_id, event_id = ids_of(failed.source_id)
        listed = self._client.entry(calendar_id)
        found = self._client.living(calendar_id, event_id) if event_id else listed
        event = partial(self.event, calendar_id, (listed or {}).get("timeZone"))
        if not found:
            raise gone(partial(event if event_id else self.record, failed.source))
        return event(found) if event_id else self.record(found)

    # The calendars themselves

    def _reset(self, listed: Mapping[str, Json], state: State) -> Iterator[Batch]:
        """The position is empty though something may be kept: find what is gone since then."""
        stale: list[str] = []
        for key in self.kept.source_ids():
            calendar_id, _ = ids_of(key)
            if calendar_id in listed:
                state.place(calendar_id).doubt()
            else:
                stale.append(key)
        for piece in pieces(stale, _DELETIONS):
            # Only with the last of them it is known of each calendar what to do.
            yield self._batch({}, deleted=piece)

    def _leave(self, listed: Mapping[str, Json], state: State) -> Iterator[Batch]:
        """Mark the calendars that left the list deleted, with all their events."""
        missing = state.calendars.keys() - map(mark, listed)
        if not missing:
            return
        kept: dict[str, list[str]] = {}
        for source_id in self.kept.source_ids():
            calendar_id, event_id = ids_of(source_id)
            if mark(calendar_id) in missing:
                kept.setdefault(calendar_id, []).extend([source_id] if event_id else [])
        for calendar_id, events in kept.items():
            # A list that was read over several pages may have missed one.
            missing.discard(mark(calendar_id))
            if self._client.entry(calendar_id) is not None:
                continue
            *heads, last = pieces([*events, calendar_key(calendar_id)], _DELETIONS)
            for piece in heads:
                yield self._batch(state.to_json(), deleted=piece)
            del state.calendars[mark(calendar_id)]
            yield self._batch(state.to_json(), deleted=last)
        # Nothing is kept of these, so that nothing is lost should one of them come again.
        for key in missing:
            del state.calendars[key]

    def _calendars(self, chosen: Mapping[str, Json], state: State) -> Iterator[Batch]:
        """Keep the records of new and changed calendars."""
        for key in chosen:
            state.place(key).choose(
                self.context.options[BACKDATE.id],
                self._config.calendar_months_ahead,
                self.context.now,
            )
        records: list[Record] = []
        failed: list[Failed] = []
        for key, entry in chosen.items():
            source_id = calendar_key(key)
            kept = self._kept(source_id)
            if kept and kept["sourceData"] == entry:
                continue
            try:
                records.append(self.record(entry))
                if kept and kept["sourceData"].get("timeZone") != entry.get("timeZone"):
                    # All-day events begin at other times then, which no change tells.
                    state.place(key).restart()
            except Exception as error:
                # One that is in quarantine already is told once.
                if kept or not self.kept.known([source_id]):
                    failed.append(replace(unmappable(entry, error), source_id=source_id))
        if records or failed or state.to_json() != self._told:
            yield self._batch(state.to_json(), records, failed=failed)

    # The events of one calendar

    def _events(
        self, chosen: Mapping[str, Json], state: State, troubles: Troubles
    ) -> Iterator[Batch]:
        """Yield the events of all calendars, those last that could not be read before."""
        order = sorted(chosen, key=lambda key: state.place(key).failed)
        steps = [(key, self._follow(key, state)) for key in order if state.place(key).sync]
        steps += [(key, self._fill(key, chosen[key], state)) for key in order]
        for key, step in steps:
            if key in troubles or troubles.hopeless:
                continue
            try:
                yield from step
            except (TransientError, ForbiddenError) as error:
                troubles.note(key, error)
                state.place(key).failed = True
            else:
                troubles.well()
                state.place(key).failed = False

    def _fill(self, calendar_id: str, entry: Json, state: State) -> Iterator[Batch]:
        """Yield what a calendar without a sync token holds, and what a comparison finds."""
        place = state.place(calendar_id)
        if not place.sync:
            yield from self._list(calendar_id, state)
        if place.check and place.page is None:
            yield from self._check(calendar_id, entry, state)

    def _follow(self, calendar_id: str, state: State) -> Iterator[Batch]:
        """Yield what changed in a calendar since its sync token."""
        place = state.place(calendar_id)
        turns = 0
        while True:
            try:
                answer = self._client.changes(calendar_id, place.sync, place.page)
            except NotFoundError:
                # Gone, or not to be read any more: the list of calendars tells the next time.
                return
            except PositionLostError:
                turns += 1
                if place.page is None or turns > RELISTS:
                    place.restart()
                    return
                place.page = None
                continue
            place.page = answer.get("nextPageToken")
            if not place.page:
                place.sync = answer.get("nextSyncToken") or place.sync
            records, failed, deleted = self._changed(calendar_id, answer, place)
            if records or failed or deleted or place.page:
                yield self._batch(state.to_json(), records, failed=failed, deleted=deleted)
            if not place.page:
                return

    def _changed(
        self, calendar_id: str, answer: Json, place: Place
    ) -> tuple[list[Record], list[Failed], list[str]]:
        """Sort a page of changes; a series that lost instances makes `place.check` true."""
        found = items(answer)
        zone = answer.get("timeZone")
        known = self._known(event_key(calendar_id, item["id"]) for item in found if has_id(item))
        shown: list[Json] = []
        deleted: list[str] = []
        for item in found:
            key = event_key(calendar_id, item["id"]) if has_id(item) else ""
            if item.get("status") != "cancelled":
                # A token tells of all instances of a series, decades ahead. What is kept is
                # followed wherever it moves.
                if key in known or _inside(item, zone, place):
                    shown.append(item)
                continue
            if key in known:
                deleted.append(key)
            # Of a deleted series not all instances may be told, or its own id alone.
            if key not in known or "recurringEventId" in {**self._source(key), **item}:
                place.doubt()
        records, failed = self._mapped(calendar_id, zone, shown)
        return records, failed, deleted

    def _list(self, calendar_id: str, state: State) -> Iterator[Batch]:
        """Yield all events of a calendar, as far as they are in the range."""
        place = state.place(calendar_id)
        turns = 0
        while True:
            try:
                answer = self._client.events(calendar_id, place.since, place.until, place.page)
            except NotFoundError:
                return
            except PositionLostError:
                turns += 1
                if place.page is None or turns > RELISTS:
                    raise TransientError("Google keeps refusing its own list of events") from None
                place.restart()
                continue
            place.page = answer.get("nextPageToken")
            place.sync = answer.get("nextSyncToken") or ""
            # What changed while pages were read may be in none of them.
            place.check |= place.page is not None or not place.sync
            records, failed = self._mapped(calendar_id, answer.get("timeZone"), items(answer))
            yield self._batch(state.to_json(), records, failed=failed)
            if not place.page:
                return

    def _check(self, calendar_id: str, entry: Json, state: State) -> Iterator[Batch]:
        """Compare a whole calendar with what is kept of it, and mend the differences."""
        place = state.place(calendar_id)
        try:
            doubtful = self._doubtful(calendar_id, entry.get("timeZone"), place)
        except NotFoundError:
            return
        known = self._known(doubtful)
        # A check that was cut goes on where it was; what is not kept yet was not looked at.
        rest = [k for k in sorted(doubtful, key=mark) if k not in known or mark(k) > place.seen]
        for piece in pieces(rest, _LOOKS):
            seen = {key: self._client.living(calendar_id, ids_of(key)[1] or "") for key in piece}
            there = [event for event in seen.values() if event]
            records, failed = self._mapped(calendar_id, entry.get("timeZone"), there)
            gone = [key for key, event in seen.items() if event is None]
            place.seen = max(place.seen, mark(piece[-1]))
            yield self._batch(state.to_json(), records, failed=failed, deleted=gone)
        place.check, place.seen = False, ""
        yield self._batch(state.to_json())

    def _doubtful(self, calendar_id: str, zone: str | None, place: Place) -> list[str]:
        """The events that are kept and not listed, or listed otherwise than they are kept.

        Raises:
            NotFoundError: The calendar is gone, or no longer the person's to read.
        """

        def ids(since: str | None, until: str) -> dict[str, str | None]:
            told = self._client.all_ids(calendar_id, since, until)
            return {event_key(calendar_id, key): updated for key, updated in told.items()}

        found = ids(place.since, place.until)
        known = self._known(found)
        prefix = events_prefix(calendar_id)
        others = [
            key
            for key in self.kept.source_ids()
            if key.startswith(prefix) and key not in found and key not in self._dropped
        ]
        # Those outside of the range are not in its list, and may well be there.
        spans = [span(self._source(key), zone) for key in others]
        outside = [found for found in spans if found and not place.holds(*found)]
        wide = ids(*place.wider(outside)) if outside else {}
        doubtful = [key for key in others if key not in wide or self._stale(key, wide[key])]
        return doubtful + [k for k in found if k not in known or self._stale(k, found[k])]

    # What it works with

    def _mapped(
        self, calendar_id: str, zone: str | None, events: Iterable[Json]
    ) -> tuple[list[Record], list[Failed]]:
        records: list[Record] = []
        failed: list[Failed] = []
        for event in events:
            try:
                records.append(self.event(calendar_id, zone, event))
            except Exception as error:
                # Whatever is odd about one event must not stop the others.
                found = unmappable(event, error)
                failed.append(replace(found, source_id=event_key(calendar_id, found.source_id)))
        return records, failed

    def _batch(
        self,
        position: Position,
        records: Iterable[Record] = (),
        *,
        failed: Iterable[Failed] = (),
        deleted: Iterable[str] = (),
    ) -> Batch:
        records, failed, deleted = list(records), list(failed), list(deleted)
        self._latest = {record["sourceId"]: record for record in records}
        self._latest.update((item.source_id, None) for item in failed)
        self._dropped = set(deleted)
        self._told = position
        return Batch(records, position, deleted=deleted, failed=failed, listed=list(self._latest))

    def _kept(self, key: str) -> Record | None:
        return self._latest.get(key) or self.kept.get(key)

    def _source(self, key: str) -> Json:
        kept = self._kept(key) if key else None
        return kept["sourceData"] if kept else {}

    def _known(self, keys: Iterable[str]) -> set[str]:
        wanted = list(keys)
        return self.kept.known(wanted) | self._latest.keys() & set(wanted) if wanted else set()

    def _stale(self, key: str, updated: str | None) -> bool:
        return bool(updated and (told := self._source(key).get("updated")) and told != updated)

    @cached_property
    def _client(self) -> CalendarClient:
        quota = self.context.provider.quota(self.service)
        return CalendarClient(self.api, quota, self._config.calendar_page_size)


def _inside(event: Json, zone: str | None, place: Place) -> bool:
    """Whether an event is in the range; one that cannot be read is, so that it is not lost."""
    found = span(event, zone)
    return found is None or place.holds(*found)
