"""`POST /batch/gmail/v1`, or `/batch`: many calls in one request.

https://developers.google.com/workspace/gmail/api/guides/batch

At most 100 calls. Headers of the outer request hold for every call that has none of its own,
and so does its token. Each call counts in the quota by itself. Calls beyond what one user may
have at work at once come back 429; the guide warns of more than 50 without giving the number
(see `SandboxOptions.concurrency`). How the limits of the batch itself are worded is not
documented: here both are 400.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus

from sandbox.google.accounts import Account
from sandbox.google.api import GmailApi
from sandbox.google.call import Answer, Call
from sandbox.google.errors import failed_precondition, too_many_concurrent

MAX_CALLS = 100
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_CONTENT_ID = re.compile(rb"(?im)^content-id:[ \t]*(.*?)[ \t]*\r?$")
_AUTHORIZATION = re.compile(rb"(?im)^authorization:[ \t]*(.*?)[ \t]*\r?$")
_REQUEST = re.compile(rb"(?m)^(GET|POST|PUT|PATCH|DELETE)[ ]+(\S+)")
_JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class BatchCall:
    """One call of a batch and the Content-ID that its answer is found by."""

    content_id: str | None
    call: Call


def read_batch(body: bytes, content_type: str, authorization: str | None) -> list[BatchCall]:
    """The calls of a batch.

    Raises:
        GoogleError: It is no multipart, a part is no request, or there are too many.
    """
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.lower().startswith("multipart/mixed"):
        raise failed_precondition("Failed to parse batch request: it is not multipart/mixed.")
    mark = b"--" + match[1].strip().encode()
    parts = [part for part in body.split(mark)[1:] if part[:2] != b"--"]
    if not parts:
        raise failed_precondition("The batch request does not contain any calls.")
    if len(parts) > MAX_CALLS:
        raise failed_precondition(
            f"The batch request could not be processed: more than {MAX_CALLS} calls."
        )
    return [_read_call(part, authorization) for part in parts]


def _read_call(part: bytes, authorization: str | None) -> BatchCall:
    request = _REQUEST.search(part)
    if request is None:
        raise failed_precondition("Failed to parse batch request: a part is no HTTP request.")
    content_id = _CONTENT_ID.search(part[: request.start()])
    own = _AUTHORIZATION.search(part[request.start() :])
    token = own[1].decode("latin-1") if own else authorization
    verb, target = request[1].decode(), request[2].decode("latin-1")
    return BatchCall(
        content_id[1].decode("latin-1") if content_id else None, Call.read(verb, target, token)
    )


def answer_batch(
    api: GmailApi, calls: list[BatchCall], work: Callable[[], None]
) -> tuple[str, bytes]:
    """Answer all calls of a batch, in order.

    Args:
        api: Answers each of them.
        calls: The calls.
        work: Takes the time that a request takes.

    Returns:
        The Content-Type and the body.
    """
    boundary = f"batch_{secrets.token_urlsafe(24)}"
    mark = f"--{boundary}\r\n".encode()
    pieces = [mark + part for part in _answers(api, calls, work)]
    return f"multipart/mixed; boundary={boundary}", b"".join(
        pieces
    ) + f"--{boundary}--\r\n".encode()


def _answers(api: GmailApi, calls: list[BatchCall], work: Callable[[], None]) -> Iterator[bytes]:
    with ExitStack() as held:
        free = _take_slots(api, calls, held)
        work()
        for item in calls:
            account = api.account_of(item.call.token)
            if account is not None:
                if free[account.index] == 0:
                    yield _part(item.content_id, api.refuse(too_many_concurrent()))
                    continue
                free[account.index] -= 1
            yield _part(item.content_id, api.handle(item.call, in_batch=True))


def _take_slots(api: GmailApi, calls: list[BatchCall], held: ExitStack) -> dict[int, int]:
    """Slots for the calls of each account, held until the batch is answered."""
    accounts: dict[int, Account] = {}
    wanted: dict[int, int] = {}
    for item in calls:
        account = api.account_of(item.call.token)
        if account is not None:
            accounts[account.index] = account
            wanted[account.index] = wanted.get(account.index, 0) + 1
    return {
        index: held.enter_context(accounts[index].slots.take(count))
        for index, count in wanted.items()
    }


def _part(content_id: str | None, answer: Answer) -> bytes:
    head = "Content-Type: application/http\r\n"
    if content_id is not None:
        head += f"Content-ID: {_response_id(content_id)}\r\n"
    head += f"\r\nHTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
    headers = {"Content-Type": _JSON, **dict(answer.headers)}
    head += "Vary: Origin\r\nVary: X-Origin\r\nVary: Referer\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{head}\r\n".encode("latin-1", "replace") + answer.body + b"\r\n"


def _response_id(content_id: str) -> str:
    return "<response-" + content_id.removeprefix("<")
