"""Where tokens must never turn up, whatever a handler does with them."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sentry_sdk
from pydantic import SecretStr
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from config import reporting
from connectors.sdk.provider import Provider
from tests.contract import applies
from tests.contract.bench import Bench, expect
from tests.contract.conftest import Make
from web.app import create_app
from web.signin import make_sign_in_link, sign_in_request

_DSN = "https://public@reports.invalid/1"
#: Pages and answers of the API that a person gets; what a record holds is in the last two.
_PAGES = (
    "/", "/connections/{connection}", "/api/rest/v1/session", "/api/rest/v1/providers",
    "/api/rest/v1/connections", "/api/rest/v1/connections/{connection}", "/api/rest/v1/connections/status",
    "/api/rest/v1/quarantine", "/records/{slug}", "/api/rest/v1/records/{slug}",
)  # fmt: skip


def secrets(make: Make) -> None:
    """No token is in positions, Redis, logs, pages, the API, task arguments, reports or files."""
    bench = make(rotate_refresh_tokens=True)
    with _logged() as logged, _reported(bench) as reported:
        bench.slice(batches=1)
        if applies.refreshes(bench.provider_id):
            # New tokens pass through the worker's hands.
            bench.world.tokens.expire_access()
        bench.run_well()
        bench.services.queue.sync(bench.job.person, bench.job.connection, bench.job.handler)
        _stumble(bench)
        places = {
            "positions": [json.dumps(bench.state().position)],
            "Redis or task arguments": list(_redis(bench)),
            "logs": logged,
            "pages or the API": list(_pages(bench)),
            "error reports": [envelope.serialize().decode() for envelope in reported],
        }
    tokens = bench.vault().tokens(bench.job.connection)
    assert tokens is not None
    held = {tokens.access_token, tokens.refresh_token, bench.side.client(bench.world.options)[1]}
    secret = [word for word in {*bench.world.tokens.all_given(), *held} if word]
    assert tokens.access_token in secret
    for place, texts in places.items():
        expect(texts, f"nothing was found to look through in {place}")
        expect(
            not [text for text in texts if any(word in text for word in secret)],
            f"a token or the client's secret is in {place}",
        )
    bench.services.vaults.close()
    for path in Path(bench.settings.home).rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        expect(not any(word.encode() in content for word in secret), f"a token is in {path.name}")


def _stumble(bench: Bench) -> None:
    """Let a mistake in the code meet an answer: its report may show the frames on the way."""
    kind = type(bench.services.provider(bench.provider_id))
    before = kind.classify

    def stumbling(self: Provider, *answer: Any) -> Any:
        raise RuntimeError(f"a mistake after {len(answer)} arguments")

    kind.classify = stumbling  # type: ignore[assignment, method-assign]
    try:
        outcome = bench.run()
    finally:
        kind.classify = before  # type: ignore[method-assign]
    expect(outcome.bug, f"a mistake in the code ended as {outcome}")


@contextmanager
def _logged() -> Iterator[list[str]]:
    """All that is logged at any level, before anything is redacted."""
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(logging.Formatter().format(record))

    root, kept = logging.getLogger(), Keep()
    level = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        root.removeHandler(kept)
        root.setLevel(level)


class _Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)


@contextmanager
def _reported(bench: Bench) -> Iterator[list[Envelope]]:
    """All that is reported to Sentry."""
    kept = _Kept()
    settings = bench.settings.model_copy(update={"sentry_dsn": SecretStr(_DSN)})
    assert reporting.init(settings, tier="worker", transport=kept)
    try:
        yield kept.envelopes
    finally:
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)


def _redis(bench: Bench) -> Iterator[str]:
    """All that Redis holds, with what messages carry in their bodies."""
    client = bench.services.redis
    for key in client.scan_iter():
        yield key.decode()
        match client.type(key):
            case b"string":
                found = [client.get(key)]
            case b"list":
                found = client.lrange(key, 0, -1)
            case b"hash":
                found = [part for pair in client.hgetall(key).items() for part in pair]
            case b"zset":
                found = client.zrange(key, 0, -1)
            case b"set":
                found = list(client.smembers(key))
            case _:
                found = [client.dump(key)]
        for value in found:
            text = (value or b"").decode(errors="replace")
            yield text
            for body in re.findall(r'"body": ?"([A-Za-z0-9+/=]+)"', text):
                yield base64.b64decode(body).decode(errors="replace")


def _pages(bench: Bench) -> Iterator[str]:
    """What a person's browser is shown of the account."""
    client = create_app(bench.services).test_client()
    _, form = sign_in_request(make_sign_in_link(bench.services))
    assert client.post("/sign-in", data=form).status_code == 200
    for schema in bench.handler.schemas().values():
        for page in _PAGES:
            path = page.format(connection=bench.job.connection, slug=schema.slug)
            answer = client.get(path)
            expect(answer.status_code == 200, f"{path} answered {answer.status_code}")
            yield answer.text
    for source_id, record in list(bench.kept().items())[:3]:
        slug = bench.handler.schemas()[record["schema"]].slug
        answer = client.get(f"/records/{slug}/{record['_id']}")
        expect(answer.status_code == 200, f"the page of {source_id} answered {answer.status_code}")
        yield answer.text
