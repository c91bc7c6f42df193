"""`Vault`: one person's records, positions, connections and sync log."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from connectors.sdk.handler import Kept
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Position, Record
from connectors.sdk.schemas.base import RecordSchema
from vault import accounts, preparing, reading, runs, writing
from vault.errors import NotFoundError, VaultDamagedError
from vault.file import VaultFile
from vault.kept import KeptItems
from vault.model import (
    Begun,
    Change,
    Commit,
    Committed,
    Connection,
    ConnectionStatus,
    Count,
    Ending,
    HandlerState,
    QuarantineItem,
    Run,
    SearchHit,
    Selector,
    Sort,
)


class Vault(VaultFile):
    """An open vault; `Vaults.open` gives it. Threads may share it, and it outlives a fork.

    Every method is one transaction. All raise `VaultDamagedError` when the file is damaged and
    `VaultLockedError` when another process holds it for too long. See `VaultFile` for the
    arguments.
    """

    # Connections

    def connections(self) -> list[Connection]:
        """All connections."""
        with self._read() as database:
            return accounts.all_connections(database)

    def connection(self, connection_id: str) -> Connection:
        """A connection; raises NotFoundError when there is none."""
        with self._read() as database:
            return accounts.one_connection(database, connection_id)

    def save_connection(self, connection: Connection) -> None:
        """Insert a connection or replace what is known of it; handlers and tokens stay."""
        with self._write() as database:
            accounts.save_connection(database, connection)

    def connect(self, connection: Connection, tokens: Tokens) -> None:
        """Insert a connection with its tokens, or renew it: nobody sees one without the other.

        A refresh token that did not come along is kept from before.
        """
        with self._write() as database:
            accounts.connect(database, connection, tokens)

    def set_connection_status(
        self, connection_id: str, status: ConnectionStatus, message: str | None = None
    ) -> None:
        """Write a connection's status; raises NotFoundError when there is none."""
        with self._write() as database:
            accounts.set_connection_status(database, connection_id, status, message)

    def remove_connection(self, connection_id: str) -> None:
        """Remove a connection with its tokens and handlers; its records stay (see `reset`)."""
        with self._write() as database:
            runs.end_all(database, connection_id, "paused", runs.REMOVED)
            accounts.remove_connection(database, connection_id)

    def tokens(self, connection_id: str) -> Tokens | None:
        """A connection's tokens; None when it has none."""
        with self._read() as database:
            return accounts.read_tokens(database, connection_id)

    def save_tokens(self, connection_id: str, tokens: Tokens) -> None:
        """Keep a connection's tokens; raises NotFoundError when there is no such connection."""
        with self._write() as database:
            accounts.save_tokens(database, connection_id, tokens)

    def replace_tokens(self, connection_id: str, old: Tokens, new: Tokens) -> Tokens:
        """Keep tokens in the place of these, unless the person has connected again meanwhile.

        Returns:
            The tokens that are held now.

        Raises:
            NotFoundError: There is no such connection, or it has no tokens.
        """
        with self._write() as database:
            return accounts.replace_tokens(database, connection_id, old, new)

    # Handlers

    def handlers(self, connection_id: str) -> list[HandlerState]:
        """Where a connection's handlers stand."""
        with self._read() as database:
            return accounts.handler_states(database, connection_id)

    def handler(self, connection_id: str, handler_id: str) -> HandlerState:
        """Where a handler stands; raises NotFoundError when there is none."""
        with self._read() as database:
            states = accounts.handler_states(database, connection_id, handler_id)
        if not states:
            raise NotFoundError(f"there is no handler {handler_id} of {connection_id}")
        return states[0]

    def ensure_handler(
        self, connection_id: str, handler_id: str, *, enabled: bool = True
    ) -> HandlerState:
        """A handler's state, made when there is none; an existing one stays as it is."""
        with self._write() as database:
            accounts.ensure_handler(database, connection_id, handler_id, enabled)
        return self.handler(connection_id, handler_id)

    def update_handler(self, connection_id: str, handler_id: str, **changes: Any) -> None:
        """Change a handler's status, message, options, frequency, failures, last_run_id,
        last_sync_at or total.

        Raises:
            NotFoundError: There is no such handler.
            ValueError: Something else was to be changed.
        """  # noqa: D205 - the list is the summary
        with self._write() as database:
            accounts.update_handler(database, connection_id, handler_id, changes)

    # Keeping

    def last_fence(self, connection_id: str, handler_id: str) -> int:
        """The newest fence seen; 0 when there was none."""
        with self._read() as database:
            return accounts.last_fence(database, connection_id, handler_id)

    def claim(self, connection_id: str, handler_id: str, fence: int) -> tuple[Position, int]:
        """Take note of a fence, so that older workers' commits are refused.

        Returns:
            The position and its sequence number.

        Raises:
            FencedError: A newer fence has been seen.
            NotFoundError: There is no such handler.
        """
        with self._write() as database:
            return accounts.claim(database, connection_id, handler_id, fence)

    def commit(self, commit: Commit) -> Committed:
        """Keep a batch with its position, in one transaction.

        Unchanged records are not written; a record marked deleted that comes back is kept again.
        A record that cannot be written as JSON goes to quarantine by itself.

        Raises:
            FencedError: A newer fence has been seen, or the connection was removed.
            VaultError: A record's `_id` is that of another handler's record.
            KeyError: A record lacks a base field.
        """
        prepared, failed = preparing.prepare_all(commit)
        with self._write() as database:
            return writing.commit(database, commit, prepared, failed)

    def kept(self, connection_id: str, handler_id: str) -> Kept:
        """What is kept of a handler's items, for the handler."""
        return KeptItems(self._read, connection_id, handler_id)

    def accounted(
        self, connection_id: str, handler_id: str, source_ids: Collection[str]
    ) -> set[str]:
        """Those of the ids that are kept, deleted or not, or quarantined."""
        with self._read() as database:
            return reading.known(database, connection_id, handler_id, source_ids, deleted=True)

    def reset(
        self,
        connection_id: str,
        handler_id: str | None = None,
        *,
        delete_data: bool,
        fence: int | None = None,
    ) -> int:
        """Set positions back to the start; the number of records removed.

        Args:
            connection_id: The connection.
            handler_id: One of its handlers; None for all.
            delete_data: Also remove the account's records and quarantine for good.
            fence: Of the worker that resets its own handler. Without it, as for a person's
                command, a sync at work is fenced off.

        Raises:
            FencedError: A newer fence than the given one has been seen.
        """
        with self._write() as database:
            return accounts.reset(database, connection_id, handler_id, delete_data, fence)

    # Reading

    def get(self, record_id: str) -> Record | None:
        """A record by its `_id`, with its `sourceData`; None when there is none."""
        with self._read() as database:
            return reading.get(database, record_id)

    def query(
        self,
        schema: str,
        selector: Selector | None = None,
        *,
        sort: Sort | None = None,
        limit: int = 20,
        offset: int = 0,
        include_deleted: bool = False,
        with_source: bool = False,
    ) -> list[Record]:
        """The records of a schema (slug or URI) that a selector asks for; see `vault.selectors`.

        `sourceData` comes along only `with_source`.

        Raises:
            NotFoundError: There is no such schema.
            ValueError: The selector, sort, limit or offset is wrong.
        """
        named = reading.schema_named(schema)
        with self._read() as database:
            return reading.query(
                database,
                named,
                selector,
                sort,
                limit=limit,
                offset=offset,
                include_deleted=include_deleted,
                with_source=with_source,
            )

    def count(
        self, schema: str, selector: Selector | None = None, *, include_deleted: bool = False
    ) -> int:
        """How many records `query` would give without a limit."""
        named = reading.schema_named(schema)
        with self._read() as database:
            return reading.count(database, named, selector, include_deleted)

    def search(
        self, text: str, *, schema: str | None = None, limit: int = 20, offset: int = 0
    ) -> list[SearchHit]:
        """The records in which all words occur, best first; see `vault.index.question`."""
        named = None if schema is None else reading.schema_named(schema)
        with self._read() as database:
            return reading.search(database, text, named, limit, offset)

    def search_count(self, text: str, *, schema: str | None = None) -> int:
        """How many records the words find."""
        named = None if schema is None else reading.schema_named(schema)
        with self._read() as database:
            return reading.search_count(database, text, named)

    def changes(
        self, since: int = 0, limit: int = 100, *, with_source: bool = False
    ) -> list[Change]:
        """The last change of each record changed after change number `since`, oldest first."""
        with self._read() as database:
            return reading.changes(database, since, limit, with_source)

    def export(self) -> Iterator[Record]:
        """All records, in order of arrival, deleted ones too."""
        row = 0
        while page := self._after(row):
            yield from (record for _, record in page)
            row = page[-1][0]

    def _after(self, row: int) -> list[tuple[int, Record]]:
        with self._read() as database:
            return reading.after(database, row)

    def stats(self) -> list[Count]:
        """Numbers of records by connection, handler and schema."""
        with self._read() as database:
            return reading.stats(database)

    # Quarantine

    def quarantine(
        self, connection_id: str | None = None, handler_id: str | None = None
    ) -> list[QuarantineItem]:
        """The items in quarantine, oldest first."""
        with self._read() as database:
            return accounts.quarantined(database, connection_id, handler_id)

    def release(
        self,
        item_id: int,
        record: Record | None = None,
        schema: type[RecordSchema] | None = None,
        *,
        deleted: bool = False,
        fence: int | None = None,
    ) -> None:
        """Remove an item from quarantine and keep its record, in one transaction.

        Args:
            item_id: The item.
            record: Its record; None when there is nothing to keep.
            schema: The record's schema.
            deleted: Keep the record as one that is deleted at the provider.
            fence: Of the worker that tries the item again; a person's own retry has none.

        Raises:
            FencedError: A newer fence has been seen, or the connection was removed.
            NotFoundError: There is no such item.
            UnwritableError: The record cannot be written as JSON.
        """
        prepared = preparing.prepare(record, schema) if record and schema else None
        with self._write() as database:
            writing.release(database, item_id, prepared, deleted=deleted, fence=fence)

    def quarantine_failed(self, item_id: int, reason: str, *, fence: int | None = None) -> None:
        """Note that a retry failed; raises FencedError and NotFoundError as `release` does."""
        with self._write() as database:
            writing.waiting(database, item_id, fence)
            accounts.quarantine_failed(database, item_id, reason)

    # Sync log

    def begin(self, run: Run, fence: int, *, alive: bool = False) -> Begun:
        """Begin a slice of a run: claim the fence, note the run, the attempt and the states.

        Args:
            run: The run.
            fence: Of the worker that begins the slice.
            alive: Whether the slice before is known to have ended, though it could not write so:
                it does not count as one whose process died.

        Raises:
            FencedError: A newer fence has been seen.
            NotFoundError: There is no such handler.
        """
        with self._write() as database:
            return runs.begin(database, run, fence, alive=alive)

    def finish(self, ending: Ending) -> None:
        """Write how a slice came out: handler, connection and sync log, in one transaction.

        Raises:
            AccessRenewedError: The access that is said to have ended is not the one held.
            FencedError: A newer fence has been seen, or another slice has been at work.
            NotFoundError: There is no such handler any more.
        """
        with self._write() as database:
            runs.finish(database, ending)

    def end_run(self, run_id: str, outcome: str, message: str | None = None) -> None:
        """Write that a run has come to rest from outside, as when a person stopped it.

        Raises:
            NotFoundError: There is no such run.
        """
        with self._write() as database:
            runs.end(database, run_id, outcome, message)

    def end_last_run(
        self, connection_id: str, handler_id: str, outcome: str, message: str | None = None
    ) -> None:
        """Write that a handler's last run has come to rest, where it has not ended yet.

        For one that nobody works on; its handler is then no longer being synced.
        """
        with self._write() as database:
            runs.end_last(database, connection_id, handler_id, outcome, message)

    def under_way(self, connection_id: str) -> set[str]:
        """The handlers of a connection whose last run has not ended."""
        with self._read() as database:
            return runs.open_handlers(database, connection_id)

    def runs(self, connection_id: str | None = None, limit: int = 20) -> list[Run]:
        """The runs begun last, newest first."""
        with self._read() as database:
            return runs.all_runs(database, connection_id, limit)

    def check(self) -> list[str]:
        """Look for damage in the whole file; one line a problem, none when it is sound."""
        try:
            # On a connection of its own: FTS5's own check goes by what a connection remembers of
            # the index, and tells of damage when another has written since.
            with self._fresh() as database:
                return reading.problems(database)
        except VaultDamagedError as error:
            return [str(error)]
