"""A port where nobody listens for a while, and one where TLS fails."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests


def listen(sandbox: Any, **body: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/_sandbox/listen", json=body, timeout=5)


def test_connections_are_refused_for_a_while_and_then_taken_again(start: Any) -> None:
    sandbox = start(messages=1)
    url = f"{sandbox.url}/_sandbox/faults"
    began = time.monotonic()
    assert listen(sandbox, **{"as": "refused", "for": 0.8}).ok
    refused = 0
    while time.monotonic() - began < 5:
        try:
            assert requests.get(url, timeout=5).ok
        except requests.ConnectionError as error:
            assert "refused" in str(error)  # noqa: PT017 - one of many tries
            refused += 1
        else:
            if refused:
                break
        time.sleep(0.05)
    assert refused
    assert time.monotonic() - began >= 0.7
    assert requests.get(url, timeout=5).ok


def test_open_connections_are_closed_too(start: Any) -> None:
    sandbox = start(messages=1)
    with requests.Session() as session:
        url = f"{sandbox.url}/_sandbox/faults"
        assert session.get(url, timeout=5).ok
        listen(sandbox, **{"as": "refused", "for": 1})
        time.sleep(0.3)
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=5)


def test_a_sandbox_that_refuses_can_be_stopped(start: Any) -> None:
    sandbox = start(messages=1)
    listen(sandbox, **{"as": "refused", "for": 600})
    time.sleep(0.2)  # the fixture stops it


def test_tls_fails_at_an_address_of_its_own(start: Any) -> None:
    sandbox = start(messages=1)
    url = listen(sandbox, **{"as": "tls"}).json()["url"]
    assert url == sandbox.tls_url
    assert url.startswith("https://127.0.0.1:")
    for _ in range(2):
        with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            requests.get(url, timeout=5)


def test_what_cannot_be_played_is_refused(start: Any) -> None:
    assert listen(start(messages=1), **{"as": "silent"}).status_code == 400
