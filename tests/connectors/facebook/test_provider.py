from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import pytest

from connectors.facebook.provider import Facebook
from connectors.sdk.errors import ConfigurationError
from connectors.sdk.registry import provider_class

if TYPE_CHECKING:
    from conftest import Start


def test_the_registry_finds_it() -> None:
    assert provider_class("facebook") is Facebook


def test_it_asks_for_reading_and_nothing_more() -> None:
    assert Facebook.configured({}).scopes() == ("public_profile", "user_likes", "user_posts")


def test_each_call_proves_that_the_secret_is_known() -> None:
    made = hmac.new(b"s3cret", b"EAAtoken", hashlib.sha256).hexdigest()
    assert Facebook.configured({"client_secret": "s3cret"}).sign("EAAtoken") == {
        "appsecret_proof": made
    }
    assert not Facebook.configured({}).sign("EAAtoken")


@pytest.mark.parametrize("value", ["26.0", "v26", "v26.0/x", "v0.1", ""])
def test_a_version_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match="api_version"):
        Facebook.configured({"api_version": value})


def test_the_account_is_known_by_its_id(start: Start) -> None:
    bench = start()
    connection = bench.services.vaults.open("owner").connection(bench.job.connection)
    assert connection.account_id == bench.side.account_id(0)
    assert connection.profile["name"] == bench.sandbox.world.people[0].name
    assert connection.profile["avatar"]["uri"].startswith("https://")


def test_the_app_that_has_nearly_spent_its_calls_holds_back() -> None:
    wait_after = Facebook.configured({}).wait_after
    assert wait_after({}) == wait_after({"X-App-Usage": '{"call_count": 99}'}) == 0
    assert wait_after({"X-App-Usage": '{"call_count": 12, "total_cputime": 150}'}) == pytest.approx(
        1200
    )
