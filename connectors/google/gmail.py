"""Gmail: the messages of a mailbox.

Each run first catches up with the mailbox's history (one request when nothing changed), then goes
on with the backfill. Lists come roughly, not strictly, newest first, so nothing stops at the
first message that is known or old: known ones are skipped page by page.

https://developers.google.com/workspace/gmail/api/guides/sync
https://developers.google.com/workspace/gmail/api/reference/rest
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, cast

from connectors.google.batch import Answers, pieces, send_all
from connectors.google.client import GmailClient
from connectors.google.config import GoogleConfig
from connectors.google.errors import NotFoundError
from connectors.google.gmail_content import ContentReader, Contents, PartMissingError
from connectors.google.gmail_history import HIDDEN, Change, changes
from connectors.google.gmail_message import email_fields, relabelled
from connectors.google.gmail_parts import Content
from connectors.google.gmail_position import State
from connectors.sdk.errors import ConnectorError, PositionLostError, TransientError
from connectors.sdk.handler import Context, Handler, gone, unmappable
from connectors.sdk.options import BACKDATE
from connectors.sdk.records import Batch, Failed, Json, Position, Record
from connectors.sdk.schemas.email import Email

#: History pages that are folded together: the changes of a stretch are held in memory.
_STRETCH = 10
#: Batch requests for messages that one batch of records is made of: what they lack (attachments)
#: is then fetched in fewer requests, and there are fewer commits.
_BATCHES = 2
#: Page tokens that may be refused in one run.
_RELISTS = 3


@dataclass(slots=True)
class _Got:
    """What a piece of work gave; `error` tells why the rest of it was left undone."""

    records: list[Record] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    error: ConnectorError | None = None
    #: Messages that are still to be mapped, with what belongs to them.
    messages: dict[str, Json] = field(default_factory=dict)
    contents: Contents | None = None

    @property
    def listed(self) -> list[str]:
        """The ids that are answered for: all that were asked for, when nothing went wrong.

        The engine sees by these whether one was lost on the way.
        """
        return [
            *self.asked,
            *self.messages,
            *(record["sourceId"] for record in self.records),
            *(failed.source_id for failed in self.failed),
            *self.gone,
        ]


_Job = Callable[[], _Got]


class Gmail(Handler):
    """The person's mail, spam and trash left out."""

    id = "gmail"
    label = "Gmail"
    schema = Email
    scopes = frozenset({"https://www.googleapis.com/auth/gmail.readonly"})
    options = (BACKDATE,)
    sizes = ("list_size", "batch_size")
    service = "gmail"
    frequency = "hour"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._config = cast(GoogleConfig, context.provider.config)
        self._quota = context.provider.quota(self.service)
        self._address = str(context.account.profile.get("email") or "")
        #: Ids yielded by this run, and the records of the batch yielded last: `kept` may not
        #: know these yet.
        self._yielded: set[str] = set()
        self._latest = _Got()
        self._relists = 0

    def batches(self, position: Position) -> Iterator[Batch]:
        """Yield what is new, then what is older; the position is a `State`."""
        state = State.from_json(position)
        state.choose(self.context.options[BACKDATE.id], self.context.now)
        if state.history:
            yield from self._catch_up(state)
        elif next(self.kept.source_ids(), None) is not None:
            # The position was reset: what was deleted meanwhile is still kept.
            yield from self._look_again(state)
        else:
            # Before the backfill: what changes while it lasts is caught up with afterwards.
            profile = self._client.profile()
            state.history = str(profile["historyId"])
            state.total = profile.get("messagesTotal")
        yield from self._backfill(state)

    def record(self, source: Json) -> Record:
        """Map a message in format `full`, without the texts that do not come with it."""
        return self._record(source, {})

    def retry(self, failed: Failed) -> Record:
        """Fetch a quarantined message again and map it."""
        try:
            message = self._client.message(failed.source_id)
        except NotFoundError:
            raise gone(lambda: self.record(failed.source)) from None
        if HIDDEN & set(message.get("labelIds") or ()):
            raise gone(lambda: self.record(failed.source))
        contents = self._reader.read({failed.source_id: message}, last=True)
        if contents.error:
            raise contents.error
        return self._record(message, contents.of(failed.source_id))

    # Catching up

    def _catch_up(self, state: State) -> Iterator[Batch]:
        """Yield what changed since `state.history`, a stretch of history at a time."""
        complete = False
        while not complete:
            try:
                found, history, complete = self._stretch(state.history)
            except (NotFoundError, PositionLostError):
                yield from self._look_again(state)
                return
            if state.backfill.begun and any(c.deleted or c.hidden for c in found.values()):
                state.backfill = replace(state.backfill, shifted=True)
            here = state.to_json()
            state.history = history
            yield from self._work(self._jobs_of_changes(found, state), here, state)

    def _stretch(self, start: str) -> tuple[dict[str, Change], str, bool]:
        """The changes after `start`, where they lead, and whether these are all."""
        records: list[Json] = []
        page: str | None = None
        newest = ""
        for _ in range(_STRETCH):
            answer = self._client.history(start, size=self._config.list_size, page=page)
            # Changes may come in while pages are read: those after the first page's time are
            # told again the next time.
            newest = newest or str(answer["historyId"])
            records += answer.get("history") or ()
            page = answer.get("nextPageToken")
            if not page:
                return changes(records), newest, True
        return changes(records), str(records[-1]["id"]) if records else newest, not records

    def _jobs_of_changes(self, found: Mapping[str, Change], state: State) -> Iterator[_Job]:
        known = self._known(found)
        new = {key: c for key, c in found.items() if key not in known and not c.absent}
        added = [key for key, change in new.items() if change.added]
        for piece in pieces(added, _BATCHES * self._size):
            yield partial(self._fetch, piece)
        # What is not kept though it was there: it comes with the backfill, or it was in spam or
        # trash when that went by, or it is older than the person wants.
        there = [k for k, c in new.items() if not c.added and (c.shown or state.backfill.done)]
        for piece in pieces(self._wanted(there, state), self._size):
            yield partial(self._fetch, piece, shown=True)
        for piece in pieces(self._stale(found, known), self._size):
            yield partial(self._check, piece)
        deleted = [key for key in known if found[key].deleted]
        if deleted:
            yield lambda: _Got(deleted=deleted)

    def _stale(self, found: Mapping[str, Change], known: set[str]) -> Iterator[str]:
        """The kept messages that were fetched before their change."""
        for key in known:
            kept = None if found[key].deleted else self._kept(key)
            if kept and int(kept["sourceData"].get("historyId", 0)) < found[key].last:
                yield key

    def _wanted(self, ids: Sequence[str], state: State) -> Sequence[str]:
        """Those of the ids that are in the range that the person wants."""
        if not ids or state.backfill.since is None:
            return ids
        wanted = set(self._all_ids(query=f"after:{state.backfill.since}"))
        return [key for key in ids if key in wanted]

    def _look_again(self, state: State) -> Iterator[Batch]:
        """History is too old: find what is gone, then list everything and compare labels."""
        profile = self._client.profile()
        listed = set(self._all_ids(everything=True))
        missing = [key for key in self.kept.source_ids() if key not in listed]
        here = state.to_json()
        state.history = str(profile["historyId"])
        state.total = profile.get("messagesTotal")
        state.backfill = replace(
            state.backfill, page=None, before=None, check=True, ended=False, done=False
        )
        # The backfill checks what it lists; spam, trash and what is older than that are not in it.
        seen = set(self._all_ids(query=state.backfill.query))
        aside = [key for key in self.kept.source_ids() if key in listed and key not in seen]
        jobs: list[_Job] = [partial(self._confirm_gone, p) for p in pieces(missing, self._size)]
        jobs += [partial(self._check, piece) for piece in pieces(aside, self._size)]
        yield from self._work(jobs, here, state)

    def _all_ids(self, query: str | None = None, *, everything: bool = False) -> Iterator[str]:
        page: str | None = None
        while True:
            answer = self._list(page, query=query, everything=everything)
            if answer is not None:
                yield from _ids(answer)
            page = answer.get("nextPageToken") if answer is not None else None
            if answer is not None and not page:
                return

    def _list(self, page: str | None, **options: Any) -> Json | None:
        """A page of the list; None when it is to be listed from the start again."""
        size = options.pop("size", self._config.list_size)
        try:
            return self._client.messages(size=size, page=page, **options)
        except PositionLostError:
            self._relists += 1
            if page is None or self._relists > _RELISTS:
                raise TransientError("Google keeps refusing its own list of mail") from None
            return None

    # The backfill

    def _backfill(self, state: State) -> Iterator[Batch]:
        while not state.backfill.done:
            if state.backfill.ended:
                yield from self._finish(state)
                continue
            here, backfill = state.to_json(), state.backfill
            # Few, so that a page of known messages is checked within the quota's window.
            size = 4 * self._size if backfill.check else self._config.list_size
            answer = self._list(backfill.page, query=backfill.query, size=size)
            if answer is None:
                state.backfill = replace(backfill, page=None)
                continue
            state.backfill = backfill.turned(answer.get("nextPageToken"))
            yield from self._work(self._jobs_of_page(_ids(answer), backfill.check), here, state)

    def _finish(self, state: State) -> Iterator[Batch]:
        """See what came in while the backfill went on, and whether it has to be gone over."""
        yield from self._catch_up(state)
        here = state.to_json()
        if state.backfill.ended:
            state.backfill = state.backfill.closed()
        yield from self._work((), here, state)

    def _jobs_of_page(self, ids: Sequence[str], check: bool) -> Iterator[_Job]:
        known = self._known(ids)
        for piece in pieces((key for key in ids if key not in known), _BATCHES * self._size):
            yield partial(self._fetch, piece)
        if check:
            for piece in pieces((key for key in ids if key in known), self._size):
                yield partial(self._check, piece)

    # Pieces of work

    def _work(self, jobs: Iterable[_Job], here: Position, state: State) -> Iterator[Batch]:
        """Do the jobs, a batch each; only the last one's position leads on to `state`.

        What a job got before it met an error is kept all the same.
        """
        there = state.to_json()
        waiting = iter(jobs)
        job = next(waiting, None)
        if job is None and here != there:
            yield self._batch(_Got(), there, state)
        while job is not None:
            got = job()
            job = next(waiting, None)
            last = job is None and got.error is None
            if last or got.listed or got.deleted:
                yield self._batch(got, there if last else here, state)
            if got.error:
                raise got.error

    def _batch(self, got: _Got, position: Position, state: State) -> Batch:
        self._yielded.update(got.listed)
        self._latest = got
        return Batch(
            self._mapped(got),
            position,
            deleted=got.deleted,
            failed=got.failed,
            listed=got.listed,
            gone=got.gone,
            total=state.total if state.backfill.since is None else None,
        )

    def _fetch(self, ids: Sequence[str], *, shown: bool = False) -> _Got:
        """Fetch messages as a whole; with `shown` those in spam and trash are left out."""
        answers = self._ask(ids, "full")
        hidden = {
            key
            for key, message in answers.found.items()
            if shown and HIDDEN & set(message.get("labelIds") or ())
        }
        answers.found = {k: message for k, message in answers.found.items() if k not in hidden}
        contents = self._reader.read(answers.found)
        got = _got(answers)
        got.error = answers.error or contents.error
        got.asked = [] if got.error else [key for key in ids if key not in hidden]
        got.messages = {key: answers.found[key] for key in contents.texts}
        got.contents = contents
        for key, trouble in contents.odd.items():
            message = answers.found[key]
            lacks = isinstance(trouble, PartMissingError)
            reason = Failed(key, message, str(trouble)) if lacks else unmappable(message, trouble)
            got.failed.append(reason)
        return got

    def _mapped(self, got: _Got) -> Iterator[Record]:
        """The records, mapped while what comes next is fetched already."""
        yield from got.records
        for key, message in got.messages.items():
            try:
                yield self._record(message, got.contents.of(key) if got.contents else {})
            except Exception as error:
                # Whatever is odd about one mail must not stop the others.
                got.failed.append(unmappable(message, error))

    def _check(self, ids: Iterable[str]) -> _Got:
        """Fetch the labels of kept messages; only records that changed are given."""
        kept = {key: record for key in ids if (record := self._kept(key))}
        answers = self._ask(kept, "minimal")
        # A label that cannot be had now is no reason to quarantine a message that is kept.
        got = _Got(deleted=answers.gone, error=answers.error)
        for key, minimal in answers.found.items():
            record = relabelled(kept[key], minimal, self._address)
            if record != kept[key]:
                got.records.append(record)
        return got

    def _confirm_gone(self, ids: Sequence[str]) -> _Got:
        """Those of the ids that are gone: a list read over several pages may have missed some."""
        answers = self._ask(ids, "minimal")
        return _Got(deleted=answers.gone, error=answers.error)

    def _ask(self, ids: Iterable[str], form: str) -> Answers:
        requests: dict[str, Any] = {key: self._client.message_request(key, form) for key in ids}
        return send_all(self._client, self.api, requests, self._size)

    # What it works with

    def _record(self, message: Json, texts: Mapping[str, Content]) -> Record:
        fields = email_fields(message, texts, account=self._address, now=self.context.now)
        return self.build(id=message["id"], source=message, **fields)

    def _known(self, ids: Iterable[str]) -> set[str]:
        wanted = list(ids)
        return self.kept.known(wanted) | self._yielded.intersection(wanted) if wanted else set()

    def _kept(self, key: str) -> Record | None:
        latest = self._latest
        if key in latest.messages:
            one = _Got(messages={key: latest.messages[key]}, contents=latest.contents)
            return next(self._mapped(one), None)
        found = (record for record in latest.records if record["sourceId"] == key)
        return next(found, None) or self.kept.get(key)

    @cached_property
    def _client(self) -> GmailClient:
        return GmailClient(self.api, self._quota)

    @cached_property
    def _reader(self) -> ContentReader:
        size = self._fitting("messages.attachments.get")
        return ContentReader(self._client, self.api, size=size, limit=self.context.text_limit)

    @cached_property
    def _size(self) -> int:
        return self._fitting("messages.get")

    def _fitting(self, method: str) -> int:
        most = self._config.batch_size
        return self._quota.fit(method, most) if self._quota else most


def _got(answers: Answers) -> _Got:
    failed = [Failed(key, {"id": key}, reason) for key, reason in answers.failed.items()]
    return _Got(failed=failed, gone=list(answers.gone), error=answers.error)


def _ids(answer: Json) -> list[str]:
    return [message["id"] for message in answer.get("messages") or ()]
