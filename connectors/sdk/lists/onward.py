"""Whether the pages of a list still lead on.

Nothing keeps a provider from answering with a next page for ever: two page tokens that lead to each
other, or always another one to pages that are empty or have been seen. Such a reading would neither
end nor be stopped, since what brings nothing new yields no batch.
"""

from __future__ import annotations

from collections.abc import Collection

#: Pages in a row without anything that was not seen before, after which a list has no end. Items
#: that the provider leaves out may empty a stretch of pages, so a few prove nothing.
MOST_BARREN = 50


class Onward:
    """One reading of a list, from page to page.

    Args:
        barren: Pages in a row so far that brought nothing new.
    """

    def __init__(self, barren: int = 0) -> None:
        self.barren = barren
        self._keys: set[str] = set()
        self._tokens: set[str] = set()

    def leads(self, keys: Collection[str], token: str) -> bool:
        """Whether the next page may be read.

        Args:
            keys: Of the page's items.
            token: The next page's.
        """
        fresh = set(keys) - self._keys
        self._keys |= fresh
        self.barren = 0 if fresh else self.barren + 1
        again = token in self._tokens
        self._tokens.add(token)
        return not again and self.barren < MOST_BARREN
