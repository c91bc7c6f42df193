"""Faults on demand, as a client meets them."""

from __future__ import annotations

import json
import time

import pytest
import requests

from sandbox.faults import BATCH_PART, Fault, Faults

PROFILE = "/gmail/v1/users/me/profile"


def get(sandbox, path: str = PROFILE, timeout: float = 10) -> requests.Response:
    headers = {"Authorization": f"Bearer {sandbox.world.mint()['access_token']}"}
    return requests.get(f"{sandbox.url}{path}", headers=headers, timeout=timeout)


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("401", 401, "authError"),
        ("403-quota", 403, "rateLimitExceeded"),
        ("403-scope", 403, "insufficientPermissions"),
        ("429", 429, "rateLimitExceeded"),
        ("500", 500, "backendError"),
        ("503", 503, "backendError"),
    ],
)
def test_an_error_comes_as_often_as_told(start, kind, status, reason):
    sandbox = start(faults=(Fault(kind, count=2),))
    for _ in range(2):
        answer = get(sandbox)
        assert answer.status_code == status
        assert answer.json()["error"]["errors"][0]["reason"] == reason
    assert get(sandbox).status_code == 200


def test_a_429_may_name_the_time_to_come_back(start):
    sandbox = start(faults=(Fault("429", retry_after=30),))
    message = get(sandbox).json()["error"]["message"]
    assert message.startswith("User-rate limit exceeded.  Retry after 20")
    assert message.endswith("Z")


def test_a_reset_connection(start):
    sandbox = start(faults=(Fault("reset"),))
    with pytest.raises(requests.ConnectionError):
        get(sandbox)
    assert get(sandbox).status_code == 200


def test_an_answer_cut_short(start):
    sandbox = start(faults=(Fault("truncate"),))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(sandbox)
    assert get(sandbox).status_code == 200


def test_an_answer_that_is_no_json(start):
    sandbox = start(faults=(Fault("garbage-json"),))
    answer = get(sandbox)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_a_hanging_connection_does_not_keep_the_sandbox_from_stopping(start):
    sandbox = start(faults=(Fault("hang", seconds=600),))
    began = time.monotonic()
    with pytest.raises(requests.Timeout):
        get(sandbox, timeout=0.2)
    assert time.monotonic() - began < 5
    assert get(sandbox).status_code == 200


def test_the_path_chooses_the_request(start):
    sandbox = start(faults=(Fault("503", path="messages$"),))
    assert get(sandbox).status_code == 200
    assert get(sandbox, "/gmail/v1/users/me/messages").status_code == 503


def test_some_requests_may_pass_first():
    faults = Faults([Fault("500", skip=2)])
    assert [bool(faults.take(PROFILE)) for _ in range(4)] == [False, False, True, False]


def test_a_rate_hits_some():
    faults = Faults([Fault("500", count=0, rate=0.3)], seed=4)
    hits = sum(faults.take(PROFILE) is not None for _ in range(1000))
    assert 250 < hits < 350
    faults.clear()
    assert faults.take(PROFILE) is None


def test_faults_of_batch_parts_hit_nothing_else():
    faults = Faults([Fault("500", BATCH_PART)])
    assert faults.take("/batch/gmail/v1") is None
    assert faults.take(BATCH_PART) is not None


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "flood"},
        {"kind": "reset", "path": BATCH_PART},
        {"kind": "500", "path": "("},
        {"kind": "500", "unknown": 1},
        {},
    ],
)
def test_a_malformed_fault_is_refused(data):
    with pytest.raises(ValueError):
        Fault.from_json(data)


def test_a_fault_is_read_from_a_switch():
    assert Fault.parse("503:2:batch-part") == Fault("503", BATCH_PART, count=2)
    assert Fault.parse("reset") == Fault("reset")
