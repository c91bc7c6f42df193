"""The services of a worker process: made once in each, after the fork."""

from __future__ import annotations

import multiprocessing
import os
import threading
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event

from config.settings import Settings, load
from connectors.sdk.errors import ConfigurationError
from worker.engine import Engine
from worker.services import Services, open_services


@dataclass(slots=True)
class _Process:
    pid: int = 0
    services: Services | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    # Made before the pool forks, so that all its processes see it set.
    stopping: Event = field(default_factory=multiprocessing.Event)


_process = _Process()


def services() -> Services:
    """This process's services. Sockets and files must not cross a fork, so each makes its own."""
    with _process.lock:
        if _process.services is None or _process.pid != os.getpid():
            settings = load()
            _process.services = open_services(settings, redis_url(settings))
            _process.pid = os.getpid()
        return _process.services


def engine() -> Engine:
    """An engine on this process's services."""
    return Engine(services(), stopping)


def stopping() -> bool:
    """Whether this worker has been asked to end."""
    return _process.stopping.is_set()


def stop() -> None:
    """Ask all syncs of this worker to end after their present batch."""
    _process.stopping.set()


def redis_url(settings: Settings) -> str:
    """The Redis to use.

    Raises:
        ConfigurationError: None is set; embedded mode sets it for the processes that it starts.
    """
    if settings.redis_url is None:
        raise ConfigurationError("no Redis is set: set DCS_REDIS_URL, or use `dcs up`")
    return settings.redis_url.get_secret_value()
