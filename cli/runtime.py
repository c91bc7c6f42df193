"""The embedded runtime: what a command needs, from a running `dcs up` or started for it.

One process at a time holds a data directory (`cli.home`); it starts the embedded Redis and the
tiers as processes of their own, keeps them alive, and stops them all when it ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from cli import home
from cli.children import Children
from cli.embedded import answers, redis_server
from cli.errors import Fail
from config.settings import Settings

if TYPE_CHECKING:
    from worker.services import Services

#: How long one command waits for another that holds the data directory, in seconds.
HOLDER_SECONDS = 600.0
#: Seconds that the web server has to answer.
WEB_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Needs:
    """What a command needs beside Redis.

    Args:
        web: The web server.
        worker: A worker and beat.
        own: Whether a running `dcs up` will not do: the command is one itself.
        stays: Whether others may use what it runs, since it stays until it is stopped.
    """

    web: bool = False
    worker: bool = False
    own: bool = False
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Runtime:
    """What is running while inside `running`.

    Args:
        settings: All settings.
        redis_url: As redis-py writes it.
        web_url: Root of the web server's URLs, when one runs.
        shared: Whether it belongs to a `dcs up` elsewhere.
        children: The processes that are ours.
    """

    settings: Settings
    redis_url: str = field(repr=False)
    web_url: str | None
    shared: bool
    children: Children

    @contextlib.contextmanager
    def services(self) -> Iterator[Services]:
        """The services, closed at the end."""
        from worker.services import open_services

        services = open_services(self.settings, self.redis_url)
        try:
            yield services
        finally:
            services.close()


@contextlib.contextmanager
def running(
    settings: Settings,
    needs: Needs,
    *,
    command: str,
    tell: Callable[[str], None],
) -> Iterator[Runtime]:
    """Have what a command needs, while inside.

    Args:
        settings: All settings.
        needs: What the command needs.
        command: Its name, for others who find the data directory held.
        tell: Says something to the person, such as for whom we wait.

    Raises:
        Fail: It cannot be had; says why.
    """
    home.make(settings.home)
    if not needs.own and (runtime := shared(settings)) is not None:
        yield runtime
        return

    def waiting(note: home.Note | None) -> None:
        tell(f"waiting for {f'dcs {note.command}' if note else 'another dcs'} to end ...")

    wait = 0.0 if needs.own else HOLDER_SECONDS
    with (
        home.hold(settings.home, wait=wait, waiting=waiting),
        Children(settings.home / "logs") as children,
        _redis(settings, children) as redis_url,
    ):
        yield _start(settings, needs, command, children, redis_url)


def shared(settings: Settings) -> Runtime | None:
    """What a running `dcs up` of this data directory offers; None when there is none."""
    note = home.read_note(settings.home)
    if note is None or not note.ready:
        return None
    own = settings.redis_url.get_secret_value() if settings.redis_url else None
    url = note.redis_url or own
    if url is None or not answers(url):
        return None
    return Runtime(with_redis(settings, url), url, note.web_url, True, Children(settings.home))


def _start(
    settings: Settings, needs: Needs, command: str, children: Children, redis_url: str
) -> Runtime:
    embedded = None if settings.redis_url else redis_url
    web_url = settings.public_url if needs.web else None
    note = home.Note(os.getpid(), command, embedded, web_url, base_urls=_base_urls(settings))
    home.write_note(settings.home, note)
    environment = {"DCS_HOME": str(settings.home.absolute()), "DCS_REDIS_URL": redis_url}
    if needs.web:
        check_port(settings.web.host, settings.web.port, "DCS_WEB__PORT")
        children.start_dcs("web", ["web"], environment)
    if needs.worker:
        children.start_dcs("worker", ["worker"], environment)
        children.start_dcs("beat", ["beat"], environment)
    if needs.web:
        wait_for_port(settings.web.host, settings.web.port, children, WEB_SECONDS)
    home.write_note(settings.home, replace(note, ready=needs.stays))
    return Runtime(with_redis(settings, redis_url), redis_url, web_url, False, children)


def _base_urls(settings: Settings) -> dict[str, str]:
    given = {name: values.get("base_url") for name, values in settings.providers.items()}
    return {name: url for name, url in given.items() if url and "@" not in urlsplit(url).netloc}


@contextlib.contextmanager
def _redis(settings: Settings, children: Children) -> Iterator[str]:
    """The Redis that the settings name, else an embedded one."""
    if settings.redis_url is None:
        with redis_server(children, settings.home) as url:
            yield url
        return
    url = settings.redis_url.get_secret_value()
    if not answers(url):
        raise Fail(
            f"Redis does not answer at {urlsplit(url).hostname or 'its socket'}; start it, or "
            "unset DCS_REDIS_URL to use the embedded one"
        )
    yield url


def with_redis(settings: Settings, url: str) -> Settings:
    """The settings, with this Redis."""
    return settings.model_copy(update={"redis_url": SecretStr(url)})


def port_free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str, wanted: int) -> int:
    """The port wanted, or some other one when it is taken."""
    if port_free(host, wanted):
        return wanted
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check_port(host: str, port: int, variable: str) -> None:
    """Raise `Fail` when the port is taken."""
    if not port_free(host, port):
        raise Fail(f"port {port} of {host} is taken; set {variable} to another one")


def wait_for_port(host: str, port: int, children: Children, seconds: float) -> None:
    """Wait until a server listens.

    Raises:
        Fail: A process has stopped meanwhile, or nobody listens in time.
    """
    address = ("127.0.0.1" if host == "0.0.0.0" else host, port)  # noqa: S104 - compared, not bound
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        children.check()
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=1.0):
            return
        time.sleep(0.05)
    raise Fail(f"nothing answers on port {port} after {seconds:.0f} s; see the logs")
