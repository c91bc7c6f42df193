"""What goes wrong, as one plain line with the way out, and as an exit code."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

#: Failed, or incomplete.
FAILED = 1
#: The command was not understood.
USAGE = 2
#: Stopped by Ctrl-C.
STOPPED = 130


class Fail(click.ClickException):
    """Something failed; the message says what, and the way out.

    Args:
        message: For a person, without a full stop's worth of internals.
        code: Exit code.
    """

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def report(error: Exception, *, as_json: bool) -> int:
    """Say what went wrong on stderr, or as JSON on stdout.

    Args:
        error: What was raised.
        as_json: Whether the command was asked for JSON.

    Returns:
        The exit code.
    """
    message, code = _explain(error)
    if as_json:
        click.echo(json.dumps({"error": {"message": message, "code": code}}))
    elif message:
        click.echo(f"dcs: {message}", err=True)
    return code


def _explain(error: Exception) -> tuple[str, int]:
    if isinstance(error, click.Abort):
        return "stopped", STOPPED
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "dcs"
        return f"{_sentence(error.format_message())} (see {command} --help)", USAGE
    if isinstance(error, Fail):
        return error.message, error.code
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    message = _known(error)
    return (message, FAILED) if message else (_unknown(error), FAILED)


def _sentence(text: str) -> str:
    return text.rstrip(".")


def _known(error: Exception) -> str | None:
    """The message of an error that the product raises on purpose, or that its tools do."""
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if kinds & {"connectors.sdk.errors.ConnectorError", "vault.errors.VaultError"}:
        return str(error)
    if kinds & {"redis.exceptions.ConnectionError", "redis.exceptions.TimeoutError"}:
        return "Redis does not answer; start it, or unset DCS_REDIS_URL to use the embedded one"
    if "pydantic_core._pydantic_core.ValidationError" in kinds:
        return _settings_message(error)
    if "tomllib.TOMLDecodeError" in kinds:
        return f"dcs.toml cannot be read: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror}"
    return None


def _settings_message(error: Exception) -> str:
    """Which settings are wrong, without their values: one may be a secret."""
    details: list[dict[str, Any]] = getattr(error, "errors", list)()
    wrong = "; ".join(
        f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}" for detail in details
    )
    return f"a setting is wrong: {wrong} (dcs settings lists them all)"


def _unknown(error: Exception) -> str:
    """Keep the trace of a bug in a file, and name the file.

    The error's own text stays out of both: it may quote a person's content.
    """
    from config.logs import trace

    name, places = type(error).__name__, trace(error)
    home = os.environ.get("DCS_HOME")
    if not home or not Path(home).is_dir():
        return f"this is a bug: {places}"
    log = Path(home) / "logs" / "cli.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} ERROR cli {places}\n")
    return f"this is a bug ({name}); its trace is in {log}"
