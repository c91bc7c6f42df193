"""Text of PDF documents.

https://pypdf.readthedocs.io/en/stable/user/extract-text.html
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from connectors.sdk.text._bounds import MAX_CHARACTERS, MAX_PAGES, MAX_SECONDS, EncryptedError

if TYPE_CHECKING:
    from pypdf import PageObject

# pypdf's own bounds for what one stream may unpack to are wider than text needs.
_MAX_STREAM = 20_000_000
_MAX_OPERATIONS = 500_000


class _TimeIsUpError(Exception):
    """Reading took too long."""


def pdf_text(data: bytes) -> Iterator[str]:
    """Return the text page by page, as far as time and length go.

    Raises:
        EncryptedError: a password is needed to open it.
        Exception: the document is damaged; any kind.
    """
    # Heavy, and few processes meet a PDF.
    from pypdf import PdfReader, apply_configuration

    # Its messages quote the document.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    with apply_configuration(
        zlib_maximum_output_length=_MAX_STREAM,
        lzw_maximum_output_length=_MAX_STREAM,
        run_length_maximum_output_length=_MAX_STREAM,
        array_based_stream_maximum_output_length=_MAX_STREAM,
        stream_decoding_work_maximum_length=4 * _MAX_STREAM,
        stream_parsing_work_maximum_count=_MAX_OPERATIONS,
        # No program of the machine is to be run on it.
        jbig2dec_binary=None,
    ):
        reader = PdfReader(io.BytesIO(data))
        # Many documents are encrypted with an empty password, only to forbid printing.
        if reader.is_encrypted and not reader.decrypt(""):
            raise EncryptedError
        # Read to the end in here: outside, pypdf's bounds are its own again.
        return iter(_read(islice(reader.pages, MAX_PAGES), time.monotonic() + MAX_SECONDS))


def _read(pages: Iterable[PageObject], deadline: float) -> list[str]:
    def stop_in_time(*_: object) -> None:
        if time.monotonic() > deadline:
            raise _TimeIsUpError

    texts: list[str] = []
    failed: Exception | None = None
    length = 0
    for page in pages:
        try:
            text = page.extract_text(visitor_operand_before=stop_in_time)
            stop_in_time()
        except _TimeIsUpError:
            break
        except Exception as error:
            # One broken page does not cost the others.
            failed = error
            continue
        texts.append(text + "\n\n")
        length += len(text)
        if length > MAX_CHARACTERS:
            break
    if failed is not None and not length:
        raise failed
    return texts
