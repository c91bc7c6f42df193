"""Options of a handler that a person may set; each has a default that works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values.

    Args:
        id: Key of the option.
        label: What a person reads.
        values: Each allowed value with its label.
        default: The value in force when the person chose none.
    """

    id: str
    label: str
    values: Mapping[str, str]
    default: str

    def check(self, value: object) -> str:
        """The value, if it is allowed.

        Raises:
            ValueError: It is not; the message lists those that are.
        """
        if not isinstance(value, str) or value not in self.values:
            raise ValueError(f"option {self.id} must be one of {', '.join(self.values)}")
        return value


#: How far back the first sync goes, in months. Widening it later fetches the older items.
BACKDATE = Choice(
    id="backdate",
    label="How far back",
    values={
        "1": "1 month",
        "3": "3 months",
        "6": "6 months",
        "12": "12 months",
        "all": "Everything",
    },
    default="all",
)


def resolve(options: Sequence[Choice], chosen: Mapping[str, Any]) -> dict[str, str]:
    """Each option's value: the person's where there is one, else the default.

    Raises:
        ValueError: A value is not allowed, or no such option exists.
    """
    unknown = set(chosen) - {option.id for option in options}
    if unknown:
        raise ValueError(f"unknown option: {', '.join(sorted(unknown))}")
    return {option.id: option.check(chosen.get(option.id, option.default)) for option in options}
