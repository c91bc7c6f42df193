"""A served sandbox, Google's own client on it, and its discovery document's schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import googleapiclient
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from jsonschema import Draft202012Validator

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running

# A fixed day, so that nothing depends on when the tests run.
NEWEST = 1_790_000_000.0

_FORMATS: dict[str, dict[str, Any]] = {
    "int32": {"minimum": -(2**31), "maximum": 2**31 - 1},
    "uint32": {"minimum": 0, "maximum": 2**32 - 1},
    "int64": {"pattern": "^-?[0-9]{1,19}$"},
    "uint64": {"pattern": "^[0-9]{1,20}$"},
    "byte": {"pattern": "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{3}=|[A-Za-z0-9_-]{2}==)?$"},
}


class Start(Protocol):
    def __call__(self, **options: Any) -> RunningSandbox: ...


class Check(Protocol):
    def __call__(self, schema: str, answer: object) -> None: ...


@pytest.fixture(scope="session")
def discovery() -> dict[str, Any]:
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    return dict(json.loads((folder / "gmail.v1.json").read_text()))


def strict_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A discovery schema as JSON Schema in which an unknown property is an error."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    made: dict[str, Any] = {"type": schema["type"], **_FORMATS.get(schema.get("format", ""), {})}
    if "enum" in schema:
        made["enum"] = schema["enum"]
    if "items" in schema:
        made["items"] = strict_schema(schema["items"])
    if schema["type"] == "object":
        properties = schema.get("properties", {})
        made["properties"] = {name: strict_schema(value) for name, value in properties.items()}
        made["additionalProperties"] = False
    return made


@pytest.fixture(scope="session")
def check(discovery: dict[str, Any]) -> Check:
    """Validate an answer against a schema of the discovery document, strictly."""
    defs = {name: strict_schema(schema) for name, schema in discovery["schemas"].items()}

    def validate(schema: str, answer: object) -> None:
        Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": defs}).validate(answer)

    return validate


@pytest.fixture
def start() -> Iterator[Start]:
    """Serve a sandbox until the test ends."""
    with ExitStack() as stack:

        def run(**options: Any) -> RunningSandbox:
            settings = {"newest": NEWEST, "messages": 60, **options}
            return stack.enter_context(running(SandboxOptions(**settings)))

        yield run


@pytest.fixture
def client(discovery: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    """Google's client for a sandbox; a token is minted unless one is given."""
    opened: list[Any] = []

    def make(sandbox: RunningSandbox, token: str | None = None, **minted: Any) -> Any:
        document = {**discovery, "rootUrl": f"{sandbox.url}/", "mtlsRootUrl": ""}
        access = token or sandbox.world.mint(**minted)["access_token"]
        opened.append(build_from_document(document, credentials=Credentials(access)))
        return opened[-1]

    yield make
    for service in opened:
        service.close()
