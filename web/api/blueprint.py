"""flask-smorest's blueprint, with types: the library publishes none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

import flask_smorest
from marshmallow import Schema

View = TypeVar("View", bound=Callable[..., Any])


class Decorator(Protocol):
    """Leaves the view's type as it is."""

    def __call__(self, view: View, /) -> View:
        """The view, decorated."""


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # the library publishes no types
    """Routes of the API that check their arguments and describe themselves.

    Args:
        name: Name of the blueprint.
        description: What its routes are about, for the API's description.
    """

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, __name__, description=description)

    def get(self, rule: str) -> Decorator:
        """A route for GET."""
        return cast(Decorator, super().get(rule))

    def post(self, rule: str) -> Decorator:
        """A route for POST."""
        return cast(Decorator, super().post(rule))

    def arguments(self, schema: type[Schema], location: str = "json") -> Decorator:
        """What the route takes; wrong arguments are answered with 422."""
        return cast(Decorator, super().arguments(schema, location=location))

    def response(
        self,
        status: int,
        schema: type[Schema] | Schema | None = None,
        content_type: str | None = None,
    ) -> Decorator:
        """What the route answers."""
        return cast(Decorator, super().response(status, schema, content_type=content_type))

    def alt_response(self, status: int, description: str) -> Decorator:
        """What it answers otherwise."""
        return cast(Decorator, super().alt_response(status, description=description))
