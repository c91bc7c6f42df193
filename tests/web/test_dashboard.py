from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from config.settings import OWNER
from connectors.google.provider import Google
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Failed
from vault.model import Run
from worker.keys import Job
from worker.progress import ProgressView


@pytest.fixture
def vault(services, connection):
    return services.vaults.open(OWNER)


def test_an_empty_vault_invites_to_connect(client):
    page = client.get("/").text

    assert "Connect your first account" in page
    assert 'href="/connect/google"' in page


def test_a_connection_shows_its_account_and_state(client, connection):
    page = client.get("/").text

    assert connection.profile["email"] in page
    assert "Queued" in page
    assert "Sync now" in page


def test_progress_is_shown_with_a_bar(client, connection, services, mailbox):
    mailbox.keep(mailbox.email(1), mailbox.email(2))
    job = Job(OWNER, connection.id, "gmail")
    view = ProgressView(connection.id, "gmail", "r", "syncing", kept=2, total=40)
    services.progress.publish(job, view)

    page = client.get("/").text

    assert "2 of 40" in page
    assert 'max="40" value="2"' in page


@pytest.mark.parametrize(
    ("action", "status", "offers"), [("pause", "paused", "Resume"), ("resume", "active", "Pause")]
)
def test_a_connection_is_paused_and_resumed(browser, connection, vault, action, status, offers):
    assert browser.post(f"/connections/{connection.id}/{action}").status_code == 303

    assert vault.connection(connection.id).status == status
    assert offers in browser.client.get("/").text


def test_sync_now_queues_the_handlers(browser, connection, services):
    # The syncs that connecting has queued have begun.
    for handler in Google.handlers:
        job = Job("owner", connection.id, handler.id)
        services.schedule.in_run(job, services.schedule.run_of(job))
    services.redis.delete("google")

    browser.post(f"/connections/{connection.id}/sync")

    assert services.redis.llen("google") == len(Google.handlers)


def test_a_paused_connection_is_not_synced_and_says_why(browser, connection):
    browser.post(f"/connections/{connection.id}/pause")

    answer = browser.post(f"/connections/{connection.id}/sync")

    assert answer.status_code == 409
    assert "Resume it first" in answer.text


def test_a_connection_that_the_provider_refuses_asks_to_connect_again(client, connection, vault):
    vault.set_connection_status(connection.id, "invalid-auth", "Google ended the access.")

    page = client.get("/").text

    assert "Google ended the access." in page
    assert "Connect again</a>" in page


def test_access_that_cannot_be_renewed_is_told_before_it_ends(client, connection, vault):
    def pages(days, refresh=None):
        vault.save_tokens(connection.id, Tokens("t", refresh, time.time() + days * 86_400))
        return client.get("/").text, client.get(f"/connections/{connection.id}").text

    assert all("Access ends on" in page for page in pages(5))
    assert not any("Access ends on" in page for page in (*pages(50), *pages(5, "renews")))


def test_options_and_frequency_are_saved(browser, connection, vault):
    form = {"option.backdate": "3", "frequency": "day", "enabled": "yes"}

    answer = browser.post(f"/connections/{connection.id}/handlers/gmail", **form)

    assert answer.status_code == 303
    state = vault.handler(connection.id, "gmail")
    assert state.options["backdate"] == "3"
    assert state.frequency == "day"
    page = browser.client.get(f"/connections/{connection.id}").text
    assert '<option value="3" selected>' in page
    assert '<option value="day" selected>' in page


def test_a_handler_is_turned_off_and_on(browser, connection, vault):
    path = f"/connections/{connection.id}/handlers/gmail"

    browser.post(path)
    assert vault.handler(connection.id, "gmail").status == "disabled"

    browser.post(path, enabled="yes")
    assert vault.handler(connection.id, "gmail").status == "enabled"


@pytest.mark.parametrize(
    "form", [{"option.backdate": "forever"}, {"option.colour": "red"}, {"frequency": "never"}]
)
def test_a_wrong_option_is_refused_in_plain_words(browser, connection, form):
    answer = browser.post(f"/connections/{connection.id}/handlers/gmail", enabled="yes", **form)

    assert answer.status_code == 400
    assert "Traceback" not in answer.text


def test_disconnecting_keeps_the_data_unless_asked(browser, connection, vault, mailbox):
    mailbox.keep(mailbox.email(1))

    browser.post(f"/connections/{connection.id}/disconnect")

    assert vault.connections() == []
    assert vault.count("email", {}) == 1


def test_disconnecting_deletes_the_data_when_asked(browser, connection, vault, mailbox):
    mailbox.keep(mailbox.email(1))

    browser.post(f"/connections/{connection.id}/disconnect", delete_data="yes")

    assert vault.count("email", {}) == 0


def test_what_could_not_be_read_is_shown_with_the_reason(client, connection, mailbox):
    mailbox.keep(failed=(Failed("m9", {"id": "m9"}, "sentAt: <not> a date"),))

    assert "1 item could not be read" in client.get("/").text
    page = client.get(f"/connections/{connection.id}").text
    assert "m9" in page
    assert "sentAt: &lt;not&gt; a date" in page


def test_an_unknown_connection_is_a_plain_404(browser):
    for path in ("", "/pause", "/sync", "/disconnect", "/handlers/gmail"):
        url = f"/connections/google:nobody{path}"
        answer = browser.post(url) if path else browser.client.get(url)
        assert answer.status_code == 404
        assert "no such connection" in answer.text


def test_names_from_the_provider_are_escaped(client, connection, vault):
    from dataclasses import replace

    profile = {"name": "<script>alert(1)</script>", "email": "<img src=x>"}
    vault.save_connection(replace(connection, profile=profile, updated_at=datetime.now(UTC)))

    for path in ("/", f"/connections/{connection.id}"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x>" not in page


def test_no_page_holds_a_token(client, connection, vault):
    tokens = vault.tokens(connection.id)

    for path in ("/", f"/connections/{connection.id}", "/api/rest/v1/connections"):
        text = client.get(path).text
        assert tokens.access_token not in text
        assert tokens.refresh_token not in text


def test_an_icon_comes_from_its_providers_folder_alone(client):
    for name in ("nowhere", "..", "sdk", "%2e%2e%2fsdk"):
        assert client.get(f"/providers/{name}/icon.png").status_code in {404, 308}


def test_redis_down_is_told_plainly(client, services, redis_server):
    services.redis.connection_pool.reset()
    services.redis.connection_pool.connection_kwargs["path"] = "/nonexistent/redis.sock"
    services.redis.connection_pool.reset()

    answer = client.get("/")

    assert answer.status_code == 503
    assert "Redis does not answer" in answer.text
    assert "/nonexistent" not in answer.text


def test_a_failed_sync_shows_its_run_to_copy(client, connection, services, vault):
    failed = ProgressView(connection.id, "gmail", "4f2a7c", "error")
    services.progress.publish(Job(OWNER, connection.id, "gmail"), failed)
    vault.begin(Run("4f2a7c", connection.id, "gmail", datetime.now(UTC)), fence=1)
    vault.update_handler(
        connection.id, "gmail", status="error", message="It is closed.", last_run_id="4f2a7c"
    )
    for path in ("/", f"/connections/{connection.id}"):
        page = client.get(path).text
        assert '<code class="id" data-field="run">4f2a7c</code>' in page
    assert '<code class="id muted">4f2a7c</code>' in page


def test_a_sync_that_is_well_shows_no_run_beside_its_state(client, connection):
    page = client.get("/").text
    assert page.count('data-field="about" hidden') == page.count('class="live"') > 0
