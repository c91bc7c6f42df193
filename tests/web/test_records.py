from __future__ import annotations

import pytest


@pytest.fixture
def full(mailbox):
    mailbox.keep(*(mailbox.email(number) for number in range(30)))
    return mailbox


def test_records_open_at_the_kind_that_there_is_most_of(client, full):
    assert client.get("/records/").location == "/records/email"


def test_the_latest_come_first_in_pages(client, full):
    first = client.get("/records/email").text
    second = client.get("/records/email?page=2").text

    assert "30 records" in first
    assert first.index("Subject 29") < first.index("Subject 28")
    assert "Subject 4" in second
    assert "Subject 29" not in second
    assert 'rel="next"' in first
    assert 'rel="prev"' in second
    assert 'rel="next"' not in second


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999", "²", ""])
def test_a_page_number_that_makes_no_sense_is_harmless(client, full, page):
    assert client.get(f"/records/email?page={page}").status_code == 200


def test_a_page_after_the_last_leads_to_the_last(client, full):
    assert client.get("/records/email?page=7").location == "/records/email?page=2"


def test_search_finds_words_of_the_text(client, full):
    page = client.get("/records/email?q=message+17").text

    assert "1 record with" in page
    assert "Subject 17" in page


@pytest.mark.parametrize("text", ['"', "AND", "a OR", "NEAR(", "*", "^x", "col:x", "é'--", "<b>"])
def test_no_search_text_fails(client, full, text):
    answer = client.get("/records/email", query_string={"q": text})

    assert answer.status_code == 200
    assert "<b>" not in answer.text


def test_nothing_found_says_so(client, full):
    assert "Nothing was found" in client.get("/records/email?q=zebra").text


def test_a_records_page_shows_its_text(client, mailbox):
    record = mailbox.email(
        1,
        to=[{"name": "Bob", "email": "bob@example.org"}, {"email": "c@example.org"}],
        cc=[{"email": "d@example.org"}],
        labels=["INBOX"],
        attachments=[
            {"id": "1", "filename": "a.pdf", "textContent": "the text inside", "size": 2048},
            {"id": "2", "filename": "b.zip", "textContent": "", "note": "no text in archives"},
        ],
    )
    mailbox.keep(record)

    page = client.get(f"/records/email/{record['_id']}").text

    for words in ("Bob", "c@example.org", "d@example.org", "INBOX", "2 attachments", "2.0 KB",
                  "the text inside", "no text in archives", "Text of message 1"):  # fmt: skip
        assert words in page


def test_markup_in_a_message_is_never_live(client, mailbox):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    record = mailbox.email(
        1,
        name=evil,
        fromName=evil,
        messageText=evil,
        messageHTML=f"<p>HTMLPART</p>{evil}",
        labels=[evil],
        attachments=[{"id": "1", "filename": evil, "textContent": evil}],
    )
    mailbox.keep(record)

    for path in ("/records/email", f"/records/email/{record['_id']}", "/records/email?q=alert"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "HTMLPART" not in page


def test_a_message_with_nothing_in_it_has_a_page(client, mailbox):
    record = mailbox.email(1, name="", fromName="", fromEmail="", toEmail="", messageText="")
    mailbox.keep(record)

    assert "(no subject)" in client.get("/records/email").text
    page = client.get(f"/records/email/{record['_id']}").text
    assert "(no subject)" in page
    assert "This message has no text" in page


def test_records_of_others_schemas_and_unknown_ones_are_404(client, full):
    for path in ("/records/nothing", "/records/email/google:1:none", "/records/nothing/x"):
        assert client.get(path).status_code == 404
