from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from worker.services import Services

Dcs = Callable[..., Result]


def test_settings_are_listed_with_secrets_masked(dcs: Dcs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCS_WEB__SECRET_KEY", "very-secret-key")
    monkeypatch.setenv("DCS_PROVIDERS__GOOGLE__CLIENT_SECRET", "very-secret-client")
    monkeypatch.setenv("DCS_WEB__PORT", "8123")
    result = dcs("settings", "--json")
    assert result.exit_code == 0
    assert "very-secret" not in result.stdout
    found = {item["name"]: item for item in json.loads(result.stdout)}
    assert found["web.port"] == {
        "name": "web.port",
        "variable": "DCS_WEB__PORT",
        "value": "8123",
        "default": "5021",
        "meaning": "Port that the web server listens on.",
    }
    assert found["web.secret_key"]["value"] == "(secret, set)"
    assert found["providers.google.client_secret"]["value"] == "(secret, set)"
    assert all(item["meaning"] for item in found.values())


def test_providers_say_what_they_need(dcs: Dcs, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = [p for p in json.loads(dcs("providers", "--json").stdout) if p["id"] == "google"]
    assert first["state"] == "needs a client id"
    assert "DCS_PROVIDERS__GOOGLE__CLIENT_ID" in first["message"]
    monkeypatch.setenv("DCS_PROVIDERS__GOOGLE__CLIENT_ID", "x")
    (ready,) = [p for p in json.loads(dcs("providers", "--json").stdout) if p["id"] == "google"]
    assert ready["state"] == "ready"
    assert ready["handlers"][0]["schema"] == "email"


def test_a_broken_provider_is_shown_and_the_others_too(
    dcs: Dcs, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connectors.sdk import registry

    real = registry.providers
    monkeypatch.setattr(
        registry, "providers", lambda: [*real(), registry.Broken("zebra", "ImportError: stripes")]
    )
    result = dcs("providers")
    assert result.exit_code == 0
    assert "google" in result.stdout
    assert "zebra\t-\tbroken" in result.stdout
    assert "stripes" in result.stderr


def test_connections_hide_tokens(dcs: Dcs, filled: Services) -> None:
    result = dcs("connections", "--json")
    assert "1234567890" not in result.output
    (connection,) = json.loads(result.stdout)
    assert connection["id"] == "google:1"
    assert connection["tokens"]["refresh_token"] == "(hidden)"
    assert connection["handlers"][0]["kept"] == 9
    assert connection["handlers"][0]["quarantined"] == 1


def test_connections_name_the_run_that_failed(dcs: Dcs, filled: Services) -> None:
    filled.vaults.open("owner").update_handler(
        "google:1", "gmail", status="error", message="it is closed", last_run_id="4f2a7c"
    )
    (connection,) = json.loads(dcs("connections", "--json").stdout)
    assert connection["handlers"][0]["lastRunId"] == "4f2a7c"
    assert "google:1 gmail: it is closed (run 4f2a7c)" in dcs("connections").stdout


def test_connections_show_tokens_only_with_a_warning(dcs: Dcs, filled: Services) -> None:
    result = dcs("connections", "--show-tokens")
    assert "refresh-1234567890" in result.stdout
    assert "warning" in result.stderr


def test_without_a_vault_the_way_on_is_told(dcs: Dcs) -> None:
    for command in (["connections"], ["data", "email"], ["quarantine", "list"]):
        result = dcs(*command)
        assert result.exit_code == 1
        assert "dcs connect" in result.stderr


def test_data_is_newest_first_and_limited(dcs: Dcs, filled: Services) -> None:
    records = json.loads(dcs("data", "email", "--limit", "2", "--json").stdout)
    assert [record["sourceId"] for record in records] == ["m9", "m8"]


def test_data_is_filtered_sorted_and_cut(dcs: Dcs, filled: Services) -> None:
    result = dcs(
        "data", "email", "--filter", "type=send", "--filter", "sentAt>=2026-01-03", "--sort",
        "sentAt:asc", "--fields", "sourceId,sourceData.id", "--jsonl", "--limit", "0",
    )  # fmt: skip
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"sourceId": f"m{n}", "sourceData.id": f"m{n}"} for n in (4, 6, 8)
    ]


def test_data_is_found_by_its_words(dcs: Dcs, filled: Services) -> None:
    result = dcs("data", "email", "--search", "word3", "--fields", "name")
    assert result.stdout == "name\nsubject 3\n"


def test_found_records_bring_what_the_provider_sent_as_json_only(
    dcs: Dcs, filled: Services
) -> None:
    (record,) = json.loads(dcs("data", "email", "--search", "word3", "--json").stdout)
    assert record["sourceData"] == {"id": "m3"}


def test_data_of_any_number_is_read_page_by_page(
    dcs: Dcs, filled: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.commands.data._PAGE", 4)
    assert len(dcs("data", "email", "--limit", "0", "--jsonl").stdout.splitlines()) == 9


@pytest.mark.parametrize(
    "arguments",
    [
        ["--filter", "type"],
        ["--filter", "=x"],
        ["--sort", "name:up"],
        ["--search", "a", "--sort", "b"],
        ["--filter", "a'b=1"],
    ],
)
def test_data_names_what_it_does_not_understand(
    dcs: Dcs, filled: Services, arguments: list[str]
) -> None:
    result = dcs("data", "email", *arguments)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_quarantine_lists_ids_and_reasons(dcs: Dcs, filled: Services) -> None:
    (item,) = json.loads(dcs("quarantine", "list", "--json").stdout)
    assert (item["sourceId"], item["reason"], item["tries"]) == ("m10", "no date", 0)
