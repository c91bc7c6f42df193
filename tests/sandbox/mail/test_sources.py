"""Mailboxes from files, and what synthetic mail has to offer."""

from __future__ import annotations

import io
from collections import Counter

import docx
import pypdf
import pytest

from sandbox.mail import attachments
from sandbox.mail.mime import parse
from sandbox.mail.source import FileSource
from sandbox.mail.synthetic import SyntheticSource
from sandbox.options import SandboxOptions
from sandbox.world import World

OWNER = "ada.lovelace@example.com"
FALLBACK = 1_600_000_000_000


@pytest.fixture(scope="module")
def synthetic() -> SyntheticSource:
    return SyntheticSource(1, 0, 1500, OWNER, "Ada Lovelace", 1_790_000_000_000)


def test_a_folder_is_searched_recursively(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "a.eml").write_bytes(
        b"From: x@example.com\nDate: Mon, 1 Jan 2001 00:00:00 +0000\n\n1"
    )
    (tmp_path / "deep" / "er" / "b.eml").write_bytes(f"From: A <{OWNER.upper()}>\n\n2".encode())
    (tmp_path / "deep" / "notes.txt").write_text("no mail")
    source = FileSource(tmp_path, OWNER, FALLBACK)
    first, second = source.outlines()
    assert (first.date, second.date) == (978_307_200_000, FALLBACK)
    assert "INBOX" in first.labels
    assert second.labels == ("SENT",)
    assert source.raw(first.ref).endswith(b"\r\n\r\n1")
    assert first.id != second.id


def test_an_mbox_is_taken_apart(tmp_path):
    path = tmp_path / "mail.mbox"
    path.write_bytes(
        b"From a@example.com Mon Jan  1 00:00:00 2001\nSubject: one\n\n>From here on\n\n"
        b"From b@example.com Mon Jan  1 00:00:00 2001\nSubject: two\n\nFrom the middle\n\n"
    )
    source = FileSource(path, OWNER, FALLBACK)
    raws = [source.raw(outline.ref) for outline in source.outlines()]
    assert [parse(raw).header("subject") for raw in raws] == ["one", "two"]
    assert b"\r\nFrom here on" in raws[0]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("nonsense", FALLBACK),
        ("Fri, 01 Jan 1500 00:00:00 +0000", 0),
        ("Wed, 31 Dec 1969 00:00:00 +0000", 0),
        ("Thu, 32 Foo 2099 99:99:99 +9999", FALLBACK),
        ("1 Jan 1985 00:00", 473_385_600_000),
    ],
)
def test_absurd_dates(tmp_path, date, expected):
    (tmp_path / "a.eml").write_text(f"Date: {date}\n\nx")
    [outline] = FileSource(tmp_path, OWNER, FALLBACK).outlines()
    assert outline.date == expected


def test_the_world_serves_files_to_the_first_account_and_takes_new_mail(tmp_path):
    (tmp_path / "a.eml").write_bytes(b"Subject: from a file of mine\n\nx")
    world = World(SandboxOptions(mail=tmp_path, accounts=2, messages=3))
    assert [len(world.mailbox(n).ids()) for n in (0, 1)] == [1, 3]
    assert "from a file of mine" in world.canaries()
    [added] = world.mailbox().add()
    assert world.mailbox().ids()[0] == added
    assert parse(world.mailbox().get(added).load()).headers


def test_a_missing_path_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        World(SandboxOptions(mail=tmp_path / "absent"))


def test_synthetic_mail_has_every_shape(synthetic):
    roots = [parse(synthetic.raw(index)) for index in range(synthetic.count)]
    kinds = Counter(part.mime_type for root in roots for part in root.walk())
    assert {
        "multipart/alternative",
        "multipart/related",
        "multipart/mixed",
        "message/rfc822",
        "text/html",
        "text/calendar",
        "text/csv",
        "application/pdf",
        "image/png",
    } <= kinds.keys()
    charsets = {part.charset for root in roots for part in root.walk()}
    assert {"iso-8859-1", "windows-1251", "iso-2022-jp", "shift_jis", "gb2312"} <= charsets
    for name in ("From", "To", "Date", "Subject", "Message-ID"):
        assert any(root.header(name) is None for root in roots), name
    assert any(root.header("Subject") == "" for root in roots)
    assert any((root.header("To") or "").startswith("Team:") for root in roots)
    assert any(root.header("To") == OWNER for root in roots)
    assert any((root.header("To") or "").count("@") > 50 for root in roots)
    assert any(root.mime_type == "text/plain" and not root.content for root in roots)
    assert any(root.mime_type == "text/html" for root in roots)


def test_synthetic_outlines_have_sent_old_and_threaded_mail(synthetic):
    outlines = list(synthetic.outlines())
    assert 100 < sum("SENT" in outline.labels for outline in outlines) < 350
    assert any(outline.date < 1_300_000_000_000 for outline in outlines)
    assert len({outline.thread_id for outline in outlines}) < len(outlines)
    assert len({outline.id for outline in outlines}) == len(outlines)
    assert max(outline.date for outline in outlines) <= synthetic.newest


def test_canaries_are_said_by_their_message_alone(synthetic):
    texts = [synthetic.raw(index) for index in range(200)]
    for index in range(200):
        word = synthetic.word(index, "body").encode()
        assert all(word not in raw for other, raw in enumerate(texts) if other != index)
    found = sum(bool(synthetic.canaries(index)) for index in range(200))
    assert found > 190


def test_attachments_can_be_read_by_their_readers():
    pages = pypdf.PdfReader(io.BytesIO(attachments.pdf(["first (line)", "second"]))).pages
    assert "first (line)" in pages[0].extract_text()
    document = docx.Document(io.BytesIO(attachments.docx(["one < two", "three"])))
    assert [paragraph.text for paragraph in document.paragraphs] == ["one < two", "three"]


@pytest.mark.parametrize("name", [".", "notes.txt"])
def test_what_holds_no_mail_is_refused(tmp_path, name):
    (tmp_path / "notes.txt").write_text("no mail")
    with pytest.raises(ValueError, match="there is no mail"):
        FileSource(tmp_path / name, "owner@example.com", 0)
