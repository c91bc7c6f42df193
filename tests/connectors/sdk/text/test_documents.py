"""extract_text: documents of every kind, whole, damaged and hostile."""

from __future__ import annotations

import datetime as dt
import io
import logging
import random
import zipfile
import zlib
from collections.abc import Callable

import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from pptx import Presentation
from pypdf import PdfReader, PdfWriter

from connectors.sdk.text import Extracted, Reason, extract_text
from connectors.sdk.text import _bounds as bounds
from connectors.sdk.text import _pdf as pdf_module


def pdf(*pages: str, stream: bytes | None = None) -> bytes:
    """A minimal PDF, written by hand: a catalogue, a font, and one stream a page."""
    contents = [f"BT /F1 12 Tf 72 720 Td ({page}) Tj ET".encode() for page in pages]
    if stream is not None:
        contents = [stream]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, content in enumerate(contents):
        packed = zlib.compress(content)
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * n),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(packed), packed),
        ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def encrypted_pdf(password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Secret plan"))))
    writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx() -> bytes:
    document = Document()
    document.add_heading("Minutes")
    paragraph = document.add_paragraph("First ")
    paragraph.add_run("word").bold = True
    paragraph.add_run("s\tand\nmore")
    table = document.add_table(2, 2)
    for n, cell in enumerate(c for row in table.rows for c in row.cells):
        cell.text = f"cell {n}"
    document.sections[0].footer.paragraphs[0].text = "Footer here"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def xlsx() -> bytes:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = "Budget"
    sheet.append(["Rent", 950.5, dt.date(2024, 3, 1)])
    sheet.append([])
    sheet.append([None, "Café"])
    workbook.create_sheet("Empty")
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def pptx() -> bytes:
    presentation = Presentation()
    for n in range(1, 12):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = f"Slide {n}."
        slide.placeholders[1].text = "Point one\nPoint two"
    slide.notes_slide.notes_text_frame.text = "Do not forget"
    out = io.BytesIO()
    presentation.save(out)
    return out.getvalue()


def rezip(
    data: bytes, change: Callable[[str, bytes], bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """The same package with its parts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def extract(
    data: bytes, media_type: str | None = "application/octet-stream", filename: str | None = None
) -> Extracted:
    return extract_text(data, filename=filename, media_type=media_type)


# What is read


def test_pdf_gives_its_pages_in_order() -> None:
    result = extract(pdf("Dear Ada", "Second page"), "application/pdf")
    assert result == Extracted("Dear Ada\n\nSecond page")


def test_pdf_without_text_says_so() -> None:
    assert extract(pdf(stream=b"0 0 m 10 10 l S")) == Extracted("", Reason.NO_TEXT)


def test_docx_gives_paragraphs_tables_and_footers() -> None:
    assert extract(docx()).text.splitlines() == [
        "Minutes",
        "First words\tand",
        "more",
        "cell 0\tcell 1",
        "cell 2\tcell 3",
        "",
        "Footer here",
    ]


def test_docx_gives_a_drawing_that_comes_in_two_forms_once() -> None:
    twice = b"<w:p><x:Choice><w:r><w:t>Box</w:t></w:r></x:Choice><x:Fallback><w:r><w:t>Box</w:t></w:r></x:Fallback></w:p>"
    data = rezip(
        docx(),
        lambda name, part: (
            part.replace(b"<w:body>", b'<w:body xmlns:x="urn:x">' + twice)
            if name == "word/document.xml"
            else part
        ),
    )
    assert extract(data).text.count("Box") == 1


def test_xlsx_gives_rows_with_dates_and_numbers() -> None:
    assert extract(xlsx()).text == "Budget\nRent\t950.5\t2024-03-01 00:00:00\n\tCafé\n\nEmpty"


def test_pptx_gives_slides_in_order_then_notes() -> None:
    lines = extract(pptx()).text.splitlines()
    assert [x for x in lines if x.startswith("Slide")] == [f"Slide {n}." for n in range(1, 12)]
    assert lines.count("Point two") == 11
    assert lines.index("Do not forget") > lines.index("Slide 11.")


def test_html_is_read_in_the_encoding_it_names() -> None:
    data = '<meta charset="iso-8859-2"><p>Łódź</p><p>two</p>'.encode("iso-8859-2")
    assert extract(data, "text/html").text == "Łódź\n\ntwo"
    assert extract(data, filename="page.HTM").text == "Łódź\n\ntwo"


JAPANESE = "こんにちは世界。これは日本語の文章です。\n" * 600


@pytest.mark.parametrize(
    ("data", "media_type", "text"),
    [
        ("naïve".encode(), "text/plain", "naïve"),
        (b"\xef\xbb\xbfna\xc3\xafve", "text/plain", "naïve"),
        ("naïve".encode("utf-16"), "application/octet-stream", "naïve"),
        (b"\xfe\xff" + "naïve".encode("utf-16-be"), None, "naïve"),
        ("naïve".encode("utf-32"), "text/plain", "naïve"),
        ("naïve".encode("cp1252"), 'text/plain; charset="windows-1252"', "naïve"),
        ("naïve".encode(), "text/plain; charset=iso-8859-1", "naïve"),
        ("日本".encode("iso-2022-jp"), "text/plain; charset=iso-2022-jp", "日本"),
        (JAPANESE.encode("shift_jis"), "text/csv", JAPANESE.strip()),
        (b'{"a": 1}', "application/json", '{"a": 1}'),
        (b"<a/>", "application/atom+xml", "<a/>"),
        (b"a\x1b[0mb", "text/plain", "a[0mb"),
        (b"a\0b\r\nc", "text/plain", "ab\nc"),
        (b"caf\xe9 \\N{x}", "text/plain; charset=unicode_escape", None),
        (b"caf\xe9", "text/plain; charset=base64", None),
    ],
)
def test_text_is_decoded(data: bytes, media_type: str | None, text: str | None) -> None:
    result = extract(data, media_type)
    assert result.reason is None
    assert text is None or result.text == text


@pytest.mark.parametrize(
    ("data", "word"), [(pdf("Dear Ada"), "Ada"), (docx(), "Minutes"), (xlsx(), "Rent")]
)
@pytest.mark.parametrize("media_type", [None, "application/octet-stream", "image/png", "nonsense"])
def test_what_the_bytes_show_decides(data: bytes, word: str, media_type: str | None) -> None:
    assert word in extract(data, media_type, "x.bin").text


def test_an_unknown_type_is_made_up_for_by_name_or_looks() -> None:
    assert extract(b"\xe9t\xe9", filename="notes.TXT").reason is None
    assert extract("été".encode()).text == "été"
    assert extract(b"\xe9t\xe9\xff\x00").reason is Reason.UNSUPPORTED
    assert extract(("é" * 40_000).encode()).reason is None


# What is not


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/msword"),
        (b"{\\rtf1 hello}", "text/rtf"),
        (b"hello", "audio/mpeg"),
    ],
)
def test_other_types_are_unsupported(data: bytes, media_type: str) -> None:
    assert extract(data, media_type) == Extracted("", Reason.UNSUPPORTED)


def test_a_zip_of_another_kind_is_unsupported() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("a.txt", "hello")
    assert extract(out.getvalue(), "application/zip") == Extracted("", Reason.UNSUPPORTED)


def test_a_password_is_reported() -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")
    assert extract(encrypted_pdf("hunter2")) == Extracted("", Reason.ENCRYPTED)
    assert extract(ole) == Extracted("", Reason.ENCRYPTED)
    flagged = bytearray(docx())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := flagged.find(signature, at + 1)) >= 0:
            flagged[at + offset] |= 1
    assert extract(bytes(flagged)) == Extracted("", Reason.ENCRYPTED)


def test_a_pdf_that_opens_without_a_password_is_read() -> None:
    assert extract(encrypted_pdf("")).text == "Secret plan"


def test_a_document_over_the_limit_is_not_opened() -> None:
    data = b"x" * 101
    result = extract_text(data, filename="a.txt", media_type="text/plain", limit=100)
    assert result == Extracted("", Reason.TOO_LARGE)
    assert extract_text(data, filename=None, media_type="text/plain", limit=101).text


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = rezip(
        docx(),
        lambda name, part: bytes(bounds.MAX_UNPACKED + 1) if name == "word/document.xml" else part,
    )
    assert len(bomb) < 1_000_000
    assert extract(bomb) == Extracted("", Reason.TOO_LARGE)


def test_a_zip_of_too_many_parts_is_not_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for n in range(bounds.MAX_PARTS + 1):
            package.writestr(str(n), "")
    assert extract(out.getvalue()) == Extracted("", Reason.TOO_LARGE)


def test_packing_without_a_bound_is_refused() -> None:
    data = rezip(docx(), lambda _, part: part, zipfile.ZIP_BZIP2)
    assert extract(data) == Extracted("", Reason.DAMAGED)


def test_a_bomb_in_what_a_workbook_reads_whole_is_not_unpacked() -> None:
    bomb = rezip(
        xlsx(),
        lambda name, part: b" " * (21 * 1024 * 1024) if name == "xl/styles.xml" else part,
    )
    assert extract(bomb) == Extracted("", Reason.TOO_LARGE)


@pytest.mark.parametrize(("data", "part_name"), [(docx(), "document"), (xlsx(), "sheet1")])
def test_an_entity_bomb_is_refused(data: bytes, part_name: str) -> None:
    entities = b'<!ENTITY a0 "boom">' + b"".join(
        b'<!ENTITY a%d "%b">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)
    )
    bomb = b"<!DOCTYPE x [" + entities + b"]><x><t>&a11;</t></x>"
    result = extract(rezip(data, lambda name, part: bomb if part_name in name else part))
    assert result == Extracted("", Reason.DAMAGED)


def test_a_pdf_stream_bomb_is_bounded() -> None:
    assert extract(pdf(stream=b" " * 80_000_000)).reason is not None


def test_reading_a_pdf_stops_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_module, "MAX_SECONDS", -1.0)
    assert extract(pdf("one", "two")) == Extracted("", Reason.NO_TEXT)


def test_the_text_is_bounded() -> None:
    result = extract(b"word " * 1_500_000, "text/plain")
    assert bounds.MAX_CHARACTERS - 10 < len(result.text) <= bounds.MAX_CHARACTERS


def test_a_workbook_that_claims_endless_sheets_is_read() -> None:
    def stretch(name: str, part: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return part
        return part.replace(b'ref="A1:C3"', b'ref="A1:XFD1048576"').replace(
            b'<row r="3"', b'<row r="1048576"'
        )

    assert "Rent" in extract(rezip(xlsx(), stretch)).text


def test_one_broken_page_does_not_cost_the_others() -> None:
    data = pdf("First", "Other", "Third")
    page = data.index(b"6 0 obj")
    broken = data[:page] + data[page:].replace(b"/Resources", b"/Contents 99 0 R /Resourc_", 1)
    assert "First" in extract(broken).text


def test_libraries_log_and_warn_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        data = pdf("private words")
        extract(data[: data.index(b"xref")])
        extract(data.replace(b"startxref", b"startxxxx"))
        extract("private caf\xe9".encode("latin-1"), "text/plain")
        extract(rezip(xlsx(), lambda n, p: b"" if "styles" in n else p))
    assert "private" not in caplog.text
    assert not [r for r in caplog.records if r.name.startswith(("pypdf", "charset", "openpyxl"))]


# Hostile bytes

WHOLE = [pdf("Dear Ada", "two"), docx(), xlsx(), pptx(), encrypted_pdf("x")]


def check(result: Extracted) -> None:
    assert "\0" not in result.text
    result.text.encode()
    assert bool(result.text) == (result.reason is None)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(WHOLE), st.floats(0, 1), st.randoms(use_true_random=False), st.booleans())
def test_truncated_and_altered_documents_never_raise(
    whole: bytes, part: float, chance: random.Random, truncate: bool
) -> None:
    data = bytearray(whole[: int(len(whole) * part)] if truncate else whole)
    for _ in range(0 if truncate else 12):
        data[chance.randrange(len(data))] = chance.randrange(256)
    check(extract(bytes(data)))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([b"", b"%PDF-1.7\n", b"PK\x03\x04", b"\xff\xfe", b"\xd0\xcf\x11\xe0"]),
    st.binary(max_size=300),
    st.sampled_from(["text/plain", "text/html", "application/pdf", "", "text/x;charset=utf-7"]),
    st.text(max_size=8),
)
def test_random_bytes_never_raise(
    start: bytes, rest: bytes, media_type: str, filename: str
) -> None:
    check(extract(start + rest, media_type, filename))


@given(st.binary(max_size=60), st.text(max_size=30))
def test_any_charset_named_is_survived(data: bytes, charset: str) -> None:
    check(extract(data, f"text/plain; charset={charset}"))
