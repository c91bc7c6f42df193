"""The web tier over a real vault, a real Redis and the sandbox, as a browser meets it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.settings import OWNER, Settings
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Failed, Record, iso, record_id
from connectors.sdk.schemas.email import Email
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from vault.model import Commit, Connection
from web.app import create_app
from web.signin import make_sign_in_link, sign_in_request
from worker import connections
from worker.services import Services

PROVIDER = "google"
HANDLER = "gmail"
SENT = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running(SandboxOptions(messages=3, accounts=2)) as found:
        yield found


@pytest.fixture
def settings(settings: Settings, sandbox: RunningSandbox) -> Settings:
    options = sandbox.world.options
    client = {"client_id": options.client_id, "client_secret": options.client_secret}
    providers = settings.providers
    google = providers[PROVIDER] | client | {"base_url": sandbox.url}
    return settings.model_copy(update={"providers": providers | {PROVIDER: google}})


@pytest.fixture
def app(services: Services) -> Flask:
    app = create_app(services)
    app.testing = True
    return app


@pytest.fixture
def app_at(services: Services) -> Callable[[str], Flask]:
    """Makes apps that people reach under another URL."""

    def at(public_url: str) -> Flask:
        web = services.settings.web.model_copy(update={"public_url": public_url})
        settings = services.settings.model_copy(update={"web": web})
        # A copy takes cached values along.
        settings.__dict__.pop("public_url", None)
        return create_app(replace(services, settings=settings))

    return at


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """A browser that nobody has signed in."""
    return app.test_client()


@pytest.fixture
def client(sign_in: Callable[[], FlaskClient]) -> FlaskClient:
    """The owner's browser."""
    return sign_in()


@pytest.fixture
def sign_in(app: Flask, services: Services) -> Callable[[], FlaskClient]:
    """Makes browsers that are signed in."""

    def another() -> FlaskClient:
        browser = app.test_client()
        _, form = sign_in_request(make_sign_in_link(services))
        assert browser.post("/sign-in", data=form).status_code == 200
        return browser

    return another


@dataclass
class Browser:
    """Fills in the forms of our pages, CSRF token included."""

    client: FlaskClient

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.client.get("/").text)
        assert found
        return found.group(1)

    def post(self, path: str, **form: str) -> TestResponse:
        return self.client.post(path, data={"csrf": self.csrf(), **form})


@pytest.fixture
def browser(client: FlaskClient) -> Browser:
    return Browser(client)


@pytest.fixture
def connection(services: Services, sandbox: RunningSandbox) -> Connection:
    """A sandbox account, connected without the dance."""
    tokens = Tokens.from_json(sandbox.world.mint())
    return connections.connect(services, OWNER, PROVIDER, tokens)


@dataclass
class Dance:
    """The provider's side of connecting, as a person answers it."""

    sandbox: RunningSandbox

    def consent(self, location: str, **form: Any) -> str:
        """Answer the consent form; the path that the provider sends the person back to."""
        asked = dict(parse_qsl(urlsplit(location).query))
        answer = {"account": "0", "decision": "allow", "granted": asked["scope"].split()} | form
        response = requests.post(
            location.partition("?")[0], data=asked | answer, allow_redirects=False, timeout=10
        )
        assert response.status_code == 302, response.text
        parts = urlsplit(response.headers["Location"])
        return f"{parts.path}?{parts.query}"

    def whole(
        self, client: FlaskClient, start: str = f"/connect/{PROVIDER}", **form: Any
    ) -> TestResponse:
        """Connect from the first click to our own answer."""
        asked = client.get(start)
        assert asked.status_code == 302
        return client.get(self.consent(asked.headers["Location"], **form))


@pytest.fixture
def dance(sandbox: RunningSandbox) -> Dance:
    return Dance(sandbox)


@dataclass
class Mailbox:
    """Puts records into the owner's vault, as the engine does."""

    services: Services
    connection: Connection

    def email(self, number: int, **fields: Any) -> Record:
        sent = iso(SENT + timedelta(minutes=number))
        return {
            "_id": record_id(self.connection.provider, self.connection.account_id, f"m{number}"),
            "schema": Email.uri,
            "name": f"Subject {number}",
            "sourceApplication": "https://google.com",
            "sourceAccountId": self.connection.account_id,
            "sourceId": f"m{number}",
            "sourceData": {"id": f"m{number}"},
            "insertedAt": sent,
            "type": "receive",
            "fromName": "Ada",
            "fromEmail": "ada@example.org",
            "toEmail": "owner@example.org",
            "messageText": f"Text of message {number}",
            "sentAt": sent,
        } | fields

    def keep(self, *records: Record, failed: tuple[Failed, ...] = ()) -> None:
        vault = self.services.vaults.open(OWNER)
        fence = vault.last_fence(self.connection.id, HANDLER) + 1
        vault.claim(self.connection.id, HANDLER, fence)
        vault.commit(
            Commit(
                connection_id=self.connection.id,
                handler_id=HANDLER,
                fence=fence,
                schemas={Email.uri: Email},
                position={},
                records=records,
                quarantined=failed,
            )
        )


@pytest.fixture
def mailbox(services: Services, connection: Connection) -> Mailbox:
    return Mailbox(services, connection)
