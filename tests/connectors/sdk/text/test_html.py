"""html_to_text: what a person would read, whatever the HTML looks like."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.text import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>wor</b>ld</p><p>two<br>three</p>", "Hello world\n\ntwo\nthree"),
        ("a <b> b</b>  c<i>d </i>\n e", "a b cd e"),
        ("<div>one</div><div>two</div>three", "one\ntwo\nthree"),
        ("<h1>Title</h1>body", "Title\n\nbody"),
        ("Caf&eacute; &amp; &#128512;&nbsp;!", "Café & \U0001f600 !"),
        ("<pre>a  b\n  c</pre>d", "a  b\n  c\n\nd"),
    ],
)
def test_blocks_become_lines_and_spaces_collapse(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<head><title>t</title><style>x{}</style></head><body>b</body>", "b"),
        ("a<script>var b = '<p>';</script>c", "ac"),
        ("a<style>p{}</style><template>q</template><svg><text>s</text></svg>b", "ab"),
        ("a<!-- c -->b", "ab"),
        ("<noscript>shown</noscript>", "shown"),
    ],
)
def test_what_is_not_shown_is_left_out(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://x.org/a">here</a>.', "here (https://x.org/a)."),
        ('<a href="https://www.x.org/">X.org</a>', "X.org"),
        ('<a href="mailto:a@x.org">a@x.org</a>', "a@x.org"),
        ('<a href="javascript:x()">j</a> <a href="#top">t</a> <a>u</a>', "j t u"),
        ('<a href="https://x.org/"><img alt="Logo" src="l.png"></a>', "Logo (https://x.org/)"),
        ('a<a href="https://x.org/pixel"><img src="p.png"></a>b', "ab"),
    ],
)
def test_links_stay_readable(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_lists_are_marked_and_numbered() -> None:
    html = "<ul><li>a<li>b<ol start=3><li>x<li>y</ol></ul>after<ol><li><p>one</p></ol>"
    assert html_to_text(html) == "- a\n- b\n  3. x\n  4. y\n\nafter\n\n1. one"


def test_table_rows_become_lines() -> None:
    html = "<table><tr><th>a<th>b</tr><tr><td>c</td> <td></td><td>d</td></tr></table>end"
    assert html_to_text(html) == "a\tb\nc\t\td\n\nend"


def test_the_padding_of_previews_disappears_and_joiners_in_words_stay() -> None:
    assert html_to_text("Sale" + "&#847;&zwnj;&nbsp;" * 50 + "now") == "Sale now"
    assert html_to_text("नमस्\u200dते") == "नमस्\u200dते"


@pytest.mark.parametrize(
    "html",
    [
        "",
        " ",
        "<",
        "\0",
        "<p",
        "&",
        "</p>",
        "<!",
        "<![CDATA[",
        "<?xml",
        '<a href="',
        "<ol start=9x>",
    ],
)
def test_broken_scraps_are_survived(html: str) -> None:
    assert isinstance(html_to_text(html), str)


@pytest.mark.parametrize(
    "html",
    [
        '<?xml version="1.0" encoding="utf-16"?><p>é</p>',
        '<meta charset="utf-16"><p>é</p>',
        '<meta http-equiv="Content-Type" content="text/html; charset=shift_jis"><p>é</p>',
    ],
)
def test_an_encoding_that_the_document_names_no_longer_counts(html: str) -> None:
    assert html_to_text(html) == "é"


def test_what_cannot_be_stored_is_dropped() -> None:
    text = html_to_text("a\0b\ud800c\x07d\r\ne&#0;f")
    assert "\0" not in text
    text.encode()


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000 + "deep",
        "<ul><li>" * 5_000 + "deep",
        "<table><tr><td>" * 20_000 + "deep",
        "<a href='https://x.org/'>t" * 30_000 + "deep",
        "<b><i>x" * 20_000 + "deep",
        " \u200c" * 200_000 + "deep",
        "<pre>" + "\n " * 200_000 + "deep",
        "deep" + "&" * 200_000 + "<" * 200_000,
    ],
)
def test_endless_nesting_and_repetition_take_no_long_time(html: str) -> None:
    start = time.monotonic()
    assert "deep" in html_to_text(html)
    assert time.monotonic() - start < 5


TAGS = st.sampled_from(
    [
        "p",
        "div",
        "table",
        "tr",
        "td",
        "ul",
        "ol",
        "li",
        "a",
        "pre",
        "script",
        "style",
        "head",
        "body",
        "br",
        "img",
        "b",
        "svg",
        "title",
        "select",
    ]
)
PIECES = st.one_of(
    TAGS.map(lambda tag: f"<{tag}>"),
    TAGS.map(lambda tag: f"</{tag}>"),
    st.text(max_size=8),
    st.sampled_from(["<!--", "-->", "<a href='https://x.org'>", "&amp", "&#xd800;", "<", "\0"]),
)


@given(st.lists(PIECES, max_size=60).map("".join) | st.text())
def test_any_text_is_read(html: str) -> None:
    text = html_to_text(html)
    assert text == text.strip()
    assert "\n\n\n" not in text
    assert "\0" not in text
    text.encode()
