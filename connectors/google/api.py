"""Google's own Python client, on our transport.

The client builds requests from the discovery document that it ships and reads the answers; each
request goes out through `Api`, so that sign-in, retries, quota and `base_url` are the same as
for every provider.

https://googleapis.github.io/google-api-python-client/docs/start.html
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

#: Times that an answer which came as a success yet makes no sense is asked for.
_READINGS = 3

#: What one request gave.
Outcome = Json | ConnectorError


class UnreadableError(TransientError):
    """An answer that came as a success makes no sense: cut short or garbled."""


class GoogleApi:
    """Calls of one of Google's APIs, by their names there. Answers are the API's JSON.

    Args:
        api: Calls Google for one account.
        quota: What each call costs; None when no quota is kept to.
        name: The API's name in the discovery documents, such as `drive`.
        version: Its version there, such as `v3`.
        prefix: What method ids in the quota's table leave out, besides the name.
        batch_path: Where batches go, where the discovery document says otherwise.
        refresh: A call that `api` can see a 401 of, for batches.
    """

    def __init__(
        self,
        api: Api,
        quota: Quota | None,
        name: str,
        version: str,
        *,
        prefix: str = "",
        batch_path: str | None = None,
        refresh: Callable[[], object] | None = None,
    ) -> None:
        # Takes 0.2 s: a process that calls no Google has no use for it.
        from googleapiclient import discovery, discovery_cache

        # Their published types lack what a client of our own transport needs.
        building: Any = discovery
        shipped: Any = discovery_cache

        self._api = api
        self._quota = quota
        self._prefix = f"{name}.{prefix}"
        document = json.loads(shipped.get_static_doc(name, version))
        if batch_path:
            document["batchPath"] = batch_path
        #: The API's collections, as methods; making one takes longer than a request.
        self.service: Any = building.build_from_document(
            document, http=Http(api, 0, refresh), model=_model(document)
        )

    def run(self, request: Any) -> Json:
        """Send a request made by `service`; its answer.

        Raises:
            ConnectorError: As Google's answer deserves; see `connectors.google.errors`.
        """
        for _ in range(_READINGS):
            outcome = self._once(request)
            if isinstance(outcome, ConnectorError) and not isinstance(outcome, TransientError):
                raise outcome
            if isinstance(outcome, dict):
                return outcome
        raise TransientError("Google's answer could not be read")

    def media(self, request: Any, kind: str | None = None) -> bytes:
        """Send a request made by `service` whose answer is a file's bytes (`get_media`, `export`).

        Args:
            request: What to send.
            kind: The media type that the answer must have. It is looked at where nothing else
                tells the content from a page that a proxy sent: none such has a checksum.

        Raises:
            ConnectorError: As Google's answer deserves.
        """
        for _ in range(_READINGS):
            answer = self._api.request("GET", request.uri, cost=self.cost(request))
            told = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            # Only what error pages come as is refused: no documentation promises the rest.
            if kind is None or told == kind or told not in ("application/json", "text/html"):
                return answer.content
        raise TransientError("Google's answer could not be read")

    def cost(self, request: Any) -> int:
        """Quota units of a request."""
        method = str(request.methodId).removeprefix(self._prefix)
        return self._quota.cost(method) if self._quota else 0

    def _once(self, request: Any) -> Outcome:
        from googleapiclient.errors import HttpError

        try:
            answer = request.execute(http=Http(self._api, self.cost(request)), num_retries=0)
        except HttpError as error:
            return error_of(error)
        return answer if isinstance(answer, dict) else UnreadableError("no JSON object")


class Http:
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


def error_of(error: Any) -> ConnectorError:
    """The error that an `HttpError` of Google's client stands for."""
    found = classify(error.resp.status, error.resp, error.content)
    return found or TransientError("Google's answer could not be read")


def given(**values: Any) -> dict[str, Any]:
    """The arguments that have a value."""
    return {key: value for key, value in values.items() if value is not None}
