"""Google's own Python client for Gmail, on our transport.

The client builds requests from the discovery document that it ships and reads the answers; each
request goes out through `Api`, so that sign-in, retries, quota and `base_url` are the same as
for every provider.

https://googleapis.github.io/google-api-python-client/docs/dyn/gmail_v1.users.html
https://googleapis.github.io/google-api-python-client/docs/batch.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from connectors.google.errors import classify
from connectors.sdk.errors import ConnectorError, TransientError
from connectors.sdk.http import Api
from connectors.sdk.quota import Quota
from connectors.sdk.records import Json

if TYPE_CHECKING:
    import httplib2

#: Method ids of the discovery document begin so; the rest is the name in the quota table.
_PREFIX = "gmail.users."
_BATCH_PATH = "batch/gmail/v1"
#: Whatever Google's client raises on an answer that is cut short or garbled.
_UNREADABLE = (ValueError, KeyError, IndexError, AttributeError, TypeError)

#: Times that an answer which came as a success yet makes no sense is asked for.
_READINGS = 3

#: What one part of a batch gave.
Outcome = Json | ConnectorError


class UnreadableError(TransientError):
    """An answer that came as a success makes no sense: cut short or garbled."""


class GmailClient:
    """Calls of the Gmail API, by their names there. Answers are the API's JSON.

    Args:
        api: Calls Google for one account.
        quota: What each call costs; None when no quota is kept to.
    """

    def __init__(self, api: Api, quota: Quota | None) -> None:
        # Takes 0.2 s: a process that calls no Google has no use for it.
        from googleapiclient import discovery, discovery_cache

        # Their published types lack what a client of our own transport needs.
        building: Any = discovery
        shipped: Any = discovery_cache

        self._api = api
        self._quota = quota
        document = json.loads(shipped.get_static_doc("gmail", "v1"))
        document["batchPath"] = _BATCH_PATH
        self._service: Any = building.build_from_document(
            document, http=_Http(api, 0, self.profile), model=_model(document)
        )
        # Each call of these makes its methods anew, which takes longer than a request.
        self._users = self._service.users()
        self._messages = self._users.messages()
        self._attachments = self._messages.attachments()
        self._history = self._users.history()

    def profile(self) -> Json:
        """`users.getProfile`: `emailAddress`, `messagesTotal`, `historyId`."""
        return self._run(self._users.getProfile(userId="me"))

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
        return self._run(
            self._messages.list(
                userId="me",
                maxResults=size,
                **_given(pageToken=page, q=query, includeSpamTrash=everything or None),
            )
        )

    def history(self, start: str, *, size: int, page: str | None = None) -> Json:
        """`users.history.list`: one page of changes after `start`.

        Raises:
            NotFoundError: `start` is too old.
        """
        return self._run(
            self._history.list(
                userId="me", startHistoryId=start, maxResults=size, **_given(pageToken=page)
            )
        )

    def message(self, message_id: str, form: str = "full") -> Json:
        """`users.messages.get`, alone; `form` is the API's `format`."""
        return self._run(self.message_request(message_id, form))

    def message_request(self, message_id: str, form: str = "full") -> Any:
        """A request for a message, to be part of a batch."""
        return self._messages.get(userId="me", id=message_id, format=form)

    def attachment_request(self, message_id: str, attachment_id: str) -> Any:
        """A request for an attachment's bytes, to be part of a batch."""
        return self._attachments.get(userId="me", messageId=message_id, id=attachment_id)

    def alone(self, request: Any) -> Json:
        """Send a request that was made for a batch by itself."""
        return self._run(request)

    def batch(self, requests: Mapping[str, Any]) -> dict[str, Outcome]:
        """Send requests of one method as one batch; what each part gave, by the request's key.

        Raises:
            ConnectorError: The batch as a whole was refused, or its answer is no batch's.
        """
        from googleapiclient.errors import BatchError

        outcomes: dict[str, Outcome] = {}

        def keep(key: str, answer: Any, error: Any) -> None:
            outcomes[key] = answer if error is None else _error(error)

        batch = self._service.new_batch_http_request(callback=keep)
        cost = 0
        for key, request in requests.items():
            # What the client would tell of itself in each part need not be written nor sent.
            request.headers.clear()
            batch.add(request, request_id=key)
            cost = self._cost(request)
        try:
            batch.execute(http=_Http(self._api, cost, self.profile))
        except (BatchError, *_UNREADABLE):
            raise UnreadableError("Google's batch answer could not be read") from None
        return outcomes

    def _run(self, request: Any) -> Json:
        for _ in range(_READINGS):
            outcome = self._once(request)
            if isinstance(outcome, ConnectorError) and not isinstance(outcome, TransientError):
                raise outcome
            if isinstance(outcome, dict):
                return outcome
        raise TransientError("Google's answer could not be read")

    def _once(self, request: Any) -> Outcome:
        from googleapiclient.errors import HttpError

        try:
            answer = request.execute(http=_Http(self._api, self._cost(request)), num_retries=0)
        except HttpError as error:
            return _error(error)
        return answer if isinstance(answer, dict) else UnreadableError("no JSON object")

    def _cost(self, request: Any) -> int:
        method = str(request.methodId).removeprefix(_PREFIX)
        return self._quota.cost(method) if self._quota else 0


