"""Logging: one line a record, and nothing in it that is secret or a person's own.

    2026-05-04T10:11:12Z INFO worker worker.engine [example:1 mail 4f2a] kept 25 records

With the setting `log_format` as `json` the same is one JSON object a line.

Exceptions are written as their type and where they passed, never with their message: a message
may quote a mail. Whatever looks like a token is struck out of the rest.

https://docs.python.org/3/library/logging.html
"""

from __future__ import annotations

import contextlib
import contextvars
import copy
import json
import logging
import re
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from pydantic import BaseModel, SecretStr

from config.settings import Settings

#: What stands for something struck out.
STRUCK = "[...]"

#: Modules whose errors' messages are safe to show by their own contract.
SAFE_ERRORS = ("connectors.sdk.errors", "vault.errors")

#: Packages of ours: they log from `log_level` on, all others from WARNING on.
ROOMS = ("cli", "config", "connectors", "sandbox", "vault", "web", "worker")

#: Libraries that are held whatever the root logger's level is turned to: below these levels they
#: log addresses, tokens, arguments or text of files, or a line a second.
_LEVELS = {
    "celery": logging.INFO,
    "celery.app.trace": logging.WARNING,
    "celery.beat": logging.WARNING,
    "celery.worker.strategy": logging.WARNING,
    "flask_dance": logging.WARNING,
    "httplib2": logging.WARNING,
    "kombu": logging.WARNING,
    "oauthlib": logging.WARNING,
    "openpyxl": logging.ERROR,
    "pypdf": logging.CRITICAL,
    "requests_oauthlib": logging.WARNING,
    "tornado.access": logging.ERROR,
    "urllib3": logging.ERROR,
    "werkzeug": logging.WARNING,
}

#: What Celery's records hold besides ids and names.
_TASK_CONTENT = frozenset({"args", "exc", "kwargs", "return_value", "traceback"})

_NAMES = (
    r"[\w-]*(?:access_token|refresh_token|id_token|csrf_token|client_secret|secret_key|master_key"
    r"|password|passwd|authorization|set-cookie|cookie|api_key|apikey|code_verifier|assertion)"
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # User and password of an address, then its query.
    (re.compile(r"(?<=://)[^\s/@'\"]*@"), f"{STRUCK}@"),
    (re.compile(r"\?[\w.%+\[\]-]+=[^\s'\"<>]*"), f"?{STRUCK}"),
    (re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*)[^\r\n,}]+"), rf"\1{STRUCK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {STRUCK}"),
    (
        re.compile(rf"(?i)\b({_NAMES}['\"]?\s*[:=]\s*)(?:'[^']*'|\"[^\"]*\"|[^\s&,;)}}]+)"),
        rf"\1{STRUCK}",
    ),
    # An exit code or a status is no secret: up to three digits stay.
    (
        re.compile(
            r"(?i)\b((?:code|state|token|secret)(?:=|['\"]\s*:\s*))(?!\d{1,3}\b)"
            r"(?:'[^']*'|\"[^\"]*\"|[^\s&,;)}]+)"
        ),
        rf"\1{STRUCK}",
    ),
    # Shapes in which tokens and authorization codes are issued; the last is a JSON web token.
    (re.compile(r"\b(?:ya29\.|1//|4/|GOCSPX-|EAA)[\w.-]{8,}"), STRUCK),
    (re.compile(r"\beyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?"), STRUCK),
    (re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), STRUCK),
)

_BOUND: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("bound")


