"""Calendar as the sandbox plays it, by Google's own client and its discovery document."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import googleapiclient
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from jsonschema import Draft202012Validator

from sandbox.google.calendar_store import CalendarStore
from sandbox.server import RunningSandbox
from tests.sandbox.conftest import Start, strict_schema

Client = Callable[..., Any]


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    return dict(json.loads((folder / "calendar.v3.json").read_text()))


@pytest.fixture(scope="session")
def calendar_check(document: dict[str, Any]) -> Callable[[str, object], None]:
    defs = {name: strict_schema(schema) for name, schema in document["schemas"].items()}

    def validate(schema: str, answer: object) -> None:
        Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": defs}).validate(answer)

    return validate


@pytest.fixture
def calendars(document: dict[str, Any]) -> Iterator[Client]:
    opened: list[Any] = []

    def make(sandbox: RunningSandbox, **minted: Any) -> Any:
        access = sandbox.world.mint(**minted)["access_token"]
        there = {**document, "rootUrl": f"{sandbox.url}/", "mtlsRootUrl": ""}
        opened.append(build_from_document(there, credentials=Credentials(access)))
        return opened[-1]

    yield make
    for service in opened:
        service.close()


def store(sandbox: RunningSandbox, account: int = 0) -> CalendarStore:
    side: Any = sandbox.world.sides["google"]
    found: CalendarStore = side.calendars[account]
    return found


def every(client: Any, **parameters: Any) -> tuple[list[dict[str, Any]], str]:
    """All pages of a list of events, and the last one's sync token."""
    found: list[dict[str, Any]] = []
    asked = {"calendarId": "primary", "singleEvents": True, **parameters}
    request = client.events().list(**asked)
    while True:
        answer = request.execute()
        found += answer["items"]
        if "nextSyncToken" in answer:
            assert "nextPageToken" not in answer
            return found, answer["nextSyncToken"]
        request = client.events().list(**asked, pageToken=answer["nextPageToken"])


def refused(request: Any) -> tuple[int, str]:
    with pytest.raises(HttpError) as caught:
        request.execute()
    return caught.value.resp.status, json.loads(caught.value.content)["error"]["errors"][0][
        "reason"
    ]


def test_answers_are_what_the_discovery_document_says(
    start: Start, calendars: Client, calendar_check: Callable[[str, object], None]
) -> None:
    sandbox = start(items=40)
    client = calendars(sandbox)
    listed = client.calendarList().list(showHidden=True).execute()
    calendar_check("CalendarList", listed)
    for entry in listed["items"]:
        one = client.calendarList().get(calendarId=entry["id"]).execute()
        calendar_check("CalendarListEntry", one)
        assert one == entry
        asked = {"calendarId": entry["id"], "singleEvents": True}
        answer = client.events().list(**asked).execute()
        calendar_check("Events", answer)
        assert answer["items"]
        assert answer["timeZone"] == entry["timeZone"]
        token = answer["nextSyncToken"]
        calendar = store(sandbox).calendars[entry["id"]]
        store(sandbox).edit(calendar, answer["items"][-1]["id"])
        store(sandbox).remove(calendar, answer["items"][0]["id"])
        changes = client.events().list(**asked, syncToken=token).execute()
        calendar_check("Events", changes)
        assert len(changes["items"]) == len({answer["items"][0]["id"], answer["items"][-1]["id"]})


def test_events_are_of_all_kinds(start: Start, calendars: Client) -> None:
    found, _ = every(calendars(start(items=40)))
    assert any("date" in event["start"] for event in found)
    assert any(event["status"] == "tentative" for event in found)
    for field in ("attendees", "conferenceData", "attachments", "recurringEventId"):
        assert any(field in event for event in found)
    zones = {event["start"].get("timeZone") for event in found}
    assert {"Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham", "Europe/Berlin"} <= zones
    moved = [e for e in found if e.get("originalStartTime", e["start"]) != e["start"]]
    assert moved
    starts = [event["start"].get("dateTime", event["start"].get("date")) for event in found]
    assert starts != sorted(starts)
    assert starts != sorted(starts, reverse=True)


def test_pages_hold_what_one_list_holds(start: Start, calendars: Client) -> None:
    client = calendars(start(items=40))
    whole, _ = every(client)
    paged, _ = every(client, maxResults=7)
    assert paged == whole
    assert len(paged) > 20


def test_a_list_of_ids_alone_can_be_asked_for(start: Start, calendars: Client) -> None:
    client = calendars(start())
    whole, _ = every(client)
    answer = client.events().list(
        calendarId="primary", singleEvents=True, fields="nextPageToken,items(id,updated)"
    )
    told = [{"id": event["id"], "updated": event["updated"]} for event in whole]
    assert answer.execute() == {"items": told}


def test_a_sync_token_tells_what_changed_and_what_went(start: Start, calendars: Client) -> None:
    sandbox = start()
    client = calendars(sandbox)
    found, token = every(client)
    here = store(sandbox)
    primary = here.calendar("primary")
    assert primary
    assert every(client, syncToken=token) == ([], token)
    here.remove(primary, found[0]["id"])
    here.edit(primary, found[1]["id"])
    [new] = here.add(1)
    changes, later = every(client, syncToken=token, maxResults=1)
    told = {event["id"]: event["status"] for event in changes}
    assert told == {found[0]["id"]: "cancelled", found[1]["id"]: "confirmed", new: "confirmed"}
    assert every(client, syncToken=later)[0] == []
    stub = next(event for event in changes if event["status"] == "cancelled")
    assert "summary" not in stub
    assert found[0]["id"] not in {event["id"] for event in every(client)[0]}
    assert found[0]["id"] in {event["id"] for event in every(client, showDeleted=True)[0]}
    gone = client.events().get(calendarId="primary", eventId=found[0]["id"]).execute()
    assert gone["status"] == "cancelled"


