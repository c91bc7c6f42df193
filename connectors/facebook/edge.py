"""Reading one list of the person's ("edge") of the Graph API, a page at a time.

- Only a page without `paging.next` is the last. Privacy makes pages short or empty; an empty one
  is gone past at once.
- Where a permission is missing, or access to the data has ended (after 90 days without the
  person), lists have been seen to come empty rather than to be refused
  (https://github.com/facebookarchive/php-graph-sdk/issues/551,
  https://github.com/myflashlab/facebook-ANE/issues/21; not documented). That can begin between two
  pages. So the end of a list is believed where an item stands on its last page, or the permission
  is still granted.

https://developers.facebook.com/docs/graph-api/results
https://developers.facebook.com/docs/graph-api/reference/user/permissions/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from connectors.facebook.config import FacebookConfig
from connectors.facebook.errors import EndOfListError, NotFoundError, RefusedError
from connectors.facebook.fields import drop_paging, seconds
from connectors.facebook.place import Place
from connectors.facebook.portions import Portions
from connectors.sdk.errors import AccessDeniedError, PositionLostError, TransientError
from connectors.sdk.handler import Context
from connectors.sdk.lists.page import Page
from connectors.sdk.records import Json

_GRAPH = "https://graph.facebook.com"
#: Empty pages gone past in one go.
_MOST_EMPTY = 10
_WHY = {
    "declined": "the permission {} was not granted; connect the account again and allow it",
    "expired": "Facebook's 90 days of access to this data ({}) have ended; connect the account "
    "again",
}


class Edge:
    """One list of the person's.

    Args:
        context: Lent by the engine for one run.
        name: Of the list, such as `likes`.
        scope: The permission that it needs.
        full: Fields asked for, in the API's words.
        plain: Those that every app gets.
        by_time: Whether the list takes `until`.
    """

    def __init__(
        self, context: Context, name: str, scope: str, *, full: str, plain: str, by_time: bool
    ) -> None:
        self._api = context.api
        self._config = cast(FacebookConfig, context.provider.config)
        self._now = context.now.timestamp()
        self._name = name
        self._scope = scope
        self._by_time = by_time
        self._portions = Portions(self._get, full=full, plain=plain, most=self._config.page_size)

    @property
    def poor(self) -> set[str]:
        """Ids of items that came with their plain fields alone."""
        return self._portions.poor

    def page(self, token: str | None) -> Page:
        """A page; see `Listed`.

        Raises:
            AccessDeniedError: The list ends with nothing, and is not to be seen.
            PositionLostError: The page is no longer known, or empty ones lead round in a circle.
        """
        place = Place(self._now) if token is None else Place.read(token)
        passed: list[Mapping[str, str]] = []
        for _ in range(_MOST_EMPTY):
            answer, place = self._answer(place)
            items = [item for item in answer["data"] if isinstance(item, dict)]
            last = next((s for item in reversed(items) if (s := seconds(item))), 0)
            following = place.following(answer.get("paging"), self._now, last)
            if following is None and not items:
                self.require_permission()
            if items or following is None:
                break
            passed.append(place.where)
            if following.where in passed:
                raise PositionLostError("Facebook's list leads round in a circle")
            place = following
        for item in items:
            drop_paging(item)
        return Page(items, next=following.token() if following else None)

    def ask(self, path: str, **params: str) -> Json:
        """GET an address of the API, such as `me`, and return its object."""
        found = self._api.json(f"{_GRAPH}/{self._config.api_version}/{path}", params=params)
        if not isinstance(found, dict):
            raise TransientError("Facebook's answer is none to what was asked")
        return found

    def exists(self, ident: str) -> bool:
        """Whether there is an object of this id, as far as this app can tell."""
        try:
            self.ask(quote(ident, safe=""), fields="id")
        except NotFoundError:
            return False
        except (AccessDeniedError, RefusedError):
            # Facebook does not tell: no proof that it is gone.
            return True
        return True

    def contains(self, target: str) -> bool:
        """Whether the list has an item of this id, asked for by `target_id`, as far as is told."""
        try:
            answer = self.ask(f"me/{self._name}", fields="id", target_id=target)
        except NotFoundError:
            return False
        except (AccessDeniedError, RefusedError):
            return True
        return any(isinstance(i, dict) and i.get("id") == target for i in answer.get("data") or ())

    def require_permission(self) -> None:
        """Make sure that what the list does not show really is not there.

        Raises:
            AccessDeniedError: It is not to be seen.
        """
        answer = self._api.json(
            f"{_GRAPH}/{self._config.api_version}/me/permissions", needs=("data",)
        )
        listed = answer["data"] if isinstance(answer["data"], list) else []
        statuses = [
            str(entry.get("status"))
            for entry in listed
            if isinstance(entry, dict) and entry.get("permission") == self._scope
        ]
        status = statuses[0] if statuses else "declined"
        if status != "granted":
            raise AccessDeniedError(_WHY.get(status, _WHY["declined"]).format(self._scope))

    def _answer(self, place: Place) -> tuple[Json, Place]:
        """The page at a place, or by time where its cursor is lost; and the place it was read at.

        Where cursors lead no further and no time does, the list has ended as far as it is told.

        Raises:
            PositionLostError: The cursor is lost, and no time leads on.
        """
        if place.stale(self._now):
            place = self._known(self._without_cursor(place))
        try:
            return self._portions.at(place.where), place
        except EndOfListError:
            further = self._without_cursor(place)
            if further is None:
                return {"data": []}, place
        except (PositionLostError, RefusedError):
            if not place.by_cursor:
                raise
            further = self._known(self._without_cursor(place))
        try:
            return self._portions.at(further.where), further
        except EndOfListError:
            return {"data": []}, further
        except RefusedError:
            raise PositionLostError("Facebook refuses this part of the list") from None

    def _without_cursor(self, place: Place) -> Place | None:
        return place.by_time(self._now) if self._by_time else None

    def _known(self, place: Place | None) -> Place:
        if place is None:
            raise PositionLostError("Facebook no longer knows this page of the list")
        return place

    def _get(self, where: Mapping[str, str], fields: str, size: int) -> Json:
        answer: Any = self._api.json(
            f"{_GRAPH}/{self._config.api_version}/me/{self._name}",
            params={"fields": fields, "limit": str(size), **where},
            needs=("data",),
        )
        if not isinstance(answer["data"], list):
            raise TransientError("Facebook's answer is none to what was asked")
        return cast(Json, answer)
