"""What is kept and no longer listed: is it gone?

Facebook lists no more than about 600 posts a year of a Page; for a person nothing is said
(https://developers.facebook.com/docs/graph-api/reference/page/feed). So what is missing from a
whole list is asked for by itself before it is taken for gone, each by a call. A run makes few of
them and the next one goes on behind it, round and round, so that each one's turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

#: Look-ups of one run.
_MOST = 100
#: Look-ups of one run, once a whole round has found nothing gone.
_FEW = 20
#: Notes: the id that was asked for last, and how many in a row were there since one was gone.
_LAST, _QUIET = "lookup_last", "lookup_quiet"


class Lookups:
    """The look-ups of one run.

    Args:
        exists: Asks for one id.
        require_permission: Raises an error where nothing is to be seen, so that all seems gone.
    """

    def __init__(
        self, exists: Callable[[str], bool], require_permission: Callable[[], None]
    ) -> None:
        self._exists = exists
        self._require_permission = require_permission
        self._made = 0

    def there(self, ids: Sequence[str], notes: dict[str, str]) -> set[str]:
        """Those of the ids that are there, or that are not looked up by this run.

        Args:
            ids: All that are missing.
            notes: What is remembered between runs, to be changed in place.

        Raises:
            AccessDeniedError: The permission went meanwhile: nothing shows that any is gone.
        """
        last, quiet = notes.get(_LAST, ""), int(notes.get(_QUIET, "0"))
        most = _FEW if quiet >= len(ids) else _MOST
        # Behind the last one come the others, in the order of ids, and then the first again.
        turn = sorted(ids, key=lambda ident: (ident <= last, ident))
        asked = turn[: max(0, most - self._made)]
        self._made += len(asked)
        gone = {ident for ident in asked if not self._exists(ident)}
        if gone:
            self._require_permission()
        if asked:
            notes[_LAST] = asked[-1]
            # No higher than the ids' number: what is missing besides is then seen to be new.
            notes[_QUIET] = "0" if gone else str(min(quiet + len(asked), len(ids)))
        return set(ids) - gone
