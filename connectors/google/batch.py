"""Many requests in as few batches as Gmail allows, each part answered for.

A batch is one HTTP request, yet each of its parts succeeds or fails by itself: parts refused for
the rate are sent again without the others, parts that met a fault a few times, then alone.

https://developers.google.com/workspace/gmail/api/guides/batch
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.google.api import Outcome, UnreadableError
from connectors.google.client import GmailClient
from connectors.google.errors import NotFoundError
from connectors.sdk.errors import (
    AccessDeniedError,
    ConnectorError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.http import Api
from connectors.sdk.records import Json

#: Refusals in a row after which the run gives way to a later one.
_REFUSALS = 6
#: Faults of a part within batches before it is sent alone.
_FAULTS = 3
#: So few parts that fail alone, when nothing else was asked for, are bad items; more of them
#: are a bad day of the provider.
_SUSPECTS = 3


@dataclass(slots=True)
class Answers:
    """What became of the requests, by key.

    Args:
        found: The answers.
        gone: Keys that the provider no longer has.
        failed: Keys that cannot be had, with the reason.
        error: Why the keys in none of these were not asked for any more.
    """

    found: dict[str, Json] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    error: ConnectorError | None = None


def send_all(gmail: GmailClient, api: Api, requests: Mapping[str, Any], size: int) -> Answers:
    """Send requests of one method in batches, one at a time, until each is answered for.

    What was found is returned even when the rest could not be had, so that a sync goes forward
    however small its quota is; the caller keeps it and raises `error` then.

    Args:
        gmail: The client.
        api: Where refusals are waited out.
        requests: Made by `gmail`, by key.
        size: Parts of one batch at most.
    """
    return _Sending(gmail, api, requests, size).run()


class _Sending:
    def __init__(
        self, gmail: GmailClient, api: Api, requests: Mapping[str, Any], size: int
    ) -> None:
        self._gmail = gmail
        self._api = api
        self._requests = requests
        self._size = size
        self._faults: dict[str, int] = {}
        self._refusals = 0
        self._answers = Answers()

    def run(self) -> Answers:
        pending = list(self._requests)
        try:
            while pending:
                pending = pending[self._size :] + self._round(pending[: self._size])
            self._send_alone()
        except ConnectorError as error:
            self._answers.error = error
        return self._answers

    def _round(self, keys: Sequence[str]) -> list[str]:
        """Send one batch; returns the keys to send again."""
        outcomes: Mapping[str, Outcome]
        try:
            outcomes = self._gmail.batch({key: self._requests[key] for key in keys})
        except UnreadableError as error:
            # `Api` could not see that; what it could see it has tried several times already.
            outcomes = dict.fromkeys(keys, error)
        again = [key for key in keys if self._take(key, outcomes.get(key, _MISSING))]
        self._wait(again, outcomes)
        return again

    def _take(self, key: str, outcome: Outcome) -> bool:
        """Note what a part gave; whether it is to be sent again."""
        if isinstance(outcome, dict):
            self._answers.found[key] = outcome
        elif isinstance(outcome, NotFoundError):
            self._answers.gone.append(key)
        elif isinstance(outcome, RateLimitedError):
            return True
        elif isinstance(outcome, TransientError):
            self._faults[key] = self._faults.get(key, 0) + 1
            return self._faults[key] < _FAULTS
        elif isinstance(outcome, AccessDeniedError | TokenExpiredError):
            raise outcome
        else:
            self._answers.failed[key] = str(outcome)
        return False

    def _wait(self, again: Sequence[str], outcomes: Mapping[str, Outcome]) -> None:
        """Wait as the longest refusal asks, before the refused parts go out again."""
        if not again:
            self._refusals = 0
            return
        refused = {k: o for k in again if isinstance(o := outcomes.get(k), RateLimitedError)}
        named = [error for error in refused.values() if error.retry_after is not None]
        error = max(named, key=_seconds, default=next(iter(refused.values()), _FAULT))
        if refused and len(again) == len(outcomes):
            self._refusals += 1
        if self._refusals > _REFUSALS:
            raise error
        units = sum(self._gmail.cost(self._requests[key]) for key in refused)
        self._api.hold(error, max(1, self._refusals), units=units)

    def _send_alone(self) -> None:
        """Send by themselves the parts that met a fault in each batch they were in."""
        alone = [key for key, faults in self._faults.items() if faults >= _FAULTS]
        others = bool(self._answers.found or self._answers.gone)
        for key in alone:
            try:
                self._answers.found[key] = self._gmail.alone(self._requests[key])
            except NotFoundError:
                self._answers.gone.append(key)
            except TransientError as error:
                if not others and len(alone) > _SUSPECTS:
                    raise
                self._answers.failed[key] = f"{error}, each time it was asked for"


_MISSING = TransientError("Google's batch answer lacked a part")
_FAULT = RateLimitedError("Google met a fault in a batch")


def _seconds(error: RateLimitedError) -> float:
    return error.retry_after or 0.0


def pieces(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    """The keys in lists of at most `size`."""
    piece: list[str] = []
    for key in keys:
        piece.append(key)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
