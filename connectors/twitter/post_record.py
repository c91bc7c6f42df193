"""How a post becomes a record.

https://docs.x.com/x-api/fundamentals/data-dictionary
https://docs.x.com/x-api/posts/timelines/integrate tells of long posts and reposts.
"""

from __future__ import annotations

import copy
from typing import Any, Literal

from connectors.sdk.records import Json, Record
from connectors.twitter.fields import beginning, dictionary, either, moment, plain, text, time_of

_NAME, _SUMMARY = 80, 256
#: How a post refers to another. `reposted` is not documented, and would be the newer word.
_REPOST = {"retweeted", "reposted"}


def first_id(item: Json) -> str:
    """The id that a post was posted with; its edits have others."""
    history = either(item, "edit_history_tweet_ids", "edit_history_post_ids")
    if isinstance(history, list) and history and str(history[0]).isdecimal():
        return str(history[0])
    return str(item["id"])


def kind_of(item: Json) -> Literal["post", "replies", "reposts"]:
    """Whether it is a reply, a repost, or the person's own words (a quote is)."""
    found = either(item, "referenced_tweets", "referenced_posts")
    references = found if isinstance(found, list) else []
    kinds = {dictionary(reference).get("type") for reference in references}
    if kinds & _REPOST:
        return "reposts"
    return "replies" if "replied_to" in kinds else "post"


def post_fields(source: Json) -> dict[str, Any]:
    """The fields of a post's record, besides its id and source."""
    words = _words(source)
    newest, first = source["id"], first_id(source)
    created = moment(source.get("created_at"), by_id=newest)
    return {
        "name": beginning(words, _NAME) or "(no text)",
        "summary": words[:_SUMMARY] or None,
        "content": words,
        "type": "status",
        "uri": f"https://x.com/i/web/status/{newest}",
        "inserted_at": created if first == newest else time_of(first),
        "modifiedAt": None if first == newest else created,
    }


def _words(source: Json) -> str:
    """The whole text: of a long post `text` holds the beginning alone."""
    if not isinstance(source["text"], str):
        raise TypeError("a post whose text is none")
    note = dictionary(either(source, "note_tweet", "note_post"))
    if whole := text(note.get("text")):
        return plain(whole, note.get("entities") or source.get("entities"))
    return plain(source["text"], source.get("entities"))


def same(old: Record, new: Record) -> bool:
    """Whether nothing changed but how often the post was liked, and so on."""
    return _without_counts(old) == _without_counts(new)


def _without_counts(record: Record) -> Record:
    bare = copy.copy(record)
    bare["sourceData"] = {k: v for k, v in record["sourceData"].items() if k != "public_metrics"}
    return bare
