"""Batches, sent by Google's own client."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests
from googleapiclient.errors import BatchError, HttpError

from sandbox.faults import BATCH_PART, Fault
from sandbox.options import Quota


def send(service: Any, ids: list[str]) -> tuple[dict[str, Any], dict[str, HttpError]]:
    done: dict[str, Any] = {}
    failed: dict[str, HttpError] = {}

    def collect(ident: str, answer: Any, error: HttpError | None) -> None:
        if error is None:
            done[ident] = answer
        else:
            failed[ident] = error

    batch = service.new_batch_http_request(callback=collect)
    for ident in ids:
        batch.add(service.users().messages().get(userId="me", id=ident), request_id=ident)
    batch.execute()
    return done, failed


def test_a_batch_answers_each_part(start, client, check):
    sandbox = start()
    ids = sandbox.world.mailbox().ids()[:24]
    done, failed = send(client(sandbox), [*ids, "1fffffffffffffff"])
    for ident, answer in done.items():
        check("Message", answer)
        assert answer["id"] == ident
    assert set(done) == set(ids)
    assert {ident: error.status_code for ident, error in failed.items()} == {
        "1fffffffffffffff": 404
    }
    stats = sandbox.world.stats.to_json()
    assert (stats["batches"], stats["parts"], stats["total"]) == (1, 25, 1)


def test_a_big_batch_meets_the_limit_on_requests_at_once(start, client):
    sandbox = start(concurrency=30)
    done, failed = send(client(sandbox), sandbox.world.mailbox().ids()[:50])
    assert (len(done), len(failed)) == (30, 20)
    assert {error.status_code for error in failed.values()} == {429}
    assert "Too many concurrent requests" in str(next(iter(failed.values())))
    # The slots are free again.
    assert send(client(sandbox), sandbox.world.mailbox().ids()[:25])[1] == {}


def test_two_batches_at_once_are_too_many(start, client):
    sandbox = start(latency_ms=400)
    ids, refused = sandbox.world.mailbox().ids()[:25], []
    ready = threading.Barrier(2)

    def run(service: Any) -> None:
        ready.wait()
        refused.append(len(send(service, ids)[1]))

    threads = [threading.Thread(target=run, args=(client(sandbox),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(refused) == [0, 20]


def test_each_part_counts_in_the_quota(start, client):
    sandbox = start(quota=Quota(200, 30))
    done, failed = send(client(sandbox), sandbox.world.mailbox().ids()[:25])
    assert (len(done), len(failed)) == (10, 15)
    assert {error.status_code for error in failed.values()} == {403}
    assert sandbox.world.stats.to_json()["refused"] == {"rateLimitExceeded": 15}


def test_a_fault_hits_some_parts_alone(start, client):
    sandbox = start()
    sandbox.world.faults.add(Fault("429", BATCH_PART, count=3, skip=2, retry_after=5))
    done, failed = send(client(sandbox), sandbox.world.mailbox().ids()[:25])
    assert (len(done), len(failed)) == (22, 3)
    assert "Retry after 20" in str(next(iter(failed.values())))


@pytest.mark.parametrize("kind", ["500", "502", "503", "504"])
def test_a_part_fails_as_an_upstream_would(start, client, kind):
    sandbox = start(faults=(Fault(kind, BATCH_PART, skip=1),))
    done, failed = send(client(sandbox), sandbox.world.mailbox().ids()[:5])
    [error] = failed.values()
    assert (len(done), error.status_code) == (4, int(kind))
    is_page = kind in ("502", "504")
    assert (b"<html>" in error.content) == is_page
    assert error.resp["content-type"].startswith("text/html" if is_page else "application/json")


def test_more_than_a_hundred_calls_are_refused(start):
    sandbox = start()
    part = "--b\r\nContent-Type: application/http\r\n\r\nGET /gmail/v1/users/me/profile\r\n\r\n"
    answer = requests.post(
        f"{sandbox.url}/batch/gmail/v1",
        data=part * 101 + "--b--",
        headers={"Content-Type": "multipart/mixed; boundary=b"},
        timeout=10,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("body", ["", "--b\r\n\r\nnothing\r\n--b--"])
def test_what_is_no_batch_is_refused(start, body):
    sandbox = start()
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    url = f"{sandbox.url}/batch/gmail/v1"
    assert requests.post(url, data=body, headers=headers, timeout=10).status_code == 400


def test_a_batch_without_a_good_token_is_refused_part_by_part(start):
    sandbox = start()
    part = "--b\r\nContent-Type: application/http\r\n\r\nGET /gmail/v1/users/me/profile\r\n\r\n"
    answer = requests.post(
        f"{sandbox.url}/batch/gmail/v1",
        data=part * 2 + "--b--",
        headers={"Content-Type": "multipart/mixed; boundary=b"},
        timeout=10,
    )
    assert answer.status_code == 200
    assert answer.text.count("HTTP/1.1 401 Unauthorized") == 2


def test_a_failing_batch_raises_in_googles_client(start, client):
    sandbox = start()
    sandbox.world.faults.add(Fault("503", "^/batch"))
    with pytest.raises((HttpError, BatchError)):
        send(client(sandbox), sandbox.world.mailbox().ids()[:5])
