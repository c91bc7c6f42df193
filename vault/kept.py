"""What is kept of one handler's items, for the handler: `connectors.sdk.handler.Kept`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from connectors.sdk.records import Record
from vault import reading


class KeptItems:
    """Reads a handler's items; any thread may ask, while another commits.

    Args:
        read: Gives a database connection within a transaction.
        connection_id: The connection.
        handler_id: The handler.
    """

    def __init__(
        self,
        read: Callable[[], AbstractContextManager[Connection]],
        connection_id: str,
        handler_id: str,
    ) -> None:
        self._read = read
        self._of = (connection_id, handler_id)

    def known(self, source_ids: Collection[str]) -> set[str]:
        """Those of the ids that are kept, quarantined ones included, deleted ones not."""
        with self._read() as database:
            return reading.known(database, *self._of, source_ids, deleted=False)

    def get(self, source_id: str) -> Record | None:
        """The record, with its `sourceData`; None when it is not kept or is marked deleted."""
        with self._read() as database:
            return reading.by_source_id(database, *self._of, source_id)

    def source_ids(self, after: str = "") -> Iterator[str]:
        """The ids of all that is kept, deleted ones not, in order of id; those after one alone."""
        while page := self._page(after):
            yield from page
            # Page by page: an open read would keep the write-ahead log from being cleaned up.
            after = page[-1]

    def _page(self, after: str) -> Sequence[str]:
        with self._read() as database:
            return reading.source_ids(database, *self._of, after)
