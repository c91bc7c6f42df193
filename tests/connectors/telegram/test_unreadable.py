"""Chats that Telegram does not let be read, and what becomes of the others."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sdk.errors import AccessDeniedError, ConnectorError, TransientError
from connectors.telegram import errors, slices
from connectors.telegram.client import Client
from connectors.telegram.errors import NotFoundError
from sandbox.faults import Fault
from tests.connectors.telegram.conftest import Start
from tests.connectors.telegram.test_chat_message import basic, private

REFUSALS = [
    AccessDeniedError("denied"), ConnectorError("refused (HISTORY_GET_FAILED)"), NotFoundError(),
]  # fmt: skip


def refuse(patch: pytest.MonkeyPatch, kind: str, error: Exception, **of: int) -> None:
    """Let TDLib refuse requests of a kind, those that have these values."""
    real = Client.ask

    def ask(self: Client, request: dict[str, Any], expected: str = "ok") -> Any:
        if request["@type"] == kind and of.items() <= request.items():
            raise error
        return real(self, request, expected)

    patch.setattr(Client, "ask", ask)


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: type(error).__name__)
def test_one_that_is_refused_keeps_no_other_from_being_read(
    start: Start, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bench = start()
    chat = private(bench)
    with monkeypatch.context() as patch:
        refuse(patch, "getChatHistory", error, chat_id=chat.id)
        bench.sync()
    wanted = [key for key in bench.holding.expected({}) if not key.startswith(f"{chat.id}:")]
    assert set(wanted) - {str(chat.id)} <= set(bench.kept.records)
    bench.sync()
    bench.expect_in_sync()


def test_a_chat_that_telegram_fails_at_keeps_no_other_from_being_read(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start()
    chat = private(bench)
    with monkeypatch.context() as patch:
        refuse(patch, "getChatHistory", errors.of(500, "HISTORY_GET_FAILED"), chat_id=chat.id)
        for _ in range(3):
            # It is told, so that the sync is tried again and shows the error while it lasts.
            with pytest.raises(TransientError, match="HISTORY_GET_FAILED"):
                bench.sync()
            bench.store.add(basic(bench))
    wanted = [key for key in bench.holding.expected({}) if not key.startswith(str(chat.id))]
    newest = f"{basic(bench).id}:{basic(bench).last}"
    assert set(wanted) - {newest} <= set(bench.kept.records)
    bench.sync()
    bench.expect_in_sync()


def test_a_telegram_that_fails_at_every_chat_is_not_asked_for_all_of_them(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(items=60)
    refuse(monkeypatch, "getChatHistory", errors.of(500, "INTERNAL"))
    with pytest.raises(TransientError):
        bench.sync()
    assert len(bench.store.listed()) > 6
    assert not bench.kept.records


def test_what_may_pass_ends_the_slice(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = start()
    refuse(monkeypatch, "getChatHistory", TransientError("down"), chat_id=private(bench).id)
    with pytest.raises(TransientError):
        bench.sync()


def test_where_nothing_answers_nobody_asks_over_and_over(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start()
    bench.sandbox.world.faults.add(Fault("503", path=".", skip=20, count=0))
    real, sent = bench.transport.send, []

    def send(*arguments: Any, **given: Any) -> Any:
        sent.append(arguments)
        return real(*arguments, **given)

    monkeypatch.setattr(bench.transport, "send", send)
    with pytest.raises(TransientError):
        bench.sync()
    # Those that went well, the one that did not, and `close`.
    assert len(sent) < 30


def test_a_group_that_has_vanished_and_is_refused_stays_kept(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(items=40)
    bench.sync()
    chat = basic(bench)
    bench.store.delete_chat(chat)
    refuse(monkeypatch, "getBasicGroup", AccessDeniedError("denied"))
    bench.sync()
    assert str(chat.id) in bench.kept.records


def test_a_sync_that_took_long_leaves_the_position_of_one_that_is_done(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next one would take itself for its end, and look for no chat that vanished."""
    monkeypatch.setattr(slices, "QUIET", 0.0)
    bench = start()
    bench.sync()
    chat = private(bench)
    bench.store.delete_chat(chat)
    bench.sync()
    assert str(chat.id) not in bench.kept.records
