from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.google.gmail_message import NO_SUBJECT, email_fields, relabelled
from connectors.google.gmail_parts import Content, attachments, bodies_elsewhere, body_text

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ME = "me@example.org"


def data(text: str) -> dict[str, Any]:
    raw = text.encode()
    return {"size": len(raw), "data": base64.urlsafe_b64encode(raw).decode()}


def leaf(kind: str, text: str, part_id: str = "0", **headers: str) -> dict[str, Any]:
    return {
        "partId": part_id,
        "mimeType": kind,
        "filename": "",
        "headers": [{"name": k.replace("_", "-"), "value": v} for k, v in headers.items()],
        "body": data(text),
    }


def stored(kind: str, filename: str, part_id: str, size: int = 10) -> dict[str, Any]:
    body = {"attachmentId": f"ANGjd{part_id}", "size": size}
    return {"partId": part_id, "mimeType": kind, "filename": filename, "headers": [], "body": body}


def tree(kind: str, *parts: dict[str, Any], part_id: str = "") -> dict[str, Any]:
    return {
        "partId": part_id,
        "mimeType": kind,
        "filename": "",
        "headers": [],
        "body": {"size": 0},
        "parts": list(parts),
    }


def message(payload: dict[str, Any], **values: Any) -> dict[str, Any]:
    headers = values.pop("headers", {})
    payload["headers"] = payload["headers"] + [{"name": k, "value": v} for k, v in headers.items()]
    return {
        "id": "18c0ffee18c0ffee",
        "threadId": "18c0ffee18c0fff0",
        "labelIds": ["INBOX"],
        "snippet": "Hello",
        "historyId": "7",
        "internalDate": "1700000000000",
        "payload": payload,
        **values,
    }


def fields(found: dict[str, Any], texts: dict[str, Content] | None = None) -> dict[str, Any]:
    return email_fields(found, texts or {}, account=ME, now=NOW)


HEADERS = {
    "From": "Bob <bob@example.org>",
    "To": ME,
    "Subject": "Hi",
    "Date": "Tue, 14 Nov 2023 10:00:00 +0100",
}


def test_a_plain_message_has_all_the_schema_asks_for() -> None:
    got = fields(message(leaf("text/plain", "Hello there\r\n"), headers=HEADERS))
    assert got["name"] == "Hi"
    assert got["messageText"] == "Hello there"
    assert (got["fromName"], got["fromEmail"], got["toEmail"]) == ("Bob", "bob@example.org", ME)
    assert got["type"] == "receive"
    assert got["sentAt"] == "2023-11-14T09:00:00.000Z"
    assert got["insertedAt" if "insertedAt" in got else "inserted_at"] == "2023-11-14T22:13:20.000Z"
    assert (
        got["uri"]
        == "https://mail.google.com/mail/u/?authuser=me%40example.org#all/18c0ffee18c0ffee"
    )
    assert got["messageHTML"] is None
    assert got["attachments"] is None


def test_of_alternatives_text_is_the_plain_one_and_html_the_other() -> None:
    payload = tree(
        "multipart/alternative", leaf("text/plain", "plain"), leaf("text/html", "<p>rich</p>", "1")
    )
    got = fields(message(payload))
    assert (got["messageText"], got["messageHTML"]) == ("plain", "<p>rich</p>")


def test_text_is_made_from_html_where_the_plain_alternative_is_blank() -> None:
    payload = tree(
        "multipart/alternative", leaf("text/plain", " \n"), leaf("text/html", "<p>rich</p>", "1")
    )
    assert fields(message(payload))["messageText"] == "rich"


def test_text_is_found_inside_of_related_and_mixed() -> None:
    inner = tree(
        "multipart/related",
        leaf("text/html", "<b>bold</b>", "0.0"),
        stored("image/png", "logo.png", "0.1"),
        part_id="0",
    )
    payload = tree("multipart/mixed", inner, leaf("text/plain", "footer", "1"))
    got = fields(message(payload))
    assert got["messageText"] == "bold\n\nfooter"
    assert got["messageHTML"] == "<b>bold</b>"
    assert [a["filename"] for a in got["attachments"]] == ["logo.png"]


def test_bodies_are_utf8_whatever_their_type_says() -> None:
    payload = leaf("text/plain", "Grüße", Content_Type="text/plain; charset=iso-8859-1")
    assert fields(message(payload))["messageText"] == "Grüße"


def test_an_attached_message_is_an_attachment_with_its_text() -> None:
    nested = tree("message/rfc822", leaf("text/plain", "inner words", "1.0"), part_id="1")
    payload = tree("multipart/mixed", leaf("text/plain", "outer"), nested)
    got = fields(message(payload))
    assert got["messageText"] == "outer"
    assert got["attachments"][0]["filename"] == "message.eml"
    assert got["attachments"][0]["textContent"] == "inner words"


