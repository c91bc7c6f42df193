"""Runs the suite over every handler of every provider that there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connectors.sdk import registry
from connectors.sdk.provider import ProviderConfig
from sandbox.options import SandboxOptions
from sandbox.server import running
from sandbox.side import side_classes
from tests.contract.bench import Bench
from tests.contract.killer import Killer
from tests.contract.sizes import bounds

#: Items that a page holds in most checks, so that few items make many pages.
PAGE = 5
#: A fixed day would leave `backdate` nothing to count from: the sandbox's newest items are today's.
_DEFAULTS = {"messages": 22, "items": 22, "seed": 5, "remember_sent": True}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "subject" in metafunc.fixturenames:
        only, handler = (metafunc.config.getoption(f"--{name}") for name in ("provider", "handler"))
        subjects = [
            (provider, made.id)
            for provider in registry.provider_ids()
            if only in (None, provider)
            for made in registry.provider_class(provider).handlers
            if handler in (None, made.id)
        ]
        metafunc.parametrize("subject", subjects, ids="/".join)


@pytest.fixture(scope="session")
def killer() -> Iterator[Killer]:
    with Killer() as made:
        yield made


class Make:
    """Makes a bench: a sandbox, an account connected, nothing synced yet.

    Args:
        subject: Provider and handler.
        folder: For the homes.
        redis_url: The embedded server, emptied before.
        killer: See `Killer`.
        stack: Ends what is made.
    """

    def __init__(
        self,
        subject: tuple[str, str],
        folder: Path,
        redis_url: str,
        killer: Killer,
        stack: ExitStack,
    ) -> None:
        self.provider, self.handler_id = subject
        self._folder = folder
        self._redis_url = redis_url
        self._killer = killer
        self._stack = stack
        self._made = 0

    @property
    def handler(self) -> Any:
        """The handler's class."""
        handlers = registry.provider_class(self.provider).handlers
        return next(made for made in handlers if made.id == self.handler_id)

    def __call__(
        self,
        *,
        size: int | None = PAGE,
        worker: dict[str, Any] | None = None,
        empty: bool = False,
        **options: Any,
    ) -> Bench:
        """A bench.

        Args:
            size: Items of a page, within the handler's bounds; None for the defaults.
            worker: Settings of the worker.
            empty: Take everything away first.
            options: Of the sandbox.
        """
        sandbox = self._stack.enter_context(running(SandboxOptions(**{**_DEFAULTS, **options})))
        side = sandbox.world.sides[self.provider]
        if empty:
            side.holdings(0)[self.handler_id].clear()
        config: dict[str, Any] = {
            "client_id": sandbox.world.options.client_id,
            "client_secret": sandbox.world.options.client_secret,
            "base_url": sandbox.url + side.prefix,
        }
        cls: type[ProviderConfig] = registry.provider_class(self.provider).config_class
        if "quota" in cls.model_fields:
            config["quota"] = "none"
        for field in self.handler.sizes if size is not None else ():
            low, high = bounds(cls, field)
            config[field] = max(low, min(size or low, high))
        self._made += 1
        settings = {
            "home": str(self._folder / f"home{self._made}"),
            "http": {"backoff": 0.01, "read_timeout": 10},
            "worker": {"inline_wait_seconds": 3, "retry_seconds": 0.01, **(worker or {})},
            "providers": {self.provider: config},
        }
        bench = Bench(
            sandbox, settings, self._redis_url, self.provider, self.handler_id, self._killer
        )
        self._stack.callback(bench.close)
        return bench


@pytest.fixture
def make(
    subject: tuple[str, str], tmp_path: Path, redis_server: Any, killer: Killer
) -> Iterator[Make]:
    """Makes benches for the handler."""
    client = redis_server.client()
    client.flushall()
    client.close()
    with ExitStack() as stack:
        yield Make(subject, tmp_path, redis_server.url, killer, stack)


def test_the_sandbox_plays_every_provider() -> None:
    assert set(registry.provider_ids()) <= set(side_classes())
