"""Text of Word, PowerPoint and Excel documents (Office Open XML, since Office 2007).

Word and PowerPoint are read straight from their XML: the packages that edit them build the whole
document in memory first. Excel needs its package, to tell dates from numbers.

https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

from __future__ import annotations

import io
import re
import time
import warnings
import zipfile
from collections.abc import Iterator, Mapping

from connectors.sdk.text._bounds import (
    MAX_PARTS,
    MAX_SECONDS,
    MAX_UNPACKED,
    EncryptedError,
    TooLargeError,
    UnsupportedError,
)

_CHUNK = 64 * 1024
_WORD_PARTS = re.compile(r"word/(?:header\d*|footer\d*|footnotes|endnotes|comments)\.xml")
_SLIDE_PARTS = re.compile(r"ppt/(slides/slide|notesSlides/notesSlide)(\d{1,9})\.xml")
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
# Sheets are read row by row, but the list of strings that they share is read whole.
_MAX_WHOLE = 20 * 1024 * 1024
_MAX_ROWS = 200_000


def office_text(data: bytes) -> Iterator[str]:
    """Yield the text of a document piece by piece.

    Raises:
        EncryptedError: a part is encrypted.
        TooLargeError: it unpacks to too much.
        UnsupportedError: it is a zip file of another kind.
        Exception: the document is damaged; any kind.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        _check(package)
        names = set(package.namelist())
        if "word/document.xml" in names:
            names.remove("word/document.xml")
            others = sorted(filter(_WORD_PARTS.fullmatch, names))
            yield from _parts(package, ["word/document.xml", *others])
        elif "ppt/presentation.xml" in names:
            slides = sorted(filter(_SLIDE_PARTS.fullmatch, names), key=_slide_order)
            yield from _parts(package, slides)
        elif "xl/workbook.xml" in names:
            yield from _sheets(package, data)
        else:
            raise UnsupportedError


def _check(package: zipfile.ZipFile) -> None:
    """Refuse what would unpack to too much: no more than the sizes stated is ever unpacked."""
    parts = package.infolist()
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise TooLargeError
    if any(part.flag_bits & 0x1 for part in parts):
        raise EncryptedError
    if any(part.compress_type not in _METHODS for part in parts):
        # The format has no others, and Python unpacks those without a bound.
        raise ValueError("a part is packed in a way that the format does not have")


def _slide_order(name: str) -> tuple[bool, int, str]:
    """Slides in the order they were made, then their notes."""
    match = _SLIDE_PARTS.fullmatch(name)
    return "notes" in name, int(match[2]) if match else 0, name


def _parts(package: zipfile.ZipFile, names: list[str]) -> Iterator[str]:
    deadline = time.monotonic() + MAX_SECONDS
    for name in names:
        yield from _paragraphs(package, name, deadline)
        yield "\n"


def _paragraphs(package: zipfile.ZipFile, name: str, deadline: float) -> Iterator[str]:
    """Yield the text of one part, chunk by chunk."""
    # Heavy, and few processes meet a document.
    from lxml import etree

    target = _Paragraphs()
    parser = etree.XMLParser(
        target=target,  # type: ignore[arg-type]  # the stubs let the parser pass bytes; it does not
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
    )
    with package.open(name) as part:
        while (chunk := part.read(_CHUNK)) and time.monotonic() < deadline:
            if _DOCTYPE.search(chunk):
                # The format forbids them; who writes one wants to blow up an entity.
                raise ValueError("a part declares a document type")
            parser.feed(chunk)
            yield target.take()


class _Paragraphs:
    """Writes text as the parser comes by. Word and PowerPoint call these things alike."""

    _BREAKS = {"br": "\n", "cr": "\n", "tab": "\t"}  # noqa: RUF012 - read only
    _ENDS = {"p": "\n", "tr": "\n", "tc": "\t"}  # noqa: RUF012 - read only

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._in_text = False
        self._in_run = 0
        self._in_cell = 0
        self._fallback = 0

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        name = tag.rpartition("}")[2]
        # A drawing's text comes twice, the second time for old programs.
        self._fallback += name == "Fallback"
        self._in_run += name == "r"
        self._in_cell += name == "tc"
        self._in_text = name == "t"
        # Outside a run, `tab` is a tab stop.
        if name in self._BREAKS and not self._fallback and (self._in_run or name == "br"):
            self._pieces.append(self._BREAKS[name])

    def end(self, tag: str) -> None:
        name = tag.rpartition("}")[2]
        self._fallback -= name == "Fallback"
        self._in_run -= name == "r"
        self._in_cell -= name == "tc"
        self._in_text = False
        if name in self._ENDS and not self._fallback:
            if name == "tc" and self._pieces and self._pieces[-1] == " ":
                self._pieces.pop()
            # A row stays a line, though each of its cells holds paragraphs.
            self._pieces.append(" " if name == "p" and self._in_cell else self._ENDS[name])

    def data(self, data: str) -> None:
        if self._in_text and not self._fallback:
            self._pieces.append(data)

    def close(self) -> None:
        """The parser wants to be told that the end was noticed."""

    def take(self) -> str:
        """Return what was written since the last call."""
        text = "".join(self._pieces)
        self._pieces.clear()
        return text


def _sheets(package: zipfile.ZipFile, data: bytes) -> Iterator[str]:
    """Yield the rows of all sheets, cells set apart by tabs."""
    # Heavy, and few processes meet a workbook.
    from openpyxl import load_workbook

    _check_workbook(package)
    # It warns of what it cannot show, such as charts, and quotes cells.
    warnings.filterwarnings("ignore", module=r"openpyxl\.")
    deadline = time.monotonic() + MAX_SECONDS
    workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        for sheet in workbook.worksheets:
            yield f"{sheet.title}\n"
            # The size that a sheet states is its writer's word.
            sheet.reset_dimensions()
            for row in sheet.iter_rows(max_row=_MAX_ROWS, values_only=True):
                if time.monotonic() > deadline:
                    return
                cells = ["" if value is None else str(value) for value in row]
                if any(cells):
                    yield "\t".join(cells).rstrip() + "\n"
            yield "\n"
    finally:
        workbook.close()


def _check_workbook(package: zipfile.ZipFile) -> None:
    """Refuse what a parser that is not ours would read whole, or expand."""
    for info in package.infolist():
        if info.filename.endswith((".xml", ".rels")):
            if info.file_size > _MAX_WHOLE and not info.filename.startswith("xl/worksheets/"):
                raise TooLargeError
            with package.open(info) as part:
                if _DOCTYPE.search(part.read(_CHUNK)):
                    raise ValueError("a part declares a document type")
