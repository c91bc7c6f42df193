"""The form of batches, against Python's own MIME reader and the sandbox's answers."""

from __future__ import annotations

import json
from email import message_from_bytes
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.google import multipart


def request(path: str) -> Any:
    return SimpleNamespace(uri=f"https://gmail.googleapis.com{path}")


def answer(*parts: tuple[str, bytes], boundary: str = "b1", end: bytes = b"--") -> bytes:
    body = b""
    for key, inner in parts:
        body += f"--{boundary}\r\nContent-Type: application/http\r\n".encode()
        body += f"Content-ID: <response-{key}>\r\n\r\n".encode() + inner + b"\r\n"
    return body + f"--{boundary}".encode() + end + b"\r\n"


def ok(value: Any, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=UTF-8\r\nRetry-After: 7"
    return head.encode() + b"\r\n\r\n" + json.dumps(value).encode()


def test_a_batch_is_what_any_mime_reader_takes_it_for() -> None:
    kind, body = multipart.write(
        {"a": request("/gmail/v1/users/me/messages/1?format=full&alt=json"), "b": request("/x")}
    )
    read = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    parts: Any = read.get_payload()
    assert [part["Content-ID"] for part in parts] == ["<a>", "<b>"]
    assert {part.get_content_type() for part in parts} == {"application/http"}
    lines = [part.get_payload(decode=True).decode().splitlines()[0] for part in parts]
    assert lines == [
        "GET /gmail/v1/users/me/messages/1?format=full&alt=json HTTP/1.1",
        "GET /x HTTP/1.1",
    ]


def test_each_part_is_read_with_its_status_headers_and_body() -> None:
    body = answer(("a", ok({"id": "1"})), ("b", ok({"error": 1}, "429 Too Many Requests")))
    parts = multipart.read('multipart/mixed; boundary="b1"', body)
    assert {key: part.status for key, part in parts.items()} == {"a": 200, "b": 429}
    assert json.loads(parts["a"].content) == {"id": "1"}
    assert parts["b"].headers["retry-after"] == "7"
    assert "1" not in repr(parts["a"]).replace("Part", "").replace("status=200", "")


@pytest.mark.parametrize("kind", ["multipart/mixed; boundary=b1", "Multipart/Mixed;BOUNDARY=b1"])
def test_the_boundary_is_found_quoted_or_not(kind: str) -> None:
    assert multipart.read(kind, answer(("a", ok({})))).keys() == {"a"}


@pytest.mark.parametrize("kind", ["", "text/html", "application/json", "multipart/mixed"])
def test_what_is_no_multipart_answer_is_said(kind: str) -> None:
    with pytest.raises(ValueError, match="no multipart"):
        multipart.read(kind, answer(("a", ok({}))))


def test_bare_line_feeds_do_as_well() -> None:
    body = answer(("a", ok({"id": "1"}))).replace(b"\r\n", b"\n")
    assert json.loads(multipart.read("multipart/mixed; boundary=b1", body)["a"].content)


@pytest.mark.parametrize("outer", ["\r\n", "\n"])
@pytest.mark.parametrize("inner", ["\r\n", "\n"])
def test_a_head_ends_at_its_first_empty_line_whatever_the_body_holds(
    outer: str, inner: str
) -> None:
    value = b'{"id": "1",\r\n\r\n"a": [\n\n1, 2]}'
    head = outer.join(
        ("--b1", "Content-Type: application/http", "Content-ID: <response-a>", "", "")
    )
    told = inner.join(("HTTP/1.1 200 OK", "Content-Type: application/json", "", ""))
    body = head.encode() + told.encode() + value + f"{outer}--b1--{outer}".encode()
    part = multipart.read("multipart/mixed; boundary=b1", body)["a"]
    assert part.content.rstrip() == value
    assert part.headers == {"content-type": "application/json"}


def test_a_body_that_names_the_boundary_stays_whole() -> None:
    body = answer(("a", ok({"text": "see --b1 and --b1--"})), ("b", ok({})))
    parts = multipart.read("multipart/mixed; boundary=b1", body)
    assert json.loads(parts["a"].content) == {"text": "see --b1 and --b1--"}
    assert parts.keys() == {"a", "b"}


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_however_it_is_cut_no_part_is_taken_for_another(cut: int) -> None:
    whole = answer(("a", ok({"id": "1"})), ("b", ok({"id": "2"})))
    parts = multipart.read("multipart/mixed; boundary=b1", whole[:cut])
    for key, part in parts.items():
        try:
            told = json.loads(part.content)
        except ValueError:
            continue
        assert told == {"id": {"a": "1", "b": "2"}[key]}


def test_parts_that_make_no_sense_are_left_out() -> None:
    body = answer(("a", b"not http"), ("b", ok({})), ("c", b""))
    assert multipart.read("multipart/mixed; boundary=b1", body).keys() == {"b"}