def test_a_range_bounds_a_list_by_its_end_and_its_start(start: Start, calendars: Client) -> None:
    sandbox = start(items=40)
    client = calendars(sandbox)
    whole, _ = every(client)
    edge = "2026-09-21T00:00:00Z"
    past, _ = every(client, timeMax=edge)
    coming, _ = every(client, timeMin=edge)
    assert {e["id"] for e in past} | {e["id"] for e in coming} == {e["id"] for e in whole}
    assert past
    assert coming


def test_what_documentation_forbids_is_refused(start: Start, calendars: Client) -> None:
    client = calendars(start())
    _, token = every(client)
    asked = {"calendarId": "primary", "singleEvents": True}
    events = client.events()
    edge = "2026-09-21T00:00:00Z"
    bad = (400, "invalidArgument")
    assert refused(events.list(**asked, syncToken=token, timeMin=edge)) == bad
    assert refused(events.list(**asked, syncToken=token, timeMax=edge)) == bad
    assert refused(events.list(**asked, syncToken=token, showDeleted=False)) == bad
    assert refused(events.list(**asked, timeMin=edge, timeMax=edge)) == bad
    assert refused(events.list(**asked, timeMin="2026-09-21T00:00:00")) == bad
    assert refused(events.list(**asked, timeMin="yesterday")) == bad
    assert refused(events.list(**asked, q="chess")) == bad
    assert refused(events.list(**asked, fields="items")) == bad
    assert refused(events.list(calendarId="primary")) == bad
    assert refused(events.list(**asked, pageToken="nonsense")) == bad
    assert refused(client.calendarList().list(syncToken=token)) == bad
    assert refused(events.list(calendarId="nobody@example.com", singleEvents=True))[0] == 404
    assert refused(events.get(calendarId="primary", eventId="nothing"))[0] == 404


def test_page_tokens_hold_for_their_own_query_only(start: Start, calendars: Client) -> None:
    client = calendars(start())
    asked = {"calendarId": "primary", "singleEvents": True, "maxResults": 3}
    token = client.events().list(**asked).execute()["nextPageToken"]
    other = client.events().list(**asked, pageToken=token, timeMax="2026-09-21T00:00:00Z")
    assert refused(other) == (400, "invalidArgument")


def test_lost_sync_tokens_ask_for_a_full_sync(start: Start, calendars: Client) -> None:
    sandbox = start()
    client = calendars(sandbox)
    _, token = every(client)
    store(sandbox).forget()
    asked = {"calendarId": "primary", "singleEvents": True, "syncToken": token}
    assert refused(client.events().list(**asked)) == (410, "fullSyncRequired")
    # A token of one calendar is none of another.
    _, token = every(client)
    other = next(key for key in store(sandbox).calendars if key.startswith("c_"))
    assert refused(client.events().list(**{**asked, "calendarId": other, "syncToken": token})) == (
        410,
        "fullSyncRequired",
    )


def test_tokens_are_short_and_hold_no_address(start: Start, calendars: Client) -> None:
    sandbox = start()
    client = calendars(sandbox)
    asked = {"calendarId": "primary", "singleEvents": True}
    answer = client.events().list(**asked, maxResults=3).execute()
    tokens = (answer["nextPageToken"], every(client)[1])
    primary = store(sandbox).calendar("primary")
    assert primary
    for token in tokens:
        assert 28 <= len(token) <= 80
        told = base64.urlsafe_b64decode(token).decode()
        assert primary.id.split("@")[0] not in told


def test_a_further_calendar_is_listed_with_its_events(start: Start, calendars: Client) -> None:
    sandbox = start()
    client = calendars(sandbox)
    made = store(sandbox).add_calendar("Team", 3)
    listed = client.calendarList().list().execute()["items"]
    assert made.id in {entry["id"] for entry in listed}
    asked = {"calendarId": made.id, "singleEvents": True}
    assert len(client.events().list(**asked).execute()["items"]) == 3
    made.denied = True
    assert refused(client.events().list(**asked)) == (403, "forbidden")


def test_hidden_calendars_and_roles_narrow_the_list(start: Start, calendars: Client) -> None:
    lists = calendars(start()).calendarList()
    roles = [entry["accessRole"] for entry in lists.list().execute()["items"]]
    assert sorted(roles) == ["owner", "owner", "reader"]
    assert len(lists.list(showHidden=True).execute()["items"]) == 4
    assert len(lists.list(minAccessRole="owner").execute()["items"]) == 2
    first = lists.list(maxResults=2).execute()
    second = lists.list(maxResults=2, pageToken=first["nextPageToken"]).execute()
    assert len(first["items"] + second["items"]) == 3


def test_a_token_without_the_scope_is_refused(start: Start, calendars: Client) -> None:
    sandbox = start()
    client = calendars(sandbox, scopes=("openid",))
    assert refused(client.calendarList().list()) == (403, "insufficientPermissions")


def test_accounts_hold_different_calendars_the_same_each_time(start: Start) -> None:
    sandbox, again = start(accounts=2), start(accounts=2)
    first, second = (
        sandbox.world.sides["google"].holdings(n)["calendar-event"].expected({}) for n in (0, 1)
    )
    assert set(first).isdisjoint(second)
    assert len(first) > 30
    assert first == again.world.sides["google"].holdings(0)["calendar-event"].expected({})
