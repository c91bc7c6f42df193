"""Answers that mislead and connections that break, as a client meets them."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

import pytest
import requests
from urllib3.exceptions import IncompleteRead

from sandbox.faults import BATCH_PART, KINDS, MEANINGS, Fault

LIST = "/gmail/v1/users/me/messages"


def headers(sandbox: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {sandbox.world.mint()['access_token']}"}


def get(sandbox: Any, path: str = LIST, **options: Any) -> requests.Response:
    options = {"timeout": 10, **options}
    return requests.get(f"{sandbox.url}{path}", headers=headers(sandbox), **options)


def test_every_kind_has_a_meaning() -> None:
    assert set(MEANINGS) == KINDS


@pytest.mark.parametrize(
    ("kind", "title"), [("502", "502 Bad Gateway"), ("504", "504 Gateway Timeout")]
)
def test_a_proxy_answers_with_a_page(start: Any, kind: str, title: str) -> None:
    sandbox = start(faults=(Fault(kind),))
    answer = get(sandbox)
    assert answer.status_code == int(kind)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert f"<h1>{title}</h1>" in answer.text
    assert get(sandbox).ok


def test_a_length_that_is_too_small_leaves_bytes_behind_the_answer(start: Any) -> None:
    sandbox = start(faults=(Fault("wrong-length-less"),))
    host = sandbox.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=5)
    connection.request("GET", LIST)
    with connection.sock.makefile(
        "rb"
    ) as file:  # all that comes, whatever its length is said to be
        head, _, body = file.read().partition(b"\r\n\r\n")
    connection.close()
    [length] = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
    assert json.loads(body)
    assert int(length.split()[1]) == len(body) - 10


@pytest.mark.parametrize("kind", ["wrong-length-more", "truncate"])
def test_a_length_that_is_too_large_ends_with_the_connection(start: Any, kind: str) -> None:
    sandbox = start(faults=(Fault(kind),))
    with pytest.raises(requests.exceptions.ChunkedEncodingError) as caught:
        get(sandbox)
    [broken] = [e for e in caught.value.args[0].args if isinstance(e, IncompleteRead)]
    assert broken.expected > 4000
    assert get(sandbox).ok


def test_gzip_that_is_none(start: Any) -> None:
    sandbox = start(faults=(Fault("gzip-garbage"),))
    with pytest.raises(requests.exceptions.ContentDecodingError):
        get(sandbox)
    assert get(sandbox).ok


def test_few_bytes_of_gzip_become_many(start: Any) -> None:
    sandbox = start(faults=(Fault("gzip-bomb", size=4),))
    answer = get(sandbox, stream=True)
    packed = answer.raw.read(decode_content=False)
    assert len(packed) < 40_000
    sandbox.world.faults.add(Fault("gzip-bomb", size=4))
    assert len(get(sandbox).content) > 3_900_000


def test_a_huge_answer_is_as_large_as_told_and_names_no_length(start: Any) -> None:
    sandbox = start(faults=(Fault("huge", size=5),))
    answer = get(sandbox)
    assert 4_900_000 < len(answer.content) < 5_100_000
    assert "Content-Length" not in answer.headers
    assert answer.json()


def test_a_client_may_leave_a_huge_answer(start: Any) -> None:
    sandbox = start(faults=(Fault("huge", size=2000),))
    with get(sandbox, stream=True) as answer:
        assert answer.raw.read(20).startswith(b'{"items"')
    assert get(sandbox).ok


def test_a_redirect_without_end_is_one_fault(start: Any) -> None:
    sandbox = start(faults=(Fault("redirect-loop"),))
    with pytest.raises(requests.TooManyRedirects):
        get(sandbox, f"{LIST}?maxResults=3")
    assert len(get(sandbox, f"{LIST}?maxResults=3").json()["messages"]) == 3


def test_a_slow_drip_sends_some_of_it_and_ends_in_time(start: Any) -> None:
    sandbox = start(faults=(Fault("slow-drip", seconds=0.5),))
    began = time.monotonic()
    answer = get(sandbox, stream=True)
    assert (answer.status_code, time.monotonic() - began < 0.4) == (200, True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = answer.content
    assert 0.4 < time.monotonic() - began < 3
    assert get(sandbox).ok


def test_slow_ones_leave_room_for_others(start: Any) -> None:
    sandbox = start(faults=(Fault("slow-drip", seconds=30, count=20),))
    opened = [get(sandbox, stream=True) for _ in range(20)]
    began = time.monotonic()
    assert get(sandbox).ok
    assert time.monotonic() - began < 5
    for answer in opened:
        answer.close()


@pytest.mark.parametrize(
    ("kind", "body"), [("list-json", []), ("null-json", None), ("deep-json", RecursionError)]
)
def test_json_of_another_kind(start: Any, kind: str, body: Any) -> None:
    sandbox = start(faults=(Fault(kind),))
    answer = get(sandbox)
    assert answer.ok
    if body is RecursionError:
        with pytest.raises(RecursionError):
            json.loads(answer.content)
    else:
        assert answer.json() == body


def test_a_reset_is_one(start: Any) -> None:
    sandbox = start(faults=(Fault("reset"), Fault("hang", seconds=0.1)))
    for _ in range(2):
        with pytest.raises(requests.ConnectionError) as caught:
            get(sandbox)
        assert "Connection reset" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (LIST, 400),
        ("/drive/v3/files", 400),
        ("/drive/v3/changes", 400),
        ("/calendar/v3/calendars/primary/events?singleEvents=true", 400),
        ("/youtube/v3/subscriptions?mine=true&part=id", 400),
    ],
)
def test_a_page_token_is_refused_in_the_providers_way(start: Any, path: str, status: int) -> None:
    sandbox = start(faults=(Fault("page-token-refused"),))
    if path != "/drive/v3/changes":
        assert get(sandbox, path).ok
    assert [fault.kind for fault in sandbox.world.faults.pending()] == ["page-token-refused"]
    mark = "&" if "?" in path else "?"
    answer = get(sandbox, f"{path}{mark}pageToken=some")
    assert answer.status_code == status
    assert sandbox.world.faults.pending() == []
    text = answer.text.lower().replace(" ", "")
    assert "pagetoken" in text


@pytest.mark.parametrize(
    ("path", "lists", "handler"),
    [
        (LIST, "/messages$", "gmail"),
        ("/drive/v3/files?fields=files(id)", "/drive/v3/files$", "google-drive-document"),
        (
            "/calendar/v3/calendars/primary/events?singleEvents=true",
            "/events$",
            "calendar-event",
        ),
        (
            "/youtube/v3/subscriptions?mine=true&part=snippet",
            "/subscriptions$",
            "youtube-following",
        ),
    ],
)
def test_listed_items_vanish_after_the_answer(
    start: Any, path: str, lists: str, handler: str
) -> None:
    sandbox = start(faults=(Fault("vanish", lists, items=2),))
    holding = sandbox.world.sides["google"].holdings(0)[handler]
    before = holding.expected({})
    text = get(sandbox, path).text
    gone = set(before) - set(holding.expected({}))
    assert len(gone) == 2
    assert all(f'"{ident.rpartition("/")[2]}"' in text for ident in gone)


def test_what_vanished_is_not_there_to_get(start: Any) -> None:
    sandbox = start(faults=(Fault("vanish"),))
    [first, second, *_] = get(sandbox).json()["messages"]
    assert get(sandbox, f"{LIST}/{first['id']}").status_code == 404
    assert get(sandbox, f"{LIST}/{second['id']}").ok


@pytest.mark.parametrize("kind", ["huge", "lost-refresh", "vanish", "redirect-loop"])
def test_a_batch_part_cannot_have_what_needs_a_request_of_its_own(kind: str) -> None:
    with pytest.raises(ValueError, match="batch part"):
        Fault(kind, BATCH_PART)


def test_the_command_line_lists_every_kind() -> None:
    from click.testing import CliRunner

    from cli.commands.sandbox import command

    told = CliRunner().invoke(command, ["--help"]).output
    assert [kind for kind in KINDS if f"  {kind} " not in told] == []
