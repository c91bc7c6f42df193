"""Items that are tried again while another worker may have their job."""

from __future__ import annotations

import pytest

from connectors.sdk.records import Failed
from connectors.sdk.schemas.email import Email
from vault.errors import FencedError, NotFoundError

ACCOUNT = "google:1"


@pytest.fixture
def item(vault, batch):
    vault.commit(batch(quarantined=[Failed("1", {"id": "1"}, "no date")]))
    [found] = vault.quarantine()
    return found


def test_a_worker_whose_job_another_has_releases_nothing_and_notes_nothing(vault, email, item):
    vault.claim(ACCOUNT, "gmail", 2)
    with pytest.raises(FencedError):
        vault.release(item.id, email(1), Email, fence=1)
    with pytest.raises(FencedError):
        vault.release(item.id, fence=1)
    with pytest.raises(FencedError):
        vault.quarantine_failed(item.id, "still no date", fence=1)
    assert vault.quarantine() == [item]
    assert vault.count("email") == 0


def test_the_worker_that_has_the_job_releases(vault, email, item):
    vault.claim(ACCOUNT, "gmail", 2)
    vault.quarantine_failed(item.id, "still no date", fence=2)
    assert vault.quarantine()[0].tries == 1
    vault.release(item.id, email(1), Email, fence=2)
    assert vault.quarantine() == []
    assert vault.count("email") == 1


def test_a_release_claims_its_fence(vault, email, batch, item):
    vault.release(item.id, email(1), Email, fence=3)
    with pytest.raises(FencedError):
        vault.commit(batch(email(2), fence=2))


def test_a_person_s_own_retry_needs_no_fence(vault, email, item):
    vault.claim(ACCOUNT, "gmail", 9)
    vault.quarantine_failed(item.id, "still no date")
    vault.release(item.id, email(1), Email)
    assert vault.count("email") == 1
    assert vault.last_fence(ACCOUNT, "gmail") == 9


def test_a_worker_from_before_a_removal_releases_nothing(vault, email, item):
    vault.remove_connection(ACCOUNT)
    with pytest.raises(FencedError):
        vault.release(item.id, email(1), Email, fence=1)
    assert vault.count("email") == 0


def test_an_item_that_was_released_meanwhile_is_not_there(vault, email, item):
    vault.release(item.id, email(1), Email)
    with pytest.raises(NotFoundError):
        vault.release(item.id, email(1), Email, fence=1)
    with pytest.raises(NotFoundError):
        vault.quarantine_failed(item.id, "x", fence=1)
