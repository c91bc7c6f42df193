"""Google's own Python client for Gmail, batches included.

https://googleapis.github.io/google-api-python-client/docs/dyn/gmail_v1.users.html
https://googleapis.github.io/google-api-python-client/docs/batch.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.google.api import GoogleApi, Http, Outcome, UnreadableError, error_of, given
from connectors.sdk.http import Api
from connectors.sdk.quota import Quota
from connectors.sdk.records import Json

_BATCH_PATH = "batch/gmail/v1"
#: Whatever Google's client raises on an answer that is cut short or garbled.
_UNREADABLE = (ValueError, KeyError, IndexError, AttributeError, TypeError)


class GmailClient(GoogleApi):
    """Calls of the Gmail API, by their names there. Answers are the API's JSON.

    Args:
        api: Calls Google for one account.
        quota: What each call costs; None when no quota is kept to.
    """

    def __init__(self, api: Api, quota: Quota | None) -> None:
        super().__init__(
            api,
            quota,
            "gmail",
            "v1",
            prefix="users.",
            batch_path=_BATCH_PATH,
            refresh=self.profile,
        )
        # Each call of these makes its methods anew, which takes longer than a request.
        self._users = self.service.users()
        self._messages = self._users.messages()
        self._attachments = self._messages.attachments()
        self._history = self._users.history()

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
        return self.run(self.message_request(message_id, form))

    def message_request(self, message_id: str, form: str = "full") -> Any:
        """A request for a message, to be part of a batch."""
        return self._messages.get(userId="me", id=message_id, format=form)

    def attachment_request(self, message_id: str, attachment_id: str) -> Any:
        """A request for an attachment's bytes, to be part of a batch."""
        return self._attachments.get(userId="me", messageId=message_id, id=attachment_id)

    def alone(self, request: Any) -> Json:
        """Send a request that was made for a batch by itself."""
        return self.run(request)

    def batch(self, requests: Mapping[str, Any]) -> dict[str, Outcome]:
        """Send requests of one method as one batch; what each part gave, by the request's key.

        Raises:
            ConnectorError: The batch as a whole was refused, or its answer is no batch's.
        """
        from googleapiclient.errors import BatchError

        outcomes: dict[str, Outcome] = {}

        def keep(key: str, answer: Any, error: Any) -> None:
            outcomes[key] = answer if error is None else error_of(error)

        batch = self.service.new_batch_http_request(callback=keep)
        cost = 0
        for key, request in requests.items():
            # What the client would tell of itself in each part need not be written nor sent.
            request.headers.clear()
            batch.add(request, request_id=key)
            cost = self.cost(request)
        try:
            batch.execute(http=Http(self._api, cost, self.profile))
        except (BatchError, *_UNREADABLE):
            raise UnreadableError("Google's batch answer could not be read") from None
        return outcomes
