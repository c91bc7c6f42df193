"""messages.list, messages.get and attachments.get, asked by Google's own client."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy
from itertools import pairwise
from typing import Any

import pytest
import requests
from googleapiclient.errors import HttpError

READONLY = "https://www.googleapis.com/auth/gmail.readonly"
METADATA = "https://www.googleapis.com/auth/gmail.metadata"


def list_all(messages: Any, **params: Any) -> list[dict[str, Any]]:
    pages, request = [], messages.list(userId="me", **params)
    while request is not None:
        pages.append(request.execute())
        request = messages.list_next(request, pages[-1])
    return pages


def walk(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [part, *(found for child in part.get("parts", []) for found in walk(child))]


def test_paging_lists_every_message_once(start, client, check):
    sandbox = start(messages=107)
    pages = list_all(client(sandbox).users().messages(), maxResults=20)
    for page in pages:
        check("ListMessagesResponse", page)
    ids = [message["id"] for page in pages for message in page["messages"]]
    assert ids == sandbox.world.mailbox().ids()
    assert len(set(ids)) == 107
    assert all(len(ident) == 16 and int(ident, 16) for ident in ids)


def test_what_arrives_or_goes_between_pages_moves_no_other_message(start, client):
    sandbox = start(messages=30)
    messages, mailbox = client(sandbox).users().messages(), sandbox.world.mailbox()
    before = mailbox.ids()
    request = messages.list(userId="me", maxResults=10)
    first = request.execute()
    mailbox.add(3)
    mailbox.delete(before[9])
    second = messages.list_next(request, first).execute()
    assert [message["id"] for message in second["messages"]] == before[10:20]


def test_the_list_is_nearly_but_not_strictly_in_date_order(start):
    dates = [entry.date for entry in start(messages=300).world.mailbox().entries()]
    rising = sum(later > earlier for earlier, later in pairwise(dates))
    assert 0 < rising < 90


def test_an_empty_mailbox_lists_nothing(start, client, check):
    page = client(start(messages=0)).users().messages().list(userId="me").execute()
    check("ListMessagesResponse", page)
    assert page == {"resultSizeEstimate": 0}


def test_searching_by_time_and_label(start, client):
    sandbox = start(messages=80)
    messages, entries = client(sandbox).users().messages(), sandbox.world.mailbox().entries()
    middle = sorted(entry.date for entry in entries)[40] // 1000

    def found(**params: Any) -> set[str]:
        pages = list_all(messages, **params)
        return {message["id"] for page in pages for message in page.get("messages", [])}

    newer = {entry.id for entry in entries if entry.date >= middle * 1000}
    assert found(q=f"after:{middle}") == newer
    assert found(q=f"before:{middle}") == {entry.id for entry in entries} - newer
    assert found(q="after:2001/09/09 before:1000000001") == set()
    sent = {entry.id for entry in entries if "SENT" in entry.labels}
    assert found(labelIds=["SENT"]) == sent == found(q="in:sent")
    assert sent


def test_spam_and_trash_are_listed_only_when_asked_for(start, client):
    sandbox = start(messages=5)
    messages, mailbox = client(sandbox).users().messages(), sandbox.world.mailbox()
    gone = mailbox.ids()[2]
    mailbox.trash(gone)
    listed = messages.list(userId="me").execute()["messages"]
    everything = messages.list(userId="me", includeSpamTrash=True).execute()["messages"]
    trash = messages.list(userId="me", labelIds="TRASH").execute()["messages"]
    assert gone not in [message["id"] for message in listed]
    assert gone in [message["id"] for message in everything]
    assert [message["id"] for message in trash] == [gone]


@pytest.mark.parametrize("form", ["full", "minimal", "metadata", "raw"])
def test_every_format_satisfies_the_discovery_document(start, client, check, form):
    sandbox = start(messages=150)
    messages = client(sandbox).users().messages()
    for ident in sandbox.world.mailbox().ids():
        answer = messages.get(userId="me", id=ident, format=form).execute()
        check("Message", answer)
        assert answer["id"] == ident
        assert ("payload" in answer) == (form in ("full", "metadata"))
        assert ("raw" in answer) == (form == "raw")


def test_full_and_raw_say_the_same(start, client):
    """The standard library's parser is the judge of what a message holds."""
    sandbox = start(messages=150)
    messages = client(sandbox).users().messages()
    for ident in sandbox.world.mailbox().ids():
        raw = messages.get(userId="me", id=ident, format="raw").execute()["raw"]
        payload = messages.get(userId="me", id=ident).execute()["payload"]
        theirs = message_from_bytes(base64.urlsafe_b64decode(raw), policy=policy.compat32)
        ours = walk(payload)
        assert [p["mimeType"] for p in ours] == [p.get_content_type() for p in theirs.walk()]
        assert [h["name"] for h in payload["headers"]] == theirs.keys()
        for shown, part in zip(ours, theirs.walk(), strict=True):
            assert shown["filename"] == (part.get_filename() or "")
            if "data" in shown["body"]:
                content = part.get_payload(decode=True).decode(part.get_content_charset("utf-8"))
                assert base64.urlsafe_b64decode(shown["body"]["data"]).decode() == content