def test_an_attachment_is_known_by_its_part_and_says_why_it_has_no_text() -> None:
    payload = tree(
        "multipart/mixed", stored("application/pdf", "a.pdf", "0"), stored("video/mp4", "", "1")
    )
    texts = {"0": Content("pdf words"), "1": Content("", "unsupported type")}
    first, second = fields(message(payload), texts)["attachments"]
    assert first == {
        "id": "0", "filename": "a.pdf", "textContent": "pdf words", "size": 10,
        "mediaType": "application/pdf",
    }  # fmt: skip
    assert (second["filename"], second["note"]) == ("attachment-1.mp4", "unsupported type")


def test_a_named_text_is_an_attachment_but_not_where_it_is_the_whole_message() -> None:
    named = stored("text/plain", "notes.txt", "0")
    assert [a.filename for a in attachments(tree("multipart/mixed", named))] == ["notes.txt"]
    root = stored("text/plain", "mail.txt", "")
    assert attachments(root) == []
    assert bodies_elsewhere(root) == [root]
    assert fields(message(root), {"root": Content("fetched")})["messageText"] == "fetched"


def test_a_fetched_body_falls_back_to_the_charset_it_names() -> None:
    part = leaf("text/plain", "", Content_Type="text/plain; charset=iso-8859-2")
    assert body_text("zażółć".encode(), part) == "zażółć"
    assert body_text("zażółć".encode("iso-8859-2"), part) == "zażółć"
    assert body_text(b"\xff\xfe", leaf("text/plain", "", Content_Type="text/plain; charset=no"))


def test_sent_by_the_account_or_labelled_so_is_send() -> None:
    own = message(leaf("text/plain", ""), headers={"From": "Me <ME@Example.org>"})
    alias = message(leaf("text/plain", ""), headers={"From": "other@x"}, labelIds=["SENT"])
    assert fields(own)["type"] == "send"
    assert fields(alias)["type"] == "send"


def test_a_message_without_anything_is_still_a_record() -> None:
    bare = {"id": "1", "payload": {"mimeType": "text/plain", "body": {"size": 0}}}
    got = fields(bare)
    assert got["name"] == NO_SUBJECT
    assert (got["fromEmail"], got["toEmail"], got["messageText"]) == ("", "", "")
    assert got["sentAt"] == got["inserted_at"] == "2026-11-23T00:00:00.000Z"


@pytest.mark.parametrize(
    ("date", "internal", "sent", "inserted"),
    [
        ("Mon, 1 Jan 1996 00:00:00 GMT", "820454400000", "1996-01-01", "1996-01-01"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "1700000000000", "2023-11-14", "2023-11-14"),
        ("Thu, 1 Jan 1970 00:00:00 GMT", "1700000000000", "2023-11-14", "2023-11-14"),
        ("Tue, 14 Nov 2023 10:00:00 -0000", "-5", "2023-11-14", "2023-11-14"),
        ("Tue, 14 Nov 2023 10:00:00 +9999", "1700000000000", "2023-11-14", "2023-11-14"),
        ("sometime", "99999999999999999999", "2026-11-23", "2026-11-23"),
        ("", "x", "2026-11-23", "2026-11-23"),
    ],
)
def test_dates_that_cannot_be_are_not_believed(
    date: str, internal: str, sent: str, inserted: str
) -> None:
    got = fields(message(leaf("text/plain", ""), headers={"Date": date}, internalDate=internal))
    assert (got["sentAt"][:10], got["inserted_at"][:10]) == (sent, inserted)


@pytest.mark.parametrize("name", ["Cc", "Bcc", "Delivered-To", "X-Original-To"])
def test_the_recipient_is_taken_from_where_there_is_one(name: str) -> None:
    found = message(leaf("text/plain", ""), headers={"To": "group:;", name: "Al <al@x>"})
    assert (fields(found)["toName"], fields(found)["toEmail"]) == ("Al", "al@x")


def test_the_summary_is_plain_and_short() -> None:
    found = message(leaf("text/plain", ""), snippet="It&#39;s &lt;b&gt; " + "x" * 300)
    summary = fields(found)["summary"]
    assert summary.startswith("It's <b> x")
    assert len(summary) == 256


def test_a_very_deep_tree_is_cut_off_rather_than_followed() -> None:
    part = leaf("text/plain", "deep")
    for _ in range(300):
        part = tree("multipart/mixed", part)
    assert fields(message(part))["messageText"] == ""


def test_relabelling_keeps_all_but_the_labels() -> None:
    source = message(leaf("text/plain", "x"))
    record = {"sourceData": source, "labels": ["INBOX"], "type": "receive", "fromEmail": "a@x"}
    minimal = {"id": source["id"], "historyId": "9", "labelIds": ["SENT"]}
    changed = relabelled(record, minimal, ME)
    assert (changed["labels"], changed["type"]) == (["SENT"], "send")
    assert changed["sourceData"]["payload"] == source["payload"]
    assert changed["sourceData"]["historyId"] == "9"
    bare = relabelled(record, {"id": source["id"], "historyId": "9"}, ME)
    assert bare["labels"] == []
    assert "labelIds" not in bare["sourceData"]
    assert record["labels"] == ["INBOX"]
