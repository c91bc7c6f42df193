"""What one handler's limits mean for another's."""

from __future__ import annotations

import pytest

from connectors.sdk import registry
from connectors.sdk.errors import RateLimitedError
from connectors.sdk.http import Api
from connectors.sdk.quota import Quota
from worker.services import Services


@pytest.fixture
def provider_id() -> str:
    return registry.provider_ids()[0]


class _Token:
    def access_token(self) -> str:
        return "token"

    def refresh(self, rejected: str) -> str:
        return "other"


def api(services: Services, provider_id: str, service: str, account: str = "1") -> Api:
    provider = services.provider(provider_id)
    return services.api(
        provider, "owner", f"{provider_id}:{account}", _Token(), lambda _: None, service
    )


def test_a_refusal_at_one_service_does_not_hold_back_another(
    services: Services, provider_id: str
) -> None:
    with pytest.raises(RateLimitedError):
        api(services, provider_id, "one").hold(RateLimitedError("wait", 3600))
    with pytest.raises(RateLimitedError):
        api(services, provider_id, "one").spend(1)
    api(services, provider_id, "two").spend(1)


def test_a_days_quota_is_shared_by_all_accounts_and_says_when_it_comes_back(
    services: Services, provider_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Quota(3, 86_400, {}, daily="America/Los_Angeles", name="the project's quota")
    kind = registry.provider_class(provider_id)
    monkeypatch.setattr(kind, "quota", lambda self, service="": day if service else None)
    api(services, provider_id, "videos", "1").spend(2)
    with pytest.raises(RateLimitedError, match="quota for today is used up") as caught:
        api(services, provider_id, "videos", "2").spend(2)
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 25 * 3600 + 1
    api(services, provider_id, "videos", "2").spend(1)