def test_attachments_come_by_an_id_that_changes(start, client, check):
    sandbox = start(messages=100)
    messages, seen = client(sandbox).users().messages(), set()
    for ident in sandbox.world.mailbox().ids():
        for first, second in zip(
            walk(messages.get(userId="me", id=ident).execute()["payload"]),
            walk(messages.get(userId="me", id=ident).execute()["payload"]),
            strict=True,
        ):
            named = bool(first["filename"]) or not first["mimeType"].startswith(
                ("text/", "multipart/")
            )
            assert ("attachmentId" in first["body"]) == named
            if not named:
                continue
            one, other = first["body"]["attachmentId"], second["body"]["attachmentId"]
            assert one != other
            bodies = [
                messages.attachments().get(userId="me", messageId=ident, id=which).execute()
                for which in (one, other)
            ]
            check("MessagePartBody", bodies[0])
            assert bodies[0] == bodies[1]
            assert len(base64.urlsafe_b64decode(bodies[0]["data"])) == first["body"]["size"]
            seen.add(first["mimeType"])
    assert {"text/csv", "application/pdf", "image/png", "message/rfc822"} <= seen


def test_an_attachment_id_of_another_message_is_refused(start, client):
    sandbox = start(messages=100)
    messages, ids = client(sandbox).users().messages(), sandbox.world.mailbox().ids()
    found = (
        (ident, part["body"]["attachmentId"])
        for ident in ids
        for part in walk(messages.get(userId="me", id=ident).execute()["payload"])
        if "attachmentId" in part["body"]
    )
    ident, attachment = next(found)
    other = next(which for which in ids if which != ident)
    with pytest.raises(HttpError) as caught:
        messages.attachments().get(userId="me", messageId=other, id=attachment).execute()
    assert caught.value.status_code == 400


def test_metadata_can_be_limited_to_some_headers(start, client):
    sandbox = start(messages=1)
    answer = (
        client(sandbox)
        .users()
        .messages()
        .get(
            userId="me",
            id=sandbox.world.mailbox().ids()[0],
            format="metadata",
            metadataHeaders=["from", "mime-version"],
        )
        .execute()
    )
    assert {header["name"] for header in answer["payload"]["headers"]} <= {"From", "MIME-Version"}


def test_a_missing_message_is_404_in_googles_form(start, client):
    with pytest.raises(HttpError) as caught:
        client(start()).users().messages().get(userId="me", id="1fffffffffffffff").execute()
    assert caught.value.status_code == 404
    assert caught.value.error_details == [
        {
            "message": "Requested entity was not found.",
            "domain": "global",
            "reason": "notFound",
        }
    ]


@pytest.mark.parametrize(
    ("scopes", "params", "status", "reason"),
    [
        (["openid"], {}, 403, "insufficientPermissions"),
        ([METADATA], {}, 403, "forbidden"),
        ([METADATA], {"format": "metadata"}, 200, None),
        ([READONLY], {}, 200, None),
    ],
)
def test_scopes_decide_what_may_be_read(start, client, scopes, params, status, reason):
    sandbox = start(messages=1)
    messages = client(sandbox, scopes=scopes).users().messages()
    request = messages.get(userId="me", id=sandbox.world.mailbox().ids()[0], **params)
    if status == 200:
        request.execute()
        return
    with pytest.raises(HttpError) as caught:
        request.execute()
    assert caught.value.status_code == status
    if reason == "forbidden":
        assert caught.value.error_details[0]["reason"] == reason
    else:
        assert caught.value.error_details[0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
        assert b'"insufficientPermissions"' in caught.value.content


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer ya29.unknown"}])
def test_a_missing_or_unknown_token_is_401_in_googles_form(start, headers):
    url = f"{start().url}/gmail/v1/users/me/profile"
    answer = requests.get(url, headers=headers, timeout=10)
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (401, "UNAUTHENTICATED")
    assert error["errors"] == [
        {
            "message": "Invalid Credentials",
            "domain": "global",
            "reason": "authError",
            "location": "Authorization",
            "locationType": "header",
        }
    ]


def test_another_users_mailbox_is_refused(start, client):
    sandbox = start(accounts=2, messages=3)
    users = client(sandbox).users()
    with pytest.raises(HttpError) as caught:
        users.getProfile(userId=sandbox.world.account(1).person.email).execute()
    assert caught.value.status_code == 403
    own = sandbox.world.account(0).person.email
    assert users.getProfile(userId=own).execute()["emailAddress"] == own


def test_profile_and_labels_satisfy_the_discovery_document(start, client, check):
    sandbox = start()
    users = client(sandbox).users()
    profile = users.getProfile(userId="me").execute()
    check("Profile", profile)
    assert profile["messagesTotal"] == 60
    labels = users.labels().list(userId="me").execute()
    check("ListLabelsResponse", labels)
    inbox = users.labels().get(userId="me", id="INBOX").execute()
    check("Label", inbox)
    assert 0 < inbox["messagesTotal"] < 60
    known = {label["id"] for label in labels["labels"]}
    assert all(known.issuperset(entry.labels) for entry in sandbox.world.mailbox().entries())


def test_what_is_not_played_is_refused_rather_than_ignored(start, client):
    messages = client(start()).users().messages()
    for params in ({"q": "from:someone"}, {"fields": "messages/id"}, {"pageToken": "x"}):
        with pytest.raises(HttpError) as caught:
            messages.list(userId="me", **params).execute()
        assert caught.value.status_code == 400
