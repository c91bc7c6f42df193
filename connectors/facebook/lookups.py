"""What is kept and no longer listed: is it gone? And an item read with fewer fields: is it new?

Facebook lists no more than about 600 posts a year of a Page; for a person nothing is said
(https://developers.facebook.com/docs/graph-api/reference/page/feed). So what is missing from a
whole list is asked for by itself before it is taken for gone, each by a call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from connectors.sdk.records import Record

#: Look-ups of one run. What is missing beyond them is looked up by later ones.
_MOST = 100


class Lookups:
    """The look-ups of one run.

    Args:
        exists: Asks for one id.
    """

    def __init__(self, exists: Callable[[str], bool]) -> None:
        self._exists = exists
        self._left = _MOST

    def there(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are there, or that are not looked up by this run."""
        asked = ids[: self._left]
        self._left -= len(asked)
        gone = {ident for ident in asked if not self._exists(ident)}
        return set(ids) - gone


def kept_as_before(old: Record, new: Record, poor: Collection[str]) -> bool:
    """Whether two records of an item tell the same.

    An item that came with few fields tells nothing of the others: what is kept of those stays.

    Args:
        old: As it is kept.
        new: As it was read now.
        poor: Ids of the items that came with few fields.
    """
    if new["sourceId"] not in poor:
        return old == new
    before, now = old["sourceData"], new["sourceData"]
    return all(before.get(key) == value for key, value in now.items())
