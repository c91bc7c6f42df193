"""`Answer`: what a provider sent back."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.sdk.errors import TransientError


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer. Never shown by `repr`.

    Args:
        status: HTTP status.
        headers: Look-ups ignore case.
        content: The body.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    def json(self, needs: Collection[str] = ()) -> Any:
        """The body as JSON; with `needs` an object that has these names.

        Raises:
            TransientError: It is not that: a proxy answered, the body was cut, or nested too deep.
        """
        try:
            found = jsonlib.loads(self.content)
        except (ValueError, RecursionError):
            raise TransientError("the provider's answer could not be read") from None
        if needs and not (isinstance(found, dict) and found.keys() >= set(needs)):
            raise TransientError("the provider's answer is none to what was asked")
        return found
