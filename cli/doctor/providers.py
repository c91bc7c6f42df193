"""The providers' hosts: whether they answer, and what time they say it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

import requests

from cli.doctor.findings import Finding, Level, span
from config.settings import Settings
from connectors.sdk import registry
from connectors.sdk.addresses import rebase
from connectors.sdk.errors import ConfigurationError

#: Longest wait for an answer, in seconds.
_PATIENCE = 10.0
#: A `Date` header has whole seconds, and answers may come from a cache: less is no finding.
_CLOCK, _CLOCK_HARM = 10.0, 300.0


def providers(
    settings: Settings, used: frozenset[str], base_urls: Mapping[str, str]
) -> Iterator[Finding]:
    """A plain request to each provider's hosts; any HTTP answer counts as reached.

    Args:
        settings: The server's settings.
        used: Providers with a connection: it matters more when these are not reached.
        base_urls: What a running server has in place of a provider's own hosts, by provider:
            such as the sandbox of a running demo, which our own settings do not know.
    """
    changed = {
        name: {**settings.providers.get(name, {}), "base_url": url}
        for name, url in base_urls.items()
    }
    settings = settings.model_copy(update={"providers": {**settings.providers, **changed}})
    wanted: list[tuple[str, str]] = []
    for provider_id in registry.provider_ids():
        try:
            wanted += [(provider_id, url) for url in _hosts(settings, provider_id)]
        except ConfigurationError as error:
            level: Level = "problem" if provider_id in used else "warning"
            yield Finding("providers", level, str(error), "`dcs providers` says what it needs.")
    with ThreadPoolExecutor(max_workers=8) as pool:
        for provider_id, found in zip(
            [provider_id for provider_id, _ in wanted],
            pool.map(lambda one: _ask(one[1]), wanted),
            strict=True,
        ):
            yield from _findings(provider_id, found, important=provider_id in used)


def _hosts(settings: Settings, provider_id: str) -> list[str]:
    """Roots of the provider's API and of where it gives tokens."""
    provider = registry.provider(provider_id, settings.providers)
    urls = [f"https://{urlsplit(provider.url).netloc}/"]
    if provider.oauth is not None:
        urls.append(provider.oauth.token_url)
    roots = {_root(rebase(url, provider.config.base_url)) for url in urls if url}
    return sorted(roots)


def _root(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "/", "", ""))


class _Found:
    """What came of a request: an error's kind, or the clocks' difference in seconds."""

    def __init__(self, host: str, error: str | None, tls: bool, off: float | None) -> None:
        self.host, self.error, self.tls, self.off = host, error, tls, off


def _ask(url: str) -> _Found:
    host = urlsplit(url).hostname or url
    before = time.time()
    try:
        with requests.Session() as session:
            # What is in a .netrc is nobody's business here; environment proxies count.
            session.auth = lambda request: request
            answer = session.head(url, timeout=_PATIENCE, allow_redirects=False)
    except requests.exceptions.SSLError:
        return _Found(host, "its TLS certificate is not accepted", True, None)
    except requests.exceptions.Timeout:
        return _Found(host, f"no answer within {_PATIENCE:.0f} s", False, None)
    except requests.RequestException as error:
        # The library's message may hold a proxy's address with its password.
        return _Found(host, f"not reached ({type(error).__name__})", False, None)
    ours = (before + time.time()) / 2
    return _Found(host, None, False, _off(answer.headers.get("Date"), ours))


def _off(date: str | None, ours: float) -> float | None:
    try:
        # Whole seconds: half of one on average.
        return ours - parsedate_to_datetime(date or "").timestamp() - 0.5
    except (ValueError, TypeError):
        return None


def _findings(provider_id: str, found: _Found, *, important: bool) -> Iterator[Finding]:
    where = f"{provider_id}: {found.host}"
    if found.error is not None:
        advice = (
            "Look at this machine's clock and certificates (REQUESTS_CA_BUNDLE), and at what stands"
            " between: somebody may be reading along."
            if found.tls
            else "Look at this machine's network, name service and proxy (HTTPS_PROXY), and at the"
            f" setting providers.{provider_id}.base_url; `dcs doctor --offline` leaves this out."
        )
        level: Level = "problem" if important else "warning"
        yield Finding("providers", level, f"{where}: {found.error}", advice)
        return
    yield Finding("providers", "ok", f"{where} answers")
    if found.off is not None and abs(found.off) > _CLOCK:
        yield Finding(
            "clock",
            "problem" if abs(found.off) > _CLOCK_HARM else "warning",
            f"this machine's clock is {span(abs(found.off))}"
            f" {'ahead of' if found.off > 0 else 'behind'} that of {found.host}",
            "Let this machine keep its time (`timedatectl set-ntp true`): tokens end by it.",
        )
