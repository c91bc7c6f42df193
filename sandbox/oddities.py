"""Items that come odd on demand, and what was sent of each."""

from __future__ import annotations

from typing import Any

from sandbox.holding import Oddity


class Oddities:
    """What stands between a holding's items and what the API sends of them.

    Args:
        optional: A field that is left out, or null, in an item that is `missing` or `null`.
        essential: A field that holds nonsense in an item that is `broken`.
        remember: Whether to keep what was sent; costs the memory of everything.
    """

    def __init__(self, *, optional: str, essential: str, remember: bool) -> None:
        self._optional = optional
        self._essential = essential
        self._remember = remember
        self._odd: dict[str, Oddity] = {}
        self._sent: dict[str, Any] = {}

    @property
    def idle(self) -> bool:
        """Whether items pass unchanged and unnoticed."""
        return not self._odd and not self._remember

    def spoil(self, source_id: str, oddity: Oddity | None) -> None:
        """Make an item odd from now on; None mends it."""
        if oddity is None:
            self._odd.pop(source_id, None)
        else:
            self._odd[source_id] = oddity

    def send(self, source_id: str, item: dict[str, Any]) -> dict[str, Any]:
        """The item as it is to be sent; the one given stays as it is."""
        shown = dict(item)
        match self._odd.get(source_id):
            case "unknown":
                shown["aFieldOfTheFuture"] = {"nested": [1, None, {"deep": True}]}
            case "missing":
                shown.pop(self._optional, None)
            case "null":
                shown[self._optional] = None
            case "broken":
                shown[self._essential] = 7
        if self._remember:
            self._sent[source_id] = shown
        return shown

    def sent(self, source_id: str) -> Any:
        """What was last sent of an item; None when nothing was, or it is not remembered."""
        return self._sent.get(source_id)
