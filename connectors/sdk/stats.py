"""What one run costs at its provider: requests by result, and waits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from connectors.sdk.errors import (
    AccessDeniedError,
    ConnectorError,
    InUseError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)

#: Each kind of error and how a request that ended with it is counted; others are `failed`.
_RESULTS: tuple[tuple[type[ConnectorError], str], ...] = (
    # Said on our side: the provider has refused nothing.
    (InUseError, "fault"),
    (RateLimitedError, "refused"),
    (TransientError, "fault"),
    (AccessDeniedError, "denied"),
    (TokenExpiredError, "unauthorized"),
)


@dataclass(slots=True)
class Stats:
    """Counters of one `Api`.

    Args:
        requests: HTTP requests sent.
        retries: Tries again after a passing fault.
        refused: Refusals by a quota, parts of batch requests included.
        network_seconds: Time spent on requests.
        waited_seconds: Time waited in this process, for a quota or before a try again.
        quota_waits: Waits that a quota imposed, served here or by coming back later.
        quota_seconds: How long these were, in seconds.
        results: Requests by how they ended: `ok`, `refused`, `fault`, `denied`, `unauthorized`
            or `failed`.
    """

    requests: int = 0
    retries: int = 0
    refused: int = 0
    network_seconds: float = 0.0
    waited_seconds: float = 0.0
    quota_waits: int = 0
    quota_seconds: float = 0.0
    results: Counter[str] = field(default_factory=Counter)

    def ended(self, error: ConnectorError | None) -> None:
        """Count a request by how it ended; None is a success."""
        names = (name for kind, name in _RESULTS if isinstance(error, kind))
        self.results["ok" if error is None else next(names, "failed")] += 1

    def held(self, seconds: float) -> None:
        """Count a wait that a quota imposed."""
        self.quota_waits += 1
        self.quota_seconds += seconds
