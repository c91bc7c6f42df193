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
from vault.model import Begun, ConnectionStatus, HandlerStatus

Next = Literal["rest", "continue", "wait", "leave", "off"]

#: A provider that says to wait and not how long is asked again after this, in seconds.
DEFAULT_WAIT = 60.0

#: Longest wait before a job that killed its workers is tried again, in seconds.
LONGEST_REST = 7 * 24 * 3600.0

#: A job that keeps something before each death is set aside after so many times
#: `worker.max_deaths`.
DEATHS_BETWEEN = 10

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
        attempts: Slices in a row that were not finished, to be remembered.
        unfinished: All that were not finished, to be remembered; None leaves what is known.
        set_aside: Whether the job is set aside for them.
        setback: Whether the slice failed, and is to be waited for longer the more have failed.
        run_id: The run that goes on; None for the slice's own.
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
    unfinished: int | None = None
    set_aside: bool = False
    setback: bool = False
    run_id: str | None = None


def poisoned(begun: Begun, settings: WorkerSettings) -> Outcome | None:
    """The outcome of a job whose workers died each time, before it is tried once more.

    It is set aside for longer each time, and one more death sets it aside again. One that keeps
    a little before each death is given more tries, since a long run can be interrupted often.

    Args:
        begun: What the slice began with.
        settings: Retries and waits.

    Returns:
        None for a job that is not to be set aside.
    """
    most = settings.max_deaths * DEATHS_BETWEEN
    if begun.died >= settings.max_deaths:
        deaths = f"{begun.died} times in a row"
    elif begun.unfinished >= most:
        deaths = f"{begun.unfinished} times before it came to its end"
    else:
        return None
    message = (
        f"The process that synced this died {deaths}, so it was set aside; it is tried again"
        " later, or now with `dcs sync`. The worker's log and the system's (out of memory?) say"
        " more."
    )
    return Outcome(
        "rest",
        # The longest rest is reached long before the bound on the power.
        min(settings.error_retry_seconds * 2 ** min(begun.set_aside, 64), LONGEST_REST),
        handler="error",
        message=message,
        failures=begun.failures,
        attempts=settings.max_deaths - 1,
        unfinished=min(begun.unfinished, most - 1),
        set_aside=True,
    )


def of_error(
    error: BaseException,
    failures: int,
    settings: WorkerSettings,
    run_id: str,
    setbacks: int = 1,
) -> Outcome:
    """The outcome of a run that ended with the error.

    Args:
        error: What was raised.
        failures: Failed runs in a row that kept nothing, this one included.
        settings: Retries and waits.
        run_id: Named to the person where the cause is a bug.
        setbacks: Slices that failed since a run last came to its end, this one included.
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
            return of_error(TransientError(NO_QUEUE), failures, settings, run_id, setbacks)
        case TransientError() | PositionLostError() | VaultError():
            return _again(error, failures, setbacks, settings)
        case ConnectorError():
            return _error(settings, str(error), failures)
        case _:
            message = f"Something went wrong on our side; it has been noted as {run_id}."
            return _error(settings, message, failures, bug=True)


def renewed(setbacks: int, settings: WorkerSettings) -> Outcome:
    """The outcome of a run that found an access ended which the person has renewed meanwhile.

    Args:
        setbacks: Slices that failed since a run last came to its end, this one included.
        settings: Retries and waits.
    """
    delay = min(settings.retry_seconds * setbacks, settings.error_retry_seconds)
    return Outcome("wait", delay, setback=True)


def _again(error: Exception, failures: int, setbacks: int, settings: WorkerSettings) -> Outcome:
    """What may pass is tried again, for longer apart each time, and then taken for lasting.

    Where something is kept between the failures they do not add up; the wait grows all the same.
    """
    lost = isinstance(error, PositionLostError)
    if failures < settings.max_handler_retries:
        delay = settings.retry_seconds * max(2 ** (failures - 1), setbacks)
        return Outcome(
            "wait",
            min(delay, settings.error_retry_seconds),
            message=str(error),
            failures=failures,
            lost_position=lost,
            setback=True,
        )
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
        setback=True,
    )
