"""Asking for a page of a list, as large and as full as Facebook gives it.

A field that Facebook no longer has, or that the app may not read, makes the whole request fail, at
times for some items alone (reported: https://github.com/strohne/Facepager/issues/147). So does a
page that is too much at once. The page is then asked for in quarters, down to one item, and that
one with the few fields that every app gets: one odd item costs its own fields and no other's.
Where several in a row are refused it is the fields that are, and a run asks for them no more.

https://developers.facebook.com/docs/graph-api/results
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.facebook.errors import RefusedError, TooMuchError
from connectors.facebook.fields import text
from connectors.sdk.errors import AccessDeniedError
from connectors.sdk.records import Json

#: Items in a row, each asked for by itself, after which all others count as refused too.
_IN_A_ROW = 3

#: Asks for a page by the parameters that lead there, its fields and its size.
Get = Callable[[Mapping[str, str], str, int], Json]


class Portions:
    """The pages of one run.

    Args:
        get: Asks for one.
        full: Fields asked for, in the API's words.
        plain: Those that every app gets.
        most: Items of a page.
    """

    def __init__(self, get: Get, *, full: str, plain: str, most: int) -> None:
        self._get = get
        self._full = full
        self._plain = plain
        self._most = most
        self._size = most
        #: So many of the next items are known to hold one that is refused.
        self._doubt = 0
        self._alone = 0
        #: Ids of items that came with their plain fields alone.
        self.poor: set[str] = set()

    def at(self, where: Mapping[str, str]) -> Json:
        """The page at a place.

        Raises:
            RefusedError: It is not the fields that are refused, but the place.
            AccessDeniedError: Not even the plain fields may be read.
            TooMuchError: Not even one item can be had.
        """
        held: Json | None = None
        while self._alone < _IN_A_ROW:
            size = asked = self._size
            try:
                answer = self._get(where, self._full, size)
            except TooMuchError:
                pass
            except (RefusedError, AccessDeniedError):
                if held is None:
                    # Is it the fields? Tells as well how many items there are to be told apart.
                    held = self._plainly(where, size)
                    size = max(1, min(size, len(held["data"])))
            else:
                self._passed(size)
                self.poor -= _ids(answer)
                return answer
            if size == 1:
                self._alone += 1
                # The next one by itself as well: is it refused, too?
                self._size = self._doubt = 1
                return self._poorly(held if held and asked == 1 else self._plainly(where, 1))
            self._doubt, self._size = size, max(1, size // 4)
        return self._poorly(self._plainly(where, self._most))

    def _passed(self, size: int) -> None:
        """Full pages again, once those that were in doubt have come."""
        self._alone = 0
        self._doubt -= size
        if self._doubt <= 0:
            self._doubt, self._size = 0, self._most

    def _plainly(self, where: Mapping[str, str], size: int) -> Json:
        while True:
            try:
                return self._get(where, self._plain, size)
            except TooMuchError:
                if size == 1:
                    raise
                size = max(1, size // 4)

    def _poorly(self, answer: Json) -> Json:
        self.poor |= _ids(answer)
        return answer


def _ids(answer: Json) -> set[str]:
    ids = (text(item.get("id")) for item in answer["data"] if isinstance(item, dict))
    return {ident for ident in ids if ident}
