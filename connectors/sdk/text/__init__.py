"""Plain text from what people keep in other forms: HTML bodies, attached documents."""

from connectors.sdk.text.documents import Extracted, Reason, extract_text
from connectors.sdk.text.html import html_to_text

__all__ = ["Extracted", "Reason", "extract_text", "html_to_text"]
