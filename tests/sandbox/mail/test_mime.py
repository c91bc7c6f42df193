"""Reading awkward messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.mail.headers import decode_words, read_params
from sandbox.mail.mime import parse, snippet


def message(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


def tree(raw: bytes) -> list[tuple[str, str, str]]:
    return [(part.part_id, part.mime_type, part.filename) for part in parse(raw).walk()]


def test_a_message_without_headers_is_text():
    root = parse(b"\r\njust text")
    assert (root.mime_type, root.headers, root.content) == ("text/plain", [], b"just text")


def test_a_message_without_a_body_is_empty():
    root = parse(b"Subject: alone")
    assert (root.header("subject"), root.content) == ("alone", b"")


def test_values_are_unfolded_and_decoded_in_their_order():
    root = parse(
        message(
            "Received: one",
            "Received: two",
            "\tthree",
            "SUBJECT: =?utf-8?B?w4Q=?=",
            " =?utf-8?Q?=C3=84_?= and =?iso-8859-1?q?=E9?=",
            "",
            "x",
        )
    )
    assert root.headers == [
        ("Received", "one"),
        ("Received", "two\tthree"),
        ("SUBJECT", "ÄÄ  and é"),
    ]


def test_a_character_cut_between_encoded_words_is_whole_again():
    assert decode_words("=?utf-8?B?4oI=?= =?utf-8?B?rA==?=") == "€"


@pytest.mark.parametrize(
    "value", ["=?utf-8?B?!!!?=", "=?nonsense?Q?caf=E9?=", "=?utf-8?Q?=ZZ?=", "=?x", "=?utf-8?B??="]
)
def test_broken_encoded_words_do_no_harm(value):
    assert isinstance(decode_words(value), str)


@pytest.mark.parametrize(
    ("raw", "text"),
    [("Grüße".encode(), "Grüße"), ("Grüße".encode("latin-1"), "Grüße"), (b"\x81", "\x81")],
)
def test_eight_bit_headers_are_text(raw, text):
    assert parse(b"Subject: " + raw + b"\r\n\r\n").header("subject") == text


def test_a_line_that_is_no_field_ends_the_header():
    root = parse(message("Subject: x", " folded", "this is the body already", "", "more"))
    assert root.header("subject") == "x folded"
    assert root.content == b"this is the body already\r\n\r\nmore"


@pytest.mark.parametrize("charset", ["nonsense", "hex", "x\0y", "", "utf-8"])
def test_a_bad_charset_still_gives_text(charset):
    raw = f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + "é".encode("latin-1")
    assert parse(raw).text() == "é"


def test_a_nested_message_is_a_child_and_a_file():
    raw = message(
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "preamble",
        "--b",
        "",
        "first",
        "--b",
        "Content-Type: message/rfc822",
        "",
        "Subject: inner",
        "Content-Type: multipart/alternative; boundary=bb",
        "",
        "--bb",
        "",
        "one",
        "--bb",
        "Content-Type: text/html",
        "",
        "<p>two",
        "--bb--",
        "--b--",
        "epilogue",
    )
    assert tree(raw) == [
        ("", "multipart/mixed", ""),
        ("0", "text/plain", ""),
        ("1", "message/rfc822", ""),
        ("1.0", "multipart/alternative", ""),
        ("1.0.0", "text/plain", ""),
        ("1.0.1", "text/html", ""),
    ]
    assert parse(raw).parts[1].parts[0].header("Subject") == "inner"
    assert [part.content for part in parse(raw).walk()][-2:] == [b"one", b"<p>two"]


def test_the_last_boundary_may_be_missing():
    raw = message("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "one", "--b", "", "2")
    assert [part.content for part in parse(raw).parts] == [b"one", b"2"]


@pytest.mark.parametrize("kind", ["multipart/mixed", "multipart/mixed; boundary=absent"])
def test_a_multipart_without_parts_shows_what_it_has(kind):
    root = parse(message(f"Content-Type: {kind}", "", "some text"))
    assert (root.mime_type, root.content, root.parts) == ("text/plain", b"some text", [])


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=plain.txt", "plain.txt"),
        ('attachment; filename="with \\"quotes\\".txt"', 'with "quotes".txt'),
        ("attachment; filename*=UTF-8''%C3%A9t%C3%A9.pdf", "été.pdf"),
        ("attachment; filename*0*=UTF-8''%C3%A9; filename*1=t.pdf", "ét.pdf"),
        ('attachment; filename="=?utf-8?Q?=C3=A9t=C3=A9.pdf?="', "été.pdf"),
        ("attachment; filename=", ""),
    ],
)
def test_names_of_parts(disposition, name):
    raw = message("Content-Type: text/plain", f"Content-Disposition: {disposition}", "", "x")
    root = parse(raw)
    assert root.filename == name
    assert root.inline_text == (not name)


def test_groups_keep_their_words():
    raw = message("To: Team: a@example.com, B <b@example.com>;, undisclosed-recipients:;", "", "")
    assert parse(raw).header("to") == (
        "Team: a@example.com, B <b@example.com>;, undisclosed-recipients:;"
    )


@pytest.mark.parametrize(
    ("encoding", "body", "content"),
    [
        ("base64", "aGVs\r\nbG8", b"hello"),
        ("BASE64", "aGVs!bG8=x", b"hello"),
        ("quoted-printable", "a=3Db=\r\nc", b"a=bc"),
        ("x-uuencode", "begin 644 f\r\n%:&5L;&\\\r\n`\r\nend", b"hello"),
        ("unheard-of", "as it is", b"as it is"),
    ],
)
def test_transfer_encodings_are_undone(encoding, body, content):
    raw = message(f"Content-Transfer-Encoding: {encoding}", "", body)
    assert parse(raw).content == content


def test_a_snippet_is_escaped_text():
    assert snippet(parse(message("", "a < b & 'c'", "  d"))) == "a &lt; b &amp; &#39;c&#39; d"
    page = message("Content-Type: text/html", "", "<style>x</style><p>a&nbsp;&lt;b</p>")
    assert snippet(parse(page)) == "a &lt;b"
    assert snippet(parse(message("Content-Type: image/png", "", "x"))) == ""


def test_deep_nesting_ends():
    raw = b"".join(b"Content-Type: message/rfc822\r\n\r\n" for _ in range(500))
    assert len(list(parse(raw).walk())) < 50


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"Content-Type: multipart/mixed; boundary=b\n"])
)
def test_no_bytes_make_reading_fail(data, head):
    root = parse(head + data)
    assert [part.text() for part in root.walk()]
    snippet(root)


@given(st.text(max_size=80))
def test_no_parameters_make_reading_fail(value):
    read_params(value)
