"""Bounds on one answer: its time and its size, and what becomes of the connection."""

from __future__ import annotations

import gzip
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from connectors.sdk.errors import TransientError
from connectors.sdk.http import Answer, Transport

Reply = Callable[[BaseHTTPRequestHandler], None]
MEGABYTE = 1_000_000


@pytest.fixture
def strict() -> Iterator[Transport]:
    """Patient with each byte, not with the whole."""
    made = Transport(connect_timeout=2, read_timeout=2, answer_seconds=0.6, answer_megabytes=1)
    yield made
    made.close()


def drips(*, before: bytes, each: bytes = b"x", seconds: float = 5.0) -> Reply:
    """Some bytes at once, then some now and then, until the client has gone."""

    def reply(to: BaseHTTPRequestHandler) -> None:
        to.close_connection = True
        until = time.monotonic() + seconds
        try:
            to.wfile.write(before)
            while time.monotonic() < until:
                time.sleep(0.05)
                to.wfile.write(each)
        except OSError:
            to.server.left.set()  # type: ignore[attr-defined]

    return reply


HEAD = b"HTTP/1.1 200 OK\r\n"
STAGES = {
    "status line": b"HTTP/1.1 200 O",
    "headers": HEAD + b"X-Long: ",
    "body": HEAD + b"Content-Length: 100000\r\n\r\n",
    "body without a length": HEAD + b"\r\n",
    "chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n",
}


@pytest.mark.parametrize("stage", STAGES)
def test_an_answer_that_drips_is_cut_off_in_time(
    server: Any, strict: Transport, stage: str
) -> None:
    server.will(drips(before=STAGES[stage], each=b"0"))
    began = time.monotonic()
    with pytest.raises(TransientError, match=r"^127\.0\.0\.1 did not answer in whole within 0\.6"):
        strict.send("GET", f"{server.url}/x?token=s3cret")
    assert 0.5 < time.monotonic() - began < 1.5


def test_the_connection_of_an_answer_that_was_cut_off_is_closed(
    server: Any, strict: Transport
) -> None:
    left = threading.Event()

    def reply(to: BaseHTTPRequestHandler) -> None:
        to.server.left = left  # type: ignore[attr-defined]
        drips(before=STAGES["body"])(to)

    server.will(reply, server.says(body=b'"next"'))
    with pytest.raises(TransientError):
        strict.send("GET", server.url)
    assert left.wait(3)
    assert strict.send("GET", server.url).json() == "next"


def test_a_call_may_be_given_less_time_than_others(server: Any, transport: Transport) -> None:
    server.will(drips(before=STAGES["body"]))
    began = time.monotonic()
    with pytest.raises(TransientError, match=r"within 0\.3 s"):
        transport.send("POST", server.url, seconds=0.3)
    assert time.monotonic() - began < 1


def test_the_time_begins_anew_for_each_call_on_a_connection(server: Any, strict: Transport) -> None:
    for _ in range(4):
        server.will(lambda to: (time.sleep(0.25), server.says()(to)))
        assert strict.send("GET", server.url).json() == {}


def test_redirects_share_the_time_of_one_call(server: Any, strict: Transport) -> None:
    away = server.says(302, headers={"Location": "/again"})
    server.will(lambda to: (time.sleep(0.25), away(to)))
    began = time.monotonic()
    with pytest.raises(TransientError):
        strict.send("GET", server.url)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("length", [True, False])
def test_an_answer_that_is_too_large_is_cut_off(
    server: Any, strict: Transport, length: bool
) -> None:
    def reply(to: BaseHTTPRequestHandler) -> None:
        to.close_connection = True
        head = HEAD + (b"Content-Length: 900000000\r\n\r\n" if length else b"\r\n")
        try:
            to.wfile.write(head)
            for _ in range(9000):
                to.wfile.write(b"x" * 100_000)
        except OSError:
            return

    server.will(reply, server.says(body=b'"next"'))
    with pytest.raises(TransientError, match=r"^127\.0\.0\.1 sends more than 1 MB in one answer$"):
        strict.send("GET", f"{server.url}/x?token=s3cret")
    assert strict.send("GET", server.url).json() == "next"


def test_size_counts_unpacked_and_a_bomb_is_never_unpacked_whole(
    server: Any, strict: Transport
) -> None:
    bomb = gzip.compress(bytes(200 * MEGABYTE))
    server.will(server.says(body=bomb, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        with pytest.raises(TransientError, match="more than 1 MB"):
            strict.send("GET", server.url)
        assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_an_answer_of_just_the_size_is_fine(server: Any, strict: Transport) -> None:
    body = b"x" * MEGABYTE
    server.will(server.says(body=body), server.says(body=body + b"y"))
    assert strict.send("GET", server.url).content == body
    with pytest.raises(TransientError):
        strict.send("GET", server.url)


def test_the_body_of_a_redirect_is_not_read(server: Any, strict: Transport) -> None:
    def away(to: BaseHTTPRequestHandler) -> None:
        to.close_connection = True
        try:
            to.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n")
            for _ in range(500):
                to.wfile.write(b"x" * 100_000)
        except OSError:
            return

    server.will(away, server.says(body=b'"there"'))
    assert strict.send("GET", server.url).json() == "there"
    assert [seen.path for seen in server.seen] == ["/", "/there"]


def test_connections_are_used_again(server: Any, strict: Transport) -> None:
    ports: list[int] = []

    def reply(to: BaseHTTPRequestHandler) -> None:
        ports.append(to.client_address[1])
        body = b'{"a": 1}' * 20_000
        to.wfile.write(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    server.will(reply)
    for _ in range(3):
        strict.send("GET", server.url)
    assert len(set(ports)) == 1


@pytest.mark.parametrize("location", ["http://[bad", "ftp://elsewhere/", "http://", "\xff\xfe"])
def test_a_redirect_to_nowhere_is_a_passing_fault(
    server: Any, strict: Transport, location: str
) -> None:
    server.will(server.says(302, headers={"Location": location}), server.says(404))
    try:
        answer = strict.send("GET", server.url)
    except TransientError:
        return
    assert answer.status == 404  # what reads as a path is followed


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"1" * 5000])
def test_json_that_is_too_much_for_the_parser_cannot_be_read(body: bytes) -> None:
    with pytest.raises(TransientError, match="could not be read"):
        Answer(200, {}, body).json()
