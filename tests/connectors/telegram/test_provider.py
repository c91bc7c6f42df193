"""The provider: whose account it is, what it needs to be set up, and what a connection holds."""

from __future__ import annotations

import base64
import builtins
import json
from dataclasses import replace
from typing import Any

import pytest

from connectors.sdk.errors import ConfigurationError, TokenExpiredError, TransientError
from connectors.sdk.http import Transport
from connectors.telegram import calls, client, td
from connectors.telegram.client import Client
from connectors.telegram.config import TelegramConfig
from connectors.telegram.provider import Telegram
from connectors.telegram.session import Session
from sandbox.faults import Fault
from tests.connectors.telegram.conftest import Bench, Start


def test_the_account_is_the_user_with_name_and_handle(start: Start) -> None:
    bench = start()
    account = bench.provider.account(bench.api)
    me = bench.store.me
    assert account.id == str(me.id)
    assert account.profile == {"name": me.title, "readableId": f"@{me.username}"}


def test_whoever_has_no_username_is_known_by_the_phone_number(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start()
    monkeypatch.setattr(bench.store._beginning, "me", replace(bench.store.me, username=""))
    account = bench.provider.account(bench.api)
    assert account.profile["readableId"] == f"+{bench.store.me.phone}"


@pytest.mark.parametrize("client_id", ["", "abc", "0", "-5", "99999999999", "12.5"])
def test_an_api_id_that_is_no_number_is_named(client_id: str) -> None:
    config = TelegramConfig(client_id=client_id)
    with pytest.raises(ConfigurationError, match=r"client_id.*my\.telegram\.org"):
        _ = config.api_id


def test_where_telegram_is_played_the_application_may_have_another_name() -> None:
    config = TelegramConfig(client_id="sandbox.apps", base_url="http://127.0.0.1:1/telegram")
    assert 0 < config.api_id < 2**31
    assert TelegramConfig(client_id="12345").api_id == 12345


def test_without_the_library_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = builtins.__import__

    def missing(name: str, *given: Any, **more: Any) -> Any:
        if name == "tdjson":
            raise ImportError(name)
        return real(name, *given, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.setattr(td, "_hubs", [])
    transport = Transport()
    provider = Telegram.configured({"client_id": "12345", "client_secret": "hash"})
    with pytest.raises(ConfigurationError, match=r"pip install '.*\[telegram\]'"):
        provider.sign_in(transport)
    transport.close()


def test_without_a_hash_the_setting_is_named(start: Start) -> None:
    bench = start({"client_secret": ""})
    with pytest.raises(ConfigurationError, match="client_secret"):
        bench.provider.account(bench.api)


def test_a_session_is_packed_without_line_breaks_and_comes_back() -> None:
    session = Session(bytes(range(32)), {"td.binlog": bytes(50_000)})
    packed = session.packed()
    assert packed.isascii()
    assert not set(packed) & set("\r\n+/")
    assert json.loads(base64.urlsafe_b64decode(packed))["v"] == 1
    assert Session.unpacked(packed) == session
    assert "binlog" not in repr(session)


@pytest.mark.parametrize(
    "token", ["", "x", "e30=", base64.urlsafe_b64encode(b'{"v":2,"key":"","files":{"td.binlog":""}}').decode()]
)  # fmt: skip
def test_what_is_no_session_asks_to_connect_again(token: str) -> None:
    with pytest.raises(TokenExpiredError, match="connect the account again"):
        Session.unpacked(token)


def test_a_newer_state_of_the_session_is_kept_after_it_has_closed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start()
    before = Session.unpacked(bench.held.token)

    class Growing(td.RemoteTd):
        """TDLib, whose file is another at the end."""

        def _take(self, remote: Any, answer: dict[str, Any], extra: Any) -> None:
            super()._take(remote, answer, extra)
            if answer.get("binlog") is not None:
                assert "Closed" in json.dumps(answer["objects"])
                (remote.directory / "td.binlog").write_bytes(b"newer")

    monkeypatch.setattr(client, "RemoteTd", Growing)
    bench.provider.account(bench.api)
    after = Session.unpacked(bench.held.token)
    assert (after.key, after.files) == (before.key, {"td.binlog": b"newer"})


def changing(bench: Bench, patch: pytest.MonkeyPatch, fails: Exception | None) -> list[str]:
    """Let each end of a client leave another file; what is to be kept then, which may fail."""
    kept: list[str] = []

    def keep(old: str, new: str) -> None:
        kept.append(new)
        if fails:
            raise fails

    patch.setattr(Session, "read", lambda self, _: Session(self.key, {"td.binlog": b"newer"}))
    patch.setattr(bench.held, "keep", keep)
    return kept


def inside(bench: Bench, error: BaseException | None = None) -> None:
    """Open the session; what is done with it may fail."""
    with client.signed_in(bench.provider.config, bench.api, bench.provider.classify):
        if error:
            raise error


@pytest.mark.parametrize("error", [ZeroDivisionError("inside"), GeneratorExit("inside")])
def test_what_goes_wrong_inside_is_told_before_what_goes_wrong_at_the_end(
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
) -> None:
    bench = start()
    kept = changing(bench, monkeypatch, TransientError(f"cannot keep {bench.held.token}"))
    with pytest.raises(type(error), match="inside"):
        inside(bench, error)
    # It was tried all the same.
    assert len(kept) == 1
    assert "newer state was not kept (TransientError)" in caplog.text
    assert bench.held.token not in caplog.text


def test_what_goes_wrong_inside_does_not_stop_the_keeping(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = start()
    kept = changing(bench, monkeypatch, None)
    with pytest.raises(ZeroDivisionError):
        inside(bench, ZeroDivisionError())
    assert len(kept) == 1
    assert not caplog.text


def test_where_nothing_went_wrong_inside_the_end_says_what_did(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start()
    changing(bench, monkeypatch, TransientError("cannot keep"))
    with pytest.raises(TransientError, match="cannot keep"):
        inside(bench)


def test_a_wrong_key_ends_the_sign_in(start: Start) -> None:
    bench = start()
    bench.provider.account(bench.api)
    session = Session.unpacked(bench.held.token)
    bench.held.token = Session(b"x" * 32, session.files).packed()
    with pytest.raises(TokenExpiredError):
        bench.provider.account(bench.api)


def test_a_file_that_tdlib_cannot_read_ends_the_sign_in(start: Start) -> None:
    bench = start()
    session = Session.unpacked(bench.held.token)
    bench.held.token = Session(session.key, {"td.binlog": b"garbled"}).packed()
    with pytest.raises(TokenExpiredError):
        bench.provider.account(bench.api)


def opened(bench: Bench) -> tuple[td.RemoteTd, Client]:
    url = bench.sandbox.url + bench.side.prefix
    made = td.RemoteTd(bench.transport, url, bench.provider.classify)
    return made, Client(made, patience=0.5)


def test_no_path_of_this_machine_leaves_it(start: Start) -> None:
    bench = start()
    bench.provider.account(bench.api)
    (sent,) = [r for r in bench.transport.requests if r["@type"] == "setTdlibParameters"]
    assert sent["database_directory"] == sent["files_directory"] == ""


@pytest.mark.parametrize("kind", ["500", "list-json", "garbage-json", "other-json", "reset"])
def test_an_answer_that_is_none_passes(start: Start, kind: str) -> None:
    bench = start()
    bench.sandbox.world.faults.add(Fault(kind, path="/td/send"))
    with pytest.raises(TransientError):
        bench.provider.account(bench.api)
    bench.provider.account(bench.api)


def test_an_answer_that_does_not_come_ends_the_request(start: Start) -> None:
    bench = start()
    _, asking = opened(bench)
    # It waits for the parameters.
    with pytest.raises(TransientError, match=r"did not answer within 0\.5 s"):
        asking.ask(calls.set_option("online", False))
    assert asking.close()


def test_an_answer_of_another_kind_is_none(start: Start) -> None:
    bench = start()
    _, asking = opened(bench)
    with pytest.raises(TransientError, match="none to what was asked"):
        asking.ask(calls.close(), "chats")
    asking.close()


def test_requests_that_need_no_client_are_answered(start: Start) -> None:
    made, unused = opened(start())
    assert made.execute(calls.set_log_stream_empty())["@type"] == "ok"
    # It was never sent anything, so there is nothing to close.
    assert not unused.close()
