"""What the engine does about the end of a run: the table of errors, in code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import redis

from config.settings import WorkerSettings
from connectors.sdk.errors import (
    AccessDeniedError,
    AccessRejectedError,
    ConfigurationError,
    ConnectorError,
    PositionLostError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from vault.errors import FencedError, VaultError
from vault.model import ConnectionStatus, HandlerStatus

Next = Literal["rest", "continue", "wait", "leave", "off"]

#: A provider that says to wait and not how long is asked again after this, in seconds.
DEFAULT_WAIT = 60.0

#: Longest wait before a job that killed its workers is tried again, in seconds.
LONGEST_REST = 7 * 24 * 3600.0

#: Said when Redis went away in the middle of a run.
NO_QUEUE = "the server's queue could not be reached; it goes on by itself"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one time slice.

    Args:
        next: `rest`: the run is over, come back by frequency or after `delay`; `continue`: more
            to do at once; `wait`: more to do after `delay`; `leave`: another worker has the job;
            `off`: not to be looked at again before the person has done something.
        delay: Seconds until the job is due again.
        handler: State of the handler to save; None leaves it.
        connection: State of the connection to save; None leaves it.
        message: For the person, in plain words.
        failures: Failed runs in a row, for the next time.
        bug: Whether the cause is a mistake in the code, to be reported in full.
        lost_position: Whether the handler starts from an empty position.
        attempts: Slices that did not come to their end, to be remembered.
    """

    next: Next
    delay: float = 0.0
    handler: HandlerStatus | None = None
    connection: ConnectionStatus | None = None
    message: str | None = None
    failures: int = 0
    bug: bool = False
    lost_position: bool = False
    attempts: int = 0


def poisoned(died: int, failures: int, settings: WorkerSettings) -> Outcome:
    """The outcome of a job whose workers died each time, before it is tried once more.

    It is set aside for longer each time, and one more death sets it aside again.

    Args:
        died: How many slices in a row neither came to their end nor kept something.
        failures: Failed runs in a row, this one included.
        settings: Retries and waits.
    """
    message = (
        f"The process that synced this died {died} times in a row, so it was set aside; it is"
        " tried again later, or now with `dcs sync`. The worker's log and the system's (out of"
        " memory?) say more."
    )
    delay = min(settings.error_retry_seconds * 2.0 ** (failures - 1), LONGEST_REST)
    return Outcome(
        "rest",
        delay,
        handler="error",
        message=message,
        failures=failures,
        attempts=settings.max_deaths - 1,
    )


def of_error(error: BaseException, failures: int, settings: WorkerSettings, run_id: str) -> Outcome:
    """The outcome of a run that ended with the error.

    Args:
        error: What was raised.
        failures: Failed runs in a row, this one included.
        settings: Retries and waits.
        run_id: Named to the person where the cause is a bug.
    """
    match error:
        case FencedError():
            return Outcome("leave")
        case RateLimitedError():
            delay = DEFAULT_WAIT if error.retry_after is None else error.retry_after
            # Shorter waits have been waited within the call, to no avail.
            delay = max(delay, settings.inline_wait_seconds)
            return Outcome("wait", delay, message=str(error), failures=failures - 1)
        case TokenExpiredError():
            return Outcome("off", connection="invalid-auth", message=str(error))
        case AccessDeniedError():
            return Outcome("off", handler="invalid-auth", message=str(error))
        case ConfigurationError():
            return _error(settings, str(error), failures)
        case redis.RedisError():
            return of_error(TransientError(NO_QUEUE), failures, settings, run_id)
        case TransientError() | PositionLostError() | VaultError():
            return _again(error, failures, settings)
        case ConnectorError():
            return _error(settings, str(error), failures)
        case _:
            message = f"Something went wrong on our side; it has been noted as {run_id}."
            return _error(settings, message, failures, bug=True)


def _again(error: Exception, failures: int, settings: WorkerSettings) -> Outcome:
    """What may pass is tried again, for longer apart each time, and then taken for lasting."""
    lost = isinstance(error, PositionLostError)
    if failures < settings.max_handler_retries:
        delay = settings.retry_seconds * 2 ** (failures - 1)
        return Outcome("wait", delay, message=str(error), failures=failures, lost_position=lost)
    if isinstance(error, AccessRejectedError):
        return Outcome("off", connection="invalid-auth", message=str(error))
    return _error(settings, str(error), failures, lost_position=lost)


def _error(
    settings: WorkerSettings,
    message: str,
    failures: int,
    *,
    bug: bool = False,
    lost_position: bool = False,
) -> Outcome:
    return Outcome(
        "rest",
        settings.error_retry_seconds,
        handler="error",
        message=message,
        failures=failures,
        bug=bug,
        lost_position=lost_position,
    )
