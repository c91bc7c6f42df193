"""One API call and its answer, whether it came alone or inside a batch."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs

from sandbox.google.errors import GoogleError, invalid_argument


@dataclass(frozen=True, slots=True)
class Call:
    """A request to an API method.

    Args:
        verb: HTTP method.
        path: Path without query.
        query: Parameters, each with all its values.
        token: Access token, None when there was none.
    """

    verb: str
    path: str
    query: dict[str, list[str]]
    token: str | None

    @classmethod
    def read(cls, verb: str, target: str, authorization: str | None) -> Call:
        """A call from its request line and Authorization header.

        Args:
            verb: HTTP method.
            target: Path with query, or a whole URL.
            authorization: Value of the header; `access_token` in the query does as well.
        """
        if "://" in target:
            target = "/" + target.split("://", 1)[1].partition("/")[2]
        path, _, query = target.partition("?")
        params = parse_qs(query, keep_blank_values=True) if query else {}
        scheme, _, token = (authorization or "").partition(" ")
        found = token.strip() if scheme.lower() == "bearer" else None
        return cls(verb, path, params, found or _last(params, "access_token"))

    def one(self, name: str) -> str | None:
        """The last value of a parameter; None when it is missing or empty."""
        return _last(self.query, name)

    def all(self, name: str) -> list[str]:
        """All values of a parameter."""
        return [value for value in self.query.get(name, []) if value]

    def number(self, name: str, default: int, most: int) -> int:
        """A parameter that is a number of at least 1, brought down to `most`.

        Raises:
            GoogleError: It is no such number.
        """
        text = self.one(name)
        if text is None:
            return default
        if not text.isdigit():
            raise invalid_argument(f'Invalid value at "{name}": {text[:40]}')
        # The documentation says that 0 is not a number of results without saying what comes.
        return min(int(text) or default, most)

    def flag(self, name: str) -> bool:
        """A boolean parameter; false when missing."""
        return (self.one(name) or "").lower() in ("true", "1")


def _last(params: dict[str, list[str]], name: str) -> str | None:
    values = params.get(name)
    return (values[-1] or None) if values else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered: status, JSON, further headers."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None

    @classmethod
    def of(cls, error: GoogleError) -> Answer:
        """The answer that an error is."""
        return cls(error.code, error.body(), error.headers, error.reason)
