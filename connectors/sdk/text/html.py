"""Plain text from HTML, for mails that come in nothing else.

The parser (lxml over libxml2) calls back for each tag as it reads: no tree is built, nothing
recurses, and a mail of a megabyte takes a fraction of a second.

https://lxml.de/parsing.html#the-target-parser-interface
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.sdk.text._clean import clean

_SKIPPED = frozenset({"script", "style", "title", "template", "svg"})
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "dl", "table", "hr"}
)
_LINES = frozenset(
    {
        "address", "article", "aside", "body", "caption", "center", "dd", "div", "dt", "fieldset",
        "figcaption", "figure", "footer", "form", "header", "html", "legend", "li", "main", "nav",
        "option", "section", "select", "summary", "tbody", "tfoot", "thead", "tr",
    }
)  # fmt: skip
_CELLS = frozenset({"td", "th"})
_SPACES = re.compile(r"\s+")
# Padding of mail previews: characters without width, which joiners are only next to a space.
_INVISIBLE = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]|(?<=\\s)[\u200c\u200d]+|[\u200c\u200d]+(?=\\s)")  # fmt: skip
_NUMBER = re.compile("[0-9]{1,9}")
_LINK = re.compile(r"(?:https?|mailto|tel|ftp):", re.IGNORECASE)
_SCHEME = re.compile(r"(?:https?://(?:www\.)?|mailto:|tel:|ftp://)", re.IGNORECASE)


def html_to_text(html: str) -> str:
    """Return the text a person would read, however broken the HTML is.

    Blocks and table rows become lines, cells are set apart by tabs, list items begin with "- " or
    their number, a link is followed by its URL in brackets unless its text says the same, an image
    gives its alternative text. Head, scripts and styles are left out.
    """
    # Heavy, and not every process meets HTML.
    from lxml import etree

    target = _Target()
    # An encoding of our own, because the document may name one that a str no longer has.
    parser = etree.HTMLParser(
        target=target,  # type: ignore[arg-type]  # the stubs let the parser pass bytes; it does not
        encoding="utf-8",
        no_network=True,
    )
    try:
        parser.feed(html.replace("\0", "").encode("utf-8", "replace"))
        parser.close()
    except etree.XMLSyntaxError:
        # Nothing in it, or nothing that could be read any further: what came before counts.
        pass
    return target.text()


class _Target:
    """Writes text as the parser comes by."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._unread: list[str] = []
        self._skipping: list[str] = []
        self._line_has_text = False
        self._space = False
        self._pre = 0
        self._lists: list[int | None] = []
        self._link: tuple[str, int] | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._write_unread()
        if self._skipping or tag in _SKIPPED:
            self._skipping.append(tag)
        elif tag == "br":
            self._newline()
        elif tag == "img":
            self._write(attributes.get("alt") or "")
        elif tag in _CELLS:
            self._cell()
        elif tag == "a":
            self._link = (attributes.get("href") or "").strip(), len(self._pieces)
        elif tag in _PARAGRAPHS or tag in _LINES:
            self._block(tag)
            self._begin(tag, attributes)

    def end(self, tag: str) -> None:
        self._write_unread()
        if self._skipping:
            self._skipping.pop()
        elif tag == "a":
            self._end_link()
        elif tag in _PARAGRAPHS or tag in _LINES:
            self._pre -= tag == "pre"
            if tag in {"ul", "ol"} and self._lists:
                self._lists.pop()
            self._block(tag)

    def data(self, data: str) -> None:
        if not self._skipping:
            # Each entity comes by itself, and spaces are judged together.
            self._unread.append(data)

    def _write_unread(self) -> None:
        if self._unread:
            self._write("".join(self._unread))
            self._unread.clear()

    def _write(self, data: str) -> None:
        if self._pre:
            self._pieces.append(data)
            self._line_has_text = not data.endswith("\n")
            return
        text = _SPACES.sub(" ", _INVISIBLE.sub("", data))
        if self._line_has_text and (self._space or text.startswith(" ")) and text.strip():
            self._pieces.append(" ")
        stripped = text.strip()
        if stripped:
            self._pieces.append(stripped)
            self._line_has_text = True
            self._space = text.endswith(" ")
        elif text:
            self._space = True

    def close(self) -> None:
        """The parser wants to be told that the end was noticed."""

    def text(self) -> str:
        """Return all that was written."""
        self._write_unread()
        return clean("".join(self._pieces))

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "pre":
            self._pre += 1
        elif tag == "ul":
            self._lists.append(None)
        elif tag == "ol":
            start = attributes.get("start") or "1"
            self._lists.append(int(start) if _NUMBER.fullmatch(start) else 1)
        elif tag == "li":
            self._mark()

    def _mark(self) -> None:
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        # A bound, because nesting costs the sender nothing.
        indent = "  " * min(len(self._lists) - 1, 8)
        self._pieces.append(indent + ("- " if number is None else f"{number}. "))

    def _newline(self) -> None:
        self._pieces.append("\n")
        self._line_has_text = self._space = False

    def _block(self, tag: str) -> None:
        """Begin a line; after a paragraph, or before it, a blank one."""
        if self._line_has_text:
            self._newline()
        # Inside a list every item would come with a blank line around it.
        if tag in _PARAGRAPHS and not self._lists:
            self._newline()

    def _cell(self) -> None:
        if self._line_has_text:
            self._pieces.append("\t")
            self._space = False

    def _end_link(self) -> None:
        if self._link is None:
            return
        url, first = self._link
        self._link = None
        text = "".join(self._pieces[first:]).strip()
        if text and _LINK.match(url) and _bare(url) != _bare(text):
            self._pieces.append(f" ({url})")
            self._line_has_text = True


def _bare(link: str) -> str:
    """A link without what people leave out when they write it."""
    return _SCHEME.sub("", link.strip(), count=1).rstrip("/").casefold()
