"""What `dcs doctor` says of the providers' hosts, which here are on loopback."""

from __future__ import annotations

import json
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli import home
from cli.home import Note
from connectors.sdk import registry
from worker.services import Services

Dcs = Callable[..., Result]


@contextmanager
def answering(
    status: int = 404, ahead: float = 0.0, certificate: Path | None = None
) -> Iterator[str]:
    """A host that answers every request so; its clock may be ahead."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(status)
            self.send_header("Date", formatdate(time.time() + ahead, usegmt=True))
            self.send_header("Location", "http://10.1.2.3/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    class Server(HTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that refuses our certificate is what is wanted."""

    with Server(("127.0.0.1", 0), Handler) as server:
        scheme = "http"
        if certificate:
            scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"{scheme}://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """One that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "own.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def told(dcs: Dcs, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[int, dict[str, Any]]]:
    """Exit code, and the findings about providers and clocks with `level text`, by area."""

    # One will do, and no other's real host may be asked.
    monkeypatch.setattr(registry, "provider_ids", lambda: ["google"])

    def ask(url: str) -> tuple[int, dict[str, Any]]:
        monkeypatch.setenv("DCS_PROVIDERS__GOOGLE__BASE_URL", url)
        result = dcs("doctor", "--json")
        found: dict[str, Any] = {}
        for one in json.loads(result.stdout)["findings"]:
            text = f"{one['level']} {one['text']} | {one['advice']}"
            found.setdefault(one["area"], []).append(text)
        return result.exit_code, found

    return ask


@pytest.mark.parametrize("status", [200, 302, 404, 503])
def test_any_answer_counts_as_reached(told: Any, status: int) -> None:
    with answering(status) as url:
        code, found = told(url)
    assert code == 0
    assert found["providers"] == ["ok google: localhost answers | None"]
    assert "clock" not in found


def test_a_host_that_is_not_reached_matters_when_an_account_is_connected(
    told: Any, filled: Services
) -> None:
    code, found = told("http://127.0.0.1:1")
    assert code == 1
    assert found["providers"][0].startswith("problem google: 127.0.0.1: not reached")
    assert "providers.google.base_url" in found["providers"][0]


def test_beside_a_running_server_the_hosts_that_it_uses_are_asked(
    told: Any, filled: Services
) -> None:
    """A demo's sandbox is known to its own processes alone, and to the note that it leaves."""
    folder = filled.settings.home
    with answering() as url, home.hold(folder, wait=0.0, waiting=lambda _: None):
        home.write_note(folder, Note(os.getpid(), "demo", None, None, base_urls={"google": url}))
        code, found = told("http://127.0.0.1:1")
    assert code == 0
    assert found["providers"] == ["ok google: localhost answers | None"]


def test_without_an_account_it_is_a_warning(told: Any) -> None:
    code, found = told("http://127.0.0.1:1")
    assert code == 0
    assert found["providers"][0].startswith("warning google")


def test_a_certificate_that_is_not_accepted_is_told_as_such(
    told: Any, certificate: Path, filled: Services
) -> None:
    with answering(certificate=certificate) as url:
        code, found = told(url)
    assert code == 1
    assert "localhost: its TLS certificate is not accepted" in found["providers"][0]
    assert "reading along" in found["providers"][0]


@pytest.mark.parametrize(("ahead", "level"), [(-60.0, "warning"), (3600.0, "problem")])
def test_a_clock_that_differs_from_the_providers_is_told(
    told: Any, ahead: float, level: str
) -> None:
    with answering(ahead=ahead) as url:
        code, found = told(url)
    assert code == (level == "problem")
    (text,) = found["clock"]
    assert text.startswith(f"{level} this machine's clock is")
    assert ("behind" if ahead > 0 else "ahead of") in text


def test_offline_asks_nobody(dcs: Dcs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCS_PROVIDERS__GOOGLE__BASE_URL", "http://127.0.0.1:1")
    assert "providers" not in dcs("doctor", "--offline").stdout
