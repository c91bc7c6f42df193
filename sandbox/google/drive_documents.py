"""Documents of a synthetic Drive, made on the fly: the same bytes for the same words."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from xml.sax.saxutils import escape

from sandbox.mail.attachments import csv, docx, pdf, png

GOOGLE = "application/vnd.google-apps."
FOLDER = f"{GOOGLE}folder"
SHORTCUT = f"{GOOGLE}shortcut"
_OFFICE = "application/vnd.openxmlformats-officedocument."
_EPOCH = (1980, 1, 1, 0, 0, 0)
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#: More than a connector reads.
_LARGE = 12 * 1024 * 1024
#: More than Google exports.
_LONG = 10 * 1024 * 1024

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Args:
        mime: Its media type.
        extension: Without the dot; empty for Google's own documents.
        make: Its bytes, of lines of text; None for Google's own.
        exports: What one of Google's own is exported as, by media type.
        says: Whether its text can be read out of it.
        refused: Reason for which Google does not hand out its content.
        told: Whether `capabilities` tell of that.
    """

    mime: str
    extension: str = ""
    make: Callable[[Lines], bytes] | None = None
    exports: tuple[tuple[str, Callable[[Lines], bytes]], ...] = ()
    says: bool = True
    refused: str | None = None
    told: bool = False


def _text(lines: Lines) -> bytes:
    return "\n".join(lines).encode()


def _marked_text(lines: Lines) -> bytes:
    # Google begins an export with a byte order mark and ends lines as Windows does.
    return b"\xef\xbb\xbf" + "\r\n".join(lines).encode()


def _long_text(lines: Lines) -> bytes:
    return _text(lines) + b"\n" * _LONG


def _large_text(lines: Lines) -> bytes:
    return _text(lines) + b"\n" * (_LARGE - len(_text(lines)))


def _csv(lines: Lines) -> bytes:
    return csv([["line", "text"], *([str(n), line] for n, line in enumerate(lines, 1))])


def _html(lines: Lines) -> bytes:
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f"<!DOCTYPE html><html><body>{body}</body></html>".encode()


def _png(lines: Lines) -> bytes:
    number = sum(map(ord, "".join(lines)))
    return png(number % 256, number // 3 % 256, number // 7 % 256)


def _damaged_pdf(lines: Lines) -> bytes:
    whole = pdf(list(lines))
    return whole[:60] + b"\0" * 200


def xlsx(lines: Lines) -> bytes:
    """A workbook of one sheet, a row for each line."""
    rows = "".join(
        f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>{escape(line)}</t></is></c></row>'
        for n, line in enumerate(lines, 1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return _archive(
        {
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{_RELATION}"><sheets>'
            '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": _relations("worksheet", "worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData>'
            "</worksheet>",
        },
        {"xl/workbook.xml": "sheet.main", "xl/worksheets/sheet1.xml": "worksheet"},
        "spreadsheetml",
    )


def pptx(lines: Lines) -> bytes:
    """A presentation of one slide, a paragraph for each line. It has no layouts."""
    paragraphs = "".join(f"<a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p>" for line in lines)
    names = (
        'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        f'xmlns:r="{_RELATION}"'
    )
    return _archive(
        {
            "ppt/presentation.xml": f'<p:presentation {names}><p:sldIdLst><p:sldId id="256" '
            'r:id="rId1"/></p:sldIdLst></p:presentation>',
            "ppt/_rels/presentation.xml.rels": _relations("slide", "slides/slide1.xml"),
            "ppt/slides/slide1.xml": f"<p:sld {names}><p:cSld><p:spTree><p:sp><p:txBody>"
            f"{paragraphs}</p:txBody></p:sp></p:spTree></p:cSld></p:sld>",
        },
        {"ppt/presentation.xml": "presentation.main", "ppt/slides/slide1.xml": "slide"},
        "presentationml",
    )


def _relations(kind: str, target: str) -> str:
    return (
        f'<Relationships xmlns="{_PACKAGE}relationships">'
        f'<Relationship Id="rId1" Type="{_RELATION}/{kind}" Target="{target}"/></Relationships>'
    )


def _archive(parts: dict[str, str], kinds: dict[str, str], family: str) -> bytes:
    """An Office Open XML package; the first part is the document."""
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{_OFFICE}{family}.{kind}+xml"/>'
        for name, kind in kinds.items()
    )
    types = (
        f'<Types xmlns="{_PACKAGE}content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{overrides}'
        "</Types>"
    )
    files = {
        "[Content_Types].xml": types,
        "_rels/.rels": _relations("officeDocument", next(iter(parts))),
        **parts,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, content in files.items():
            package.writestr(zipfile.ZipInfo(name, _EPOCH), _HEAD + content)
    return buffer.getvalue()


def _docx(lines: Lines) -> bytes:
    return docx(list(lines))


def _pdf(lines: Lines) -> bytes:
    return pdf(list(lines))


DOCUMENT = Kind(f"{GOOGLE}document", exports=(("text/plain", _marked_text),))
SHEET = Kind(
    f"{GOOGLE}spreadsheet", exports=(("text/csv", _csv), (f"{_OFFICE}spreadsheetml.sheet", xlsx))
)
SLIDES = Kind(f"{GOOGLE}presentation", exports=(("text/plain", _marked_text),))
PDF = Kind("application/pdf", "pdf", _pdf)
DOCX = Kind(f"{_OFFICE}wordprocessingml.document", "docx", _docx)
XLSX = Kind(f"{_OFFICE}spreadsheetml.sheet", "xlsx", xlsx)
PPTX = Kind(f"{_OFFICE}presentationml.presentation", "pptx", pptx)
TEXT = Kind("text/plain", "txt", _text)
CSV = Kind("text/csv", "csv", _csv)
HTML = Kind("text/html", "html", _html)
PICTURE = Kind("image/png", "png", _png, says=False)
LOCKED = Kind("text/plain", "txt", _text, says=False, refused="cannotDownloadFile", told=True)
ABUSIVE = Kind("application/pdf", "pdf", _pdf, says=False, refused="cannotDownloadAbusiveFile")
LARGE = Kind("text/plain", "txt", _large_text, says=False)
DAMAGED = Kind("application/pdf", "pdf", _damaged_pdf, says=False)
LONG = Kind(f"{GOOGLE}document", exports=(("text/plain", _long_text),), says=False)
#: What a Drive holds, in turn.
KINDS = (
    DOCUMENT, PDF, DOCX, SHEET, TEXT, XLSX, SLIDES, PPTX, CSV, PICTURE, HTML, LOCKED, DAMAGED,
    LARGE, ABUSIVE, LONG,
)  # fmt: skip


@lru_cache(maxsize=256)
def _small(kind: Kind, lines: Lines) -> bytes:
    assert kind.make is not None  # noqa: S101 - asked of files with bytes only
    return kind.make(lines)


def content(kind: Kind, lines: Lines) -> bytes:
    """The bytes of a file; a large one is made anew each time."""
    if kind is LARGE:
        return _large_text(lines)
    return _small(kind, lines)