def setup(settings: Settings, tier: str, *, stream: TextIO | None = None) -> None:
    """Send all log records of this process to one stream, in the form above.

    Args:
        settings: Tells the level, and the secrets that must never show.
        tier: What this process is: `web`, `worker`, `beat`, `flower`, `cli`.
        stream: Where lines go; default: standard error.

    Raises:
        KeyError: `log_level` names no level.
    """
    handler = _Handler(stream or sys.stderr)
    form = JsonFormatter if settings.log_format == "json" else LineFormatter
    handler.setFormatter(form(tier, secrets_of(settings)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    root.setLevel(max(level, logging.WARNING))
    for name in ROOMS:
        logging.getLogger(name).setLevel(level)
    for name, least in _LEVELS.items():
        logging.getLogger(name).setLevel(max(level, least))
    warnings.showwarning = _log_warning


@contextmanager
def bind(**ids: str) -> Iterator[None]:
    """Put ids on every record and report made inside: `bind(connection=..., handler=..., run=...)`.

    An error that leaves the block takes them along, for the report that is made outside.
    """
    token = _BOUND.set({**bound(), **ids})
    try:
        yield
    except BaseException as error:
        error.__dict__.setdefault("_bound", bound())
        raise
    finally:
        _BOUND.reset(token)


def bound(error: BaseException | None = None) -> Mapping[str, str]:
    """The ids in force, or those that were where `error` was raised."""
    kept = getattr(error, "_bound", None)
    return kept if kept is not None else _BOUND.get({})


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """The text without tokens, passwords, queries of addresses and mail addresses.

    Args:
        text: Any text.
        secrets: Values to strike out wherever they stand.
    """
    for secret in secrets:
        text = text.replace(secret, STRUCK)
    for pattern, substitute in _RULES:
        text = pattern.sub(substitute, text)
    return text


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """The secret values among the settings, longest first."""
    found = _secrets(settings)
    # Shorter ones would strike out innocent words.
    return tuple(sorted({value for value in found if len(value) >= 8}, key=len, reverse=True))


def trace(error: BaseException) -> str:
    """The error's type and the places it passed, innermost last; without its message.

    Returns:
        `ValueError (worker/engine.py:10:run, example/mail.py:20:record)`, on one line, followed
        by `from` and its cause where it has one.
    """
    parts = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        parts.append(f"{type(current).__name__} ({_frames(current)})")
        hidden = current.__suppress_context__
        current = current.__cause__ or (None if hidden else current.__context__)
    return " from ".join(parts)


def message_of(error: BaseException) -> str:
    """The error's message where its class promises a safe one, else the name of its type."""
    if type(error).__module__.startswith(SAFE_ERRORS):
        return str(error)
    return type(error).__name__


class LineFormatter(logging.Formatter):
    """Makes a record one safe line.

    Args:
        tier: What this process is.
        secrets: Values to strike out wherever they stand.
    """

    def __init__(self, tier: str, secrets: tuple[str, ...] = ()) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self._tier = tier
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        ids = " ".join(bound().values())
        head = f"{self.formatTime(record, self.datefmt)} {record.levelname} {self._tier}"
        line = f"{head} {record.name} {f'[{ids}] ' if ids else ''}{_message(record)}"
        if record.exc_info and record.exc_info[1] is not None:
            line = f"{line} | {trace(record.exc_info[1])}"
        # A line break in a message would let a stranger's text pose as a record.
        return redact(line, self._secrets).replace("\r", "\\r").replace("\n", "\\n")


class JsonFormatter(LineFormatter):
    """Makes a record one JSON object on one line, for programs that collect logs.

    Its fields: `time`, `level`, `tier`, `logger`, the ids in force (`connection`, `handler`,
    `run`), `message`; and where there was an error, `error` with its type and `places` as
    `trace` gives them. Each text is redacted before it is written.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields: dict[str, str] = {
            "time": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "tier": self._tier,
            "logger": record.name,
            **bound(),
            "message": _message(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            fields |= {"error": type(error).__name__, "places": trace(error)}
        safe = {name: redact(text, self._secrets) for name, text in fields.items()}
        # ASCII alone: whatever the stream's encoding, and whatever a reader takes for a line's end
        # (U+2028, U+0085), it stays one line.
        return json.dumps(safe)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes records to a stream; one that cannot be written is told without what it holds."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Write a line in the failed record's place.

        The library's own way prints the record's text, arguments and a trace as they are.
        https://docs.python.org/3/library/logging.html#logging.Handler.handleError
        """
        kind = sys.exc_info()[0]
        substitute = logging.LogRecord(
            record.name,
            logging.ERROR,
            record.pathname,
            record.lineno,
            "a record could not be written (%s, at %s:%d)",
            (kind.__name__ if kind else "?", _short(record.pathname), record.lineno),
            None,
        )
        # A stream that is closed or full takes no second line either: to log must not raise.
        with contextlib.suppress(Exception):
            self.stream.write(self.format(substitute) + self.terminator)
            self.flush()


def _message(record: logging.LogRecord) -> str:
    # Other handlers get the same record: it stays as it is.
    safe = copy.copy(record)
    if isinstance(safe.args, Mapping):
        celery = safe.name.startswith("celery")
        safe.args = {
            name: STRUCK if celery and name in _TASK_CONTENT else _argument(value)
            for name, value in safe.args.items()
        }
    elif safe.args:
        safe.args = tuple(_argument(value) for value in safe.args)
    return safe.getMessage()


def _argument(value: object) -> object:
    return message_of(value) if isinstance(value, BaseException) else value


def _frames(error: BaseException) -> str:
    places = traceback.extract_tb(error.__traceback__)
    return ", ".join(f"{_short(place.filename)}:{place.lineno}:{place.name}" for place in places)


def _short(filename: str) -> str:
    path = Path(filename)
    return f"{path.parent.name}/{path.name}"


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, str) and re.search(r"secret$|token$|password$|key$", str(name)):
                yield inner
            else:
                yield from _secrets(inner)


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - the signature is the standard library's
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Log a warning without its text, which may quote the file it is about."""
    del message
    logging.getLogger("py.warnings").warning(
        "%s at %s:%d", category.__name__, _short(filename), lineno
    )
