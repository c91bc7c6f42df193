from __future__ import annotations

import json

import pytest

from connectors.google.provider import Google
from connectors.sdk.records import Failed

ROOT = "/api/rest/v1"


def test_the_description_lists_every_route(client):
    spec = client.get(f"{ROOT}/openapi.json").json

    assert set(spec["paths"]) == {
        f"{ROOT}/{path}"
        for path in (
            "session", "providers", "connections", "connections/status",
            "connections/{connection_id}", "connections/{connection_id}/sync", "quarantine",
            "records/{schema}", "records/{schema}/search", "events",
        )
    }  # fmt: skip


def test_providers_tell_what_they_offer(client):
    (google,) = [p for p in client.get(f"{ROOT}/providers").json if p["id"] == "google"]

    assert google["configured"] is True
    assert google["problem"] is None
    assert len(google["handlers"]) == len(Google.handlers)
    (gmail,) = (handler for handler in google["handlers"] if handler["id"] == "gmail")
    assert gmail["options"][0]["default"] == "all"


def test_connections_tell_all_but_tokens(client, connection):
    (found,) = client.get(f"{ROOT}/connections").json

    assert found == client.get(f"{ROOT}/connections/{connection.id}").json
    assert found["accountId"] == connection.account_id
    ids = [handler["id"] for handler in found["handlers"]]
    assert ids == sorted(handler.id for handler in Google.handlers)
    assert "token" not in json.dumps(found).lower()


def test_a_sync_answers_with_its_runs(client, connection):
    token = client.get(f"{ROOT}/session").json["csrfToken"]
    path = f"{ROOT}/connections/{connection.id}/sync"

    answer = client.post(path, json={"handler": "gmail"}, headers={"X-CSRF-Token": token})

    assert answer.status_code == 202
    states = client.get(f"{ROOT}/connections/status").json
    (status,) = (state for state in states if state["handlerId"] == "gmail")
    assert answer.json["runs"] == {"gmail": status["runId"]}
    assert status["status"] == "queued"


@pytest.mark.parametrize(
    ("body", "status"), [({"handler": "none"}, 404), ({"force": "what"}, 422), ({"x": 1}, 422)]
)
def test_a_wrong_sync_is_refused_with_a_message(client, connection, body, status):
    token = client.get(f"{ROOT}/session").json["csrfToken"]
    path = f"{ROOT}/connections/{connection.id}/sync"

    answer = client.post(path, json=body, headers={"X-CSRF-Token": token})

    assert answer.status_code == status
    assert answer.json["message"]


def test_unknown_things_are_404_as_json(client):
    for path in ("connections/x", "records/none", "records/none/search?q=a", "nowhere"):
        answer = client.get(f"{ROOT}/{path}")
        assert answer.status_code == 404
        assert answer.json["message"]


def test_records_are_selected_sorted_and_paged(client, mailbox):
    mailbox.keep(*(mailbox.email(number) for number in range(5)))
    asked = {
        "filter": json.dumps({"sourceId": {"$in": ["m1", "m2", "m3"]}}),
        "sort": "sentAt:desc",
        "limit": 2,
        "offset": 1,
    }

    answer = client.get(f"{ROOT}/records/email", query_string=asked).json

    assert [record["sourceId"] for record in answer["records"]] == ["m2", "m1"]
    assert answer["total"] == 3


@pytest.mark.parametrize(
    "asked",
    [
        {"filter": "no json"},
        {"filter": "[]"},
        {"filter": '{"a": {"$where": "1"}}'},
        {"filter": '{"a\'; drop table records": 1}'},
        {"sort": "sentAt:sideways"},
        {"sort": "a'b"},
        {"limit": 100000},
        {"offset": -1},
    ],
)
def test_a_wrong_question_is_refused_with_a_message(client, mailbox, asked):
    answer = client.get(f"{ROOT}/records/email", query_string=asked)

    assert answer.status_code in {400, 422}
    assert answer.json["message"]


def test_search_answers_hits(client, mailbox):
    mailbox.keep(mailbox.email(1, messageText="a zebra crossed"), mailbox.email(2))

    answer = client.get(f"{ROOT}/records/email/search?q=zebra").json

    assert answer["total"] == 1
    assert answer["hits"][0]["record"]["sourceId"] == "m1"
    assert "zebra" in answer["hits"][0]["snippet"]


def test_the_quarantine_tells_reasons_but_not_content(client, mailbox, connection):
    mailbox.keep(failed=(Failed("m1", {"subject": "private words"}, "sentAt is missing"),))

    answer = client.get(f"{ROOT}/quarantine?connection={connection.id}")

    assert answer.json[0]["reason"] == "sentAt is missing"
    assert "private words" not in answer.text
    assert client.get(f"{ROOT}/quarantine?connection=google:other").json == []
