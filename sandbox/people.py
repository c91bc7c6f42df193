"""The people whose accounts the sandbox plays."""

from __future__ import annotations

from dataclasses import dataclass

_PEOPLE = (
    ("Ada", "Lovelace"),
    ("Alan", "Turing"),
    ("Grace", "Hopper"),
    ("Emmy", "Noether"),
    ("Sofia", "Kovalevskaya"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who an account belongs to.

    Args:
        sub: A stable id of 21 digits, as OpenID Connect has one (`sub`).
        email: Address.
        given_name: First name.
        family_name: Last name.
    """

    sub: str
    email: str
    given_name: str
    family_name: str

    @property
    def name(self) -> str:
        """Full name."""
        return f"{self.given_name} {self.family_name}"

    @classmethod
    def numbered(cls, index: int) -> Person:
        """The person of the account of this index."""
        given, family = _PEOPLE[index % len(_PEOPLE)]
        suffix = "" if index < len(_PEOPLE) else str(index)
        email = f"{given}.{family}{suffix}@example.com".lower()
        return cls(f"{10**20 + 7_919 * (index + 1)}", email, given, family + suffix)
