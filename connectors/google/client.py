"""Google's own Python client for Gmail, batches included.

https://googleapis.github.io/google-api-python-client/docs/dyn/gmail_v1.users.html
https://developers.google.com/workspace/gmail/api/guides/batch
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from connectors.google import multipart
from connectors.google.api import GoogleApi, Outcome, UnreadableError, given
from connectors.google.errors import classify
from connectors.google.multipart import Part
from connectors.sdk.errors import AccessRejectedError, TransientError
from connectors.sdk.http import Api
from connectors.sdk.quota import Quota
from connectors.sdk.records import Json

_BATCH_URL = "https://gmail.googleapis.com/batch/gmail/v1"


#: Times that the parts of a batch that were rejected for the access token go out again.
_REJECTIONS = 3
#: Stands for an id in an address that serves for many.
_ID = "any-id"


@dataclass(frozen=True, slots=True)
class PartRequest:
    """A GET that is to be part of a batch.

    Args:
        uri: Its address.
        methodId: As Google's client names the method.
        alone: Makes the client's own request, to be sent by itself.
    """

    uri: str
    methodId: str  # noqa: N815 - as on the requests of Google's client
    alone: Callable[[], Any]


class GmailClient(GoogleApi):
    """Calls of the Gmail API, by their names there. Answers are the API's JSON.

    Args:
        api: Calls Google for one account.
        quota: What each call costs; None when no quota is kept to.
    """

    def __init__(self, api: Api, quota: Quota | None) -> None:
        super().__init__(api, quota, "gmail", "v1", prefix="users.")
        self._users = self.collection("users")
        self._messages = self.collection("users.messages")
        self._attachments = self.collection("users.messages.attachments")
        self._history = self.collection("users.history")
        #: Requests for a message with the id `_ID`, by the form that they ask for.
        self._made: dict[str, Any] = {}

    def profile(self) -> Json:
        """`users.getProfile`: `emailAddress`, `messagesTotal`, `historyId`."""
        return self.run(self._users.getProfile(userId="me"))

    def messages(
        self,
        *,
        size: int,
        page: str | None = None,
        query: str | None = None,
        everything: bool = False,
    ) -> Json:
        """`users.messages.list`: one page of ids, spam and trash only with `everything`.

        Raises:
            PositionLostError: The page token is no longer known.
        """
        return self.run(
            self._messages.list(
                userId="me",
                maxResults=size,
                **given(pageToken=page, q=query, includeSpamTrash=everything or None),
            )
        )

    def history(self, start: str, *, size: int, page: str | None = None) -> Json:
        """`users.history.list`: one page of changes after `start`.

        Raises:
            NotFoundError: `start` is too old.
        """
        return self.run(
            self._history.list(
                userId="me", startHistoryId=start, maxResults=size, **given(pageToken=page)
            )
        )

    def message(self, message_id: str, form: str = "full") -> Json:
        """`users.messages.get`, alone; `form` is the API's `format`."""
        return self.run(self._messages.get(userId="me", id=message_id, format=form))

    def message_request(self, message_id: str, form: str = "full") -> PartRequest:
        """A request for a message, to be part of a batch."""
        # Google's client takes longer to make an address than all else that a message costs.
        make = partial(self._messages.get, userId="me", format=form)
        return self._part(form, make, message_id)

    def attachment_request(self, message_id: str, attachment_id: str) -> PartRequest:
        """A request for an attachment's bytes, to be part of a batch."""
        made = self._attachments.get(userId="me", messageId=message_id, id=attachment_id)
        return PartRequest(made.uri, made.methodId, lambda: made)

    def alone(self, request: PartRequest) -> Json:
        """Send a request that was made for a batch by itself."""
        return self.run(request.alone())

    def batch(self, requests: Mapping[str, PartRequest]) -> dict[str, Outcome]:
        """Send requests of one method as one batch; what each part gave, by the request's key.

        Raises:
            ConnectorError: The batch as a whole was refused, or its answer is no batch's.
        """
        parts = self._send(requests)
        for _ in range(_REJECTIONS):
            rejected = [k for k, part in parts.items() if part.status == HTTPStatus.UNAUTHORIZED]
            if not rejected:
                break
            # A batch answers 200 when its parts answer 401: a call that the transport can see
            # the 401 of makes it renew the access token.
            self.profile()
            parts |= self._send({key: requests[key] for key in rejected})
        # That call went through, so it is not the access that has ended.
        return {key: self._outcome(requests[key], part) for key, part in parts.items()}

    def _part(self, form: str, make: Callable[..., Any], message_id: str) -> PartRequest:
        if form not in self._made:
            self._made[form] = make(id=_ID)
        made = self._made[form]
        uri = made.uri.replace(_ID, quote(message_id, safe=""), 1)
        return PartRequest(uri, made.methodId, partial(make, id=message_id))

    def _send(self, requests: Mapping[str, PartRequest]) -> dict[str, Part]:
        kind, body = multipart.write(requests)
        cost = sum(self.cost(request) for request in requests.values())
        answer = self._api.request(
            "POST", _BATCH_URL, headers={"Content-Type": kind}, data=body, cost=cost
        )
        try:
            parts = multipart.read(answer.headers.get("Content-Type", ""), answer.content)
        except ValueError:
            raise UnreadableError("Google's batch answer could not be read") from None
        # What was not asked for is no answer to anything.
        return {key: part for key, part in parts.items() if key in requests}

    def _outcome(self, request: PartRequest, part: Part) -> Outcome:
        outcome = outcome_of(part)
        if isinstance(outcome, dict):
            return self.sound(request, outcome)
        return outcome


def outcome_of(part: Part) -> Outcome:
    """What a part of a batch gave, after the access token was renewed for it."""
    if part.status == HTTPStatus.UNAUTHORIZED:
        return AccessRejectedError("Google rejects each access token; connect the account again")
    if part.status != HTTPStatus.OK:
        error = classify(part.status, part.headers, part.content)
        return error or TransientError("Google's answer could not be read")
    try:
        answer = json.loads(part.content)
    except (ValueError, RecursionError):
        answer = None
    return answer if isinstance(answer, dict) else UnreadableError("no JSON object")
