"""What bounds the reading of a stranger's document, and what readers raise to say why they stop."""

from __future__ import annotations

MAX_CHARACTERS = 1_000_000
"""Longest text returned; what follows is cut off."""

MAX_SECONDS = 20.0
"""Longest time spent on a document; what was read until then is its text."""

MAX_UNPACKED = 100 * 1024 * 1024
"""Largest sum of what a packed document says its parts unpack to, in bytes."""

MAX_PARTS = 10_000
"""Most files inside a packed document."""

MAX_PAGES = 2_000
"""Most pages read of a document."""


class EncryptedError(Exception):
    """The document cannot be read without a password."""


class TooLargeError(Exception):
    """The document unpacks to more than is read."""


class UnsupportedError(Exception):
    """Nothing here reads this kind of document."""