class _Http:
    """What Google's client takes for an `httplib2.Http`: sends through `Api`.

    Args:
        api: Calls Google for one account.
        cost: Quota units of the request, or of each part of a batch.
        refresh: A call that `Api` can see a 401 of.
    """

    def __init__(self, api: Api, cost: int, refresh: Callable[[], object] | None = None) -> None:
        self._api = api
        self._cost = cost
        # A batch answers 200 when its parts answer 401. The client then refreshes these
        # credentials and sends such parts again.
        self.credentials = _Credentials(refresh)

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        **_options: Any,
    ) -> tuple[httplib2.Response, bytes]:
        """Send a request, as `httplib2.Http.request` does; errors are raised as `Api` raises."""
        import httplib2

        parts = body.count("\nContent-ID:") if body and method == "POST" else 1
        # The length is the transport's to say.
        sent = {k: v for k, v in (headers or {}).items() if k.lower() != "content-length"}
        data = body.encode() if body else None
        answer = self._api.request(method, uri, headers=sent, data=data, cost=self._cost * parts)
        kind = answer.headers.get("Content-Type", "")
        return (
            httplib2.Response({"status": str(answer.status), "content-type": kind}),
            answer.content,
        )


class _Credentials:
    """What Google's client takes for credentials; signing in is `Api`'s work.

    Args:
        refresh: A call that `Api` can see a 401 of, so that it refreshes the access token.
    """

    access_token = "held by the transport"  # noqa: S105 - a word, not a token
    access_token_expired = False

    def __init__(self, refresh: Callable[[], object] | None) -> None:
        self._refresh = refresh

    def apply(self, headers: dict[str, str]) -> None:
        """Add nothing: `Api` signs the batch as a whole, and Google the parts by that."""

    def refresh(self, _http: object) -> None:
        """Make `Api` notice that the access token has ended."""
        if self._refresh:
            self._refresh()


def _model(document: Json) -> Any:
    """The client's JSON model, telling an answer that is no JSON as that part's own error."""
    from googleapiclient.errors import HttpError
    from googleapiclient.model import JsonModel

    class Model(JsonModel):
        def response(self, resp: Any, content: bytes) -> Any:
            try:
                return super().response(resp, content)  # type: ignore[no-untyped-call]  # has no types
            except ValueError:
                # Raised alone, it would lose the batch's other parts.
                resp.status = HTTPStatus.BAD_GATEWAY
                raise HttpError(resp, b"") from None

    return Model("dataWrapper" in document.get("features", []))


def _error(error: Any) -> ConnectorError:
    found = classify(error.resp.status, error.resp, error.content)
    return found or TransientError("Google's answer could not be read")


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
