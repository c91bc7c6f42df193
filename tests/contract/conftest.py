"""Runs the suite over every handler of every provider that there is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connectors.sdk import registry
from connectors.sdk.provider import ProviderConfig
from sandbox.options import SandboxOptions
from sandbox.server import running
from tests.contract.applies import Subject, applies, subjects
from tests.contract.bench import Bench
from tests.contract.killer import Killer
from tests.contract.sizes import bounds

#: Items that a page holds in most checks, so that few items make many pages.
PAGE = 5
#: A fixed day would leave `backdate` nothing to count from: the sandbox's newest items are today's.
_DEFAULTS = {"messages": 22, "items": 22, "seed": 5, "remember_sent": True}
#: Variables that Python, its tools and the tests themselves go by.
_NEEDED = re.compile(r"(COVERAGE|DCS|LANG|LC|LD|PYTEST|PYTHON)(_.*)?|PYTHON.*|HOME|PATH|TMPDIR|TZ")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is of no one handler is not run, nor counted, where one is asked for."""
    one = config.getoption("--provider") or config.getoption("--handler")
    return True if one and collection_path.name == "test_applies.py" else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each handler with each of the module's checks that applies to it (see `applies`)."""
    if "subject" not in metafunc.fixturenames:
        return
    subjects = list(chosen(metafunc.config))
    if "check" in metafunc.fixturenames:
        pairs = [
            (subject, check)
            for subject in subjects
            for check in metafunc.module.CHECKS
            if applies(check, subject)
        ]
        metafunc.parametrize(
            ("subject", "check"), pairs, ids=[f"{s.name}-{check.__name__}" for s, check in pairs]
        )
    elif "mistake" not in metafunc.fixturenames:
        metafunc.parametrize("subject", subjects, ids=lambda subject: subject.name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test for which there is no handler is not there; pytest would count it as skipped."""
    here = Path(__file__).parent
    items[:] = [item for item in items if item.path.parent != here or _has_subject(item)]


def _has_subject(item: pytest.Item) -> bool:
    values = (
        item.callspec.params
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else {}
    )
    return "subject" not in values or isinstance(values["subject"], Subject)


def chosen(config: pytest.Config) -> Iterator[Subject]:
    """The handlers that the command's options name; all without any."""
    return subjects(config.getoption("--provider"), config.getoption("--handler"))


@pytest.fixture(scope="session")
def killer() -> Iterator[Killer]:
    with Killer() as made:
        yield made


class Make:
    """Makes a bench: a sandbox, an account connected, nothing synced yet.

    Args:
        subject: The handler.
        folder: For the homes.
        redis_url: The embedded server, emptied before.
        killer: See `Killer`.
        stack: Ends what is made.
    """

    def __init__(
        self,
        subject: Subject,
        folder: Path,
        redis_url: str,
        killer: Killer,
        stack: ExitStack,
    ) -> None:
        self.provider, self.handler_id = subject.provider, subject.handler.id
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
        client_id, client_secret = side.client(sandbox.world.options)
        config: dict[str, Any] = {
            "client_id": client_id,
            "client_secret": client_secret,
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
def _few_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what a desktop or a CI puts into the environment.

    `requests` goes through all of it, several times for each request, in search of proxies: with
    eighty variables that takes a third of a request's time.
    """
    for name in os.environ:
        if not _NEEDED.fullmatch(name):
            monkeypatch.delenv(name)


@pytest.fixture
def make(
    subject: Subject, tmp_path: Path, redis_server: Any, killer: Killer, _few_variables: None
) -> Iterator[Make]:
    """Makes benches for the handler."""
    client = redis_server.client()
    client.flushall()
    client.close()
    with ExitStack() as stack:
        yield Make(subject, tmp_path, redis_server.url, killer, stack)
