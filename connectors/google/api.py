"""Google's own Python client, on our transport.

The client builds requests from the discovery document that it ships and reads the answers; each
request goes out through `Api`, so that sign-in, retries, quota and `base_url` are the same as
for every provider.

https://googleapis.github.io/google-api-python-client/docs/start.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
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
    """

    def __init__(
        self,
        api: Api,
        quota: Quota | None,
        name: str,
        version: str,
        *,
        prefix: str = "",
    ) -> None:
        self._api = api
        self._quota = quota
        self._prefix = f"{name}.{prefix}"
        self._named = name, version

    def collection(self, path: str) -> Any:
        """A collection of the API, such as `users.messages`: its methods make requests."""
        return _collection(*self._named, path)

    def run(self, request: Any) -> Json:
        """Send a request made by a `collection`; its answer.

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
        """Send a request made by a `collection` whose answer is a file's bytes (`get_media`, `export`).

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
        return self.sound(request, answer)

    def sound(self, request: Any, answer: Any) -> Outcome:
        """The answer, if it can be one to the request: of a list, nothing would mean its end.

        Args:
            request: What was asked.
            answer: JSON that came as a success.
        """
        if not isinstance(answer, dict):
            return UnreadableError("no JSON object")
        names, kind = _form(*self._named, request.methodId)
        told = answer.get("kind")
        # An answer of chosen fields may come without its kind, and so may one without content.
        if kind and told is None and "fields=" not in request.uri:
            return UnreadableError("an answer without its kind")
        if told not in (None, kind) or (answer and answer.keys().isdisjoint(names)):
            return UnreadableError("an answer to something else")
        return answer


class Http:
    """What Google's client takes for an `httplib2.Http`: sends through `Api`.

    Args:
        api: Calls Google for one account.
        cost: Quota units of the request.
    """

    def __init__(self, api: Api, cost: int) -> None:
        self._api = api
        self._cost = cost

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

        # The length is the transport's to say.
        sent = {k: v for k, v in (headers or {}).items() if k.lower() != "content-length"}
        data = body.encode() if body else None
        answer = self._api.request(method, uri, headers=sent, data=data, cost=self._cost)
        kind = answer.headers.get("Content-Type", "")
        return (
            httplib2.Response({"status": str(answer.status), "content-type": kind}),
            answer.content,
        )


@lru_cache(maxsize=16)
def _service(name: str, version: str) -> Any:
    """Google's client of an API; made once a process, for it takes longer than many requests."""
    # Takes 0.2 s: a process that calls no Google has no use for it.
    from googleapiclient import discovery, discovery_cache

    # Their published types lack what a client of our own transport needs.
    building: Any = discovery
    shipped: Any = discovery_cache
    document = json.loads(shipped.get_static_doc(name, version))
    # Each request names the transport that it goes out by.
    return building.build_from_document(document, http=_NoHttp(), model=_model(document))


@lru_cache(maxsize=64)
def _collection(name: str, version: str, path: str) -> Any:
    made = _service(name, version)
    for part in path.split("."):
        made = getattr(made, part)()
    return made


@lru_cache(maxsize=64)
def _form(name: str, version: str, method: str) -> tuple[frozenset[str], str | None]:
    """The names that an answer of the method may have, and its kind, by the discovery document."""
    from googleapiclient import discovery_cache

    shipped: Any = discovery_cache
    document = json.loads(shipped.get_static_doc(name, version))
    found: Json = document
    for part in method.split(".")[1:-1]:
        found = found["resources"][part]
    schema = found["methods"][method.rpartition(".")[2]]["response"]["$ref"]
    properties = document["schemas"][schema]["properties"]
    return frozenset(properties), properties.get("kind", {}).get("default")


class _NoHttp:
    """Stands where Google's client wants a transport though each request brings its own."""


def _model(document: Json) -> Any:
    """The client's JSON model, telling an answer that is no JSON as that part's own error."""
    from googleapiclient.errors import HttpError
    from googleapiclient.model import JsonModel

    class Model(JsonModel):
        def response(self, resp: Any, content: bytes) -> Any:
            try:
                return super().response(resp, content)  # type: ignore[no-untyped-call]  # has no types
            except ValueError:
                # Told as what it is, like any other answer that no one can use.
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
