"""history.list, asked by Google's own client."""

from __future__ import annotations

import pytest
from googleapiclient.errors import HttpError


def test_each_kind_of_change_is_told(start, client, check):
    sandbox = start(messages=10)
    users, mailbox = client(sandbox).users(), sandbox.world.mailbox()
    started = users.getProfile(userId="me").execute()["historyId"]
    ids = mailbox.ids()
    [added] = mailbox.add()
    mailbox.delete(ids[0])
    mailbox.relabel(ids[1], add=["Label_9"])
    mailbox.trash(added)
    answer = users.history().list(userId="me", startHistoryId=started).execute()
    check("ListHistoryResponse", answer)
    arrived, gone, labelled, trashed = answer["history"]
    assert arrived["messagesAdded"][0]["message"]["id"] == added
    assert gone["messagesDeleted"][0]["message"]["id"] == ids[0]
    assert labelled["labelsAdded"][0]["labelIds"] == ["Label_9"]
    assert trashed["labelsAdded"][0]["labelIds"] == ["TRASH"]
    numbers = [int(record["id"]) for record in answer["history"]]
    assert numbers == sorted(numbers)
    assert int(started) < numbers[0]
    assert answer["historyId"] == str(numbers[-1])


def test_an_unchanged_mailbox_has_no_history(start, client, check):
    users = client(start()).users()
    started = users.getProfile(userId="me").execute()["historyId"]
    answer = users.history().list(userId="me", startHistoryId=started).execute()
    check("ListHistoryResponse", answer)
    assert answer == {"historyId": started}


def test_paging_tells_every_change_once(start, client):
    sandbox = start(messages=0)
    history, mailbox = client(sandbox).users().history(), sandbox.world.mailbox()
    started = mailbox.history_id
    added = mailbox.add(25)
    request = history.list(userId="me", startHistoryId=str(started), maxResults=10)
    told, pages = [], 0
    while request is not None:
        page = request.execute()
        told += [record["messages"][0]["id"] for record in page["history"]]
        pages, request = pages + 1, history.list_next(request, page)
    assert told == added
    assert pages == 3


def test_types_and_label_narrow_the_history(start, client):
    sandbox = start(messages=5)
    history, mailbox = client(sandbox).users().history(), sandbox.world.mailbox()
    started = str(mailbox.history_id)
    mailbox.add()
    mailbox.relabel(mailbox.ids()[3], add=["Label_9"])

    def told(**params: object) -> int:
        answer = history.list(userId="me", startHistoryId=started, **params).execute()
        return len(answer.get("history", []))

    assert told() == 2
    assert told(historyTypes=["messageAdded"]) == 1
    assert told(historyTypes=["messageDeleted"]) == 0
    assert told(labelId="Label_9") == 1


def test_an_id_that_is_too_old_is_404(start, client):
    sandbox = start()
    users = client(sandbox).users()
    started = users.getProfile(userId="me").execute()["historyId"]
    sandbox.world.mailbox().expire_history()
    with pytest.raises(HttpError) as caught:
        users.history().list(userId="me", startHistoryId=started).execute()
    assert caught.value.status_code == 404
    assert caught.value.error_details[0]["reason"] == "notFound"
    fresh = users.getProfile(userId="me").execute()["historyId"]
    users.history().list(userId="me", startHistoryId=fresh).execute()


def test_a_message_changes_its_history_id_with_its_labels(start, client):
    sandbox = start(messages=2)
    messages, mailbox = client(sandbox).users().messages(), sandbox.world.mailbox()
    ident = mailbox.ids()[0]
    before = messages.get(userId="me", id=ident).execute()
    mailbox.relabel(ident, add=["Label_9"], remove=before["labelIds"][:1])
    after = messages.get(userId="me", id=ident, format="minimal").execute()
    assert after["labelIds"] == [*before["labelIds"][1:], "Label_9"]
    assert int(after["historyId"]) > int(before["historyId"])
