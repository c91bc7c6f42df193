"""How the state of connections and handlers reads: one place for pages and live events alike."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from vault.model import Connection, HandlerState
from worker.progress import ProgressView

Tone = Literal["ok", "busy", "wait", "off", "bad"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
FREQUENCIES = {
    "hour": "Every hour",
    "3hour": "Every 3 hours",
    "6hour": "Every 6 hours",
    "12hour": "Every 12 hours",
    "day": "Every day",
    "3day": "Every 3 days",
    "week": "Every week",
}
_CONNECTION: dict[str, tuple[Tone, str]] = {
    "connected": ("ok", "Connected"),
    "active": ("ok", "Connected"),
    "error": ("bad", "Trouble"),
    "paused": ("off", "Paused"),
    "invalid-auth": ("bad", "Connect again"),
}


@dataclass(frozen=True, slots=True)
class HandlerView:
    """One handler as a person sees it.

    Args:
        connection_id: Such as `example:1234`.
        handler_id: Such as `gmail`.
        tone: Kind of state, for the colour.
        state: The state in a word or two.
        text: What a person should know: the message and the way out, or the last sync.
        counts: What is kept, in words.
        kept: Records kept.
        total: How many there should be; None when the provider does not tell.
        busy: Whether a bar is shown.
        quarantined: Items that could not be read.
        run: Id of the run that the text is about, where it leads to more: it stands in the log
            and in reports of errors; empty where all is well.
    """

    connection_id: str
    handler_id: str
    tone: Tone
    state: str
    text: str
    counts: str
    kept: int
    total: int | None
    busy: bool
    quarantined: int
    run: str = ""

    def to_json(self) -> dict[str, Any]:
        """The view as JSON has it."""
        return asdict(self)


def connection_badge(connection: Connection) -> tuple[Tone, str]:
    """Tone and word for a connection's state."""
    return _CONNECTION.get(connection.status, ("bad", connection.status))


def title(connection: Connection) -> str:
    """What the person calls the account."""
    profile = connection.profile
    for key in ("readableId", "email", "name"):
        if profile.get(key):
            return str(profile[key])
    return connection.account_id


def handler_view(
    connection: Connection,
    state: HandlerState,
    progress: ProgressView | None,
    now: float | None = None,
) -> HandlerView:
    """A handler as a person sees it.

    Args:
        connection: Whose handler it is.
        state: The handler as the vault has it.
        progress: The last progress of its sync, if any.
        now: Unix time in seconds; default: the clock.
    """
    now = time.time() if now is None else now
    tone, word, text = _state(connection, state, progress, now)
    total = progress.total if progress and progress.total is not None else state.total
    busy = tone == "busy" or word == "Waiting"
    return HandlerView(
        connection_id=state.connection_id,
        handler_id=state.handler_id,
        tone=tone,
        state=word,
        text=text,
        counts=_counts(state.kept, total if busy else None),
        kept=state.kept,
        total=max(total, state.kept) if total else None,
        busy=busy,
        quarantined=state.quarantined,
        run=_run(word, state, progress),
    )


def _state(
    connection: Connection, state: HandlerState, progress: ProgressView | None, now: float
) -> tuple[Tone, str, str]:
    if connection.status == "invalid-auth":
        return "bad", "Stopped", "Connect the account again to go on."
    if connection.status == "paused":
        return "off", "Paused", "Nothing is fetched until you resume."
    if state.status == "disabled":
        return "off", "Off", state.message or "You have turned this off."
    if state.status == "invalid-auth":
        text = state.message or "Permission is missing: connect again and allow it."
        return "bad", "No permission", text
    if progress is not None and progress.status in {"queued", "syncing", "waiting"}:
        return _running(progress, now)
    if state.status == "error":
        return "bad", "Trouble", state.message or "The last sync failed. It is tried again."
    if state.last_sync_at is None:
        return "wait", "Not yet synced", state.message or "It starts by itself in a moment."
    return "ok", "Up to date", f"Last synced {ago(state.last_sync_at, now)}"


def _run(word: str, state: HandlerState, progress: ProgressView | None) -> str:
    if word == "Waiting" and progress is not None and progress.message:
        return progress.run_id
    return state.last_run_id or "" if word in {"Trouble", "No permission"} else ""


def _running(progress: ProgressView, now: float) -> tuple[Tone, str, str]:
    if progress.status == "queued":
        return "busy", "Queued", "It starts as soon as a worker is free."
    if progress.status == "syncing":
        return "busy", "Syncing", progress.message or "Fetching new and older items."
    text = progress.message or "The provider asks to wait."
    if progress.not_before and progress.not_before > now:
        text = f"{text.rstrip('.')}. Goes on in {span(progress.not_before - now)}."
    return "wait", "Waiting", text


def _counts(kept: int, total: int | None) -> str:
    if total and total >= kept:
        return f"{kept:,} of {total:,}"
    return f"{kept:,} kept"


def by_handler(views: Iterable[ProgressView]) -> dict[tuple[str, str], ProgressView]:
    """Progress by connection and handler."""
    return {(view.connection_id, view.handler_id): view for view in views}


def ago(moment: datetime, now: float | None = None) -> str:
    """How long ago that was, in words; the date when that is more than a week."""
    seconds = (time.time() if now is None else now) - moment.timestamp()
    if seconds < _MINUTE:
        return "just now"
    if seconds < 7 * _DAY:
        return f"{span(seconds)} ago"
    return moment.astimezone(UTC).strftime("%-d %B %Y")


def span(seconds: float) -> str:
    """A time span in one unit, such as `5 minutes`."""
    for length, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")):
        if seconds >= length or length == 1:
            count = max(1, int(seconds // length))
            return f"{count} {name}{'s' if count != 1 else ''}"
    raise AssertionError("the last unit always fits")


def when(value: str | datetime | None) -> str:
    """A record's time, for people: UTC, to the minute. Empty for none; as it is when unreadable."""
    if not value:
        return ""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return str(value)
    return f"{moment.day} {moment:%b} {moment.year}, {moment:%H:%M} UTC"


def size(count: int | None) -> str:
    """Bytes, for people."""
    if count is None:
        return ""
    value = float(count)
    for unit in ("bytes", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
