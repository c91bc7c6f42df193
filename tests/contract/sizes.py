"""The bounds of a provider's settings that size its requests."""

from __future__ import annotations

from typing import Any

from annotated_types import Ge, Gt, Le, Lt

from connectors.sdk.provider import ProviderConfig


def bounds(config: type[ProviderConfig], field: str) -> tuple[int, int]:
    """The least and the largest value of a field.

    Raises:
        AssertionError: The configuration has no such field, or it lacks a bound.
    """
    assert field in config.model_fields, (
        f"`sizes` names {field}, which {config.__name__} does not have"
    )
    low: Any = None
    high: Any = None
    for limit in config.model_fields[field].metadata:
        match limit:
            case Ge(ge=value):
                low = value
            case Gt(gt=value):
                low = value + 1  # type: ignore[operator]
            case Le(le=value):
                high = value
            case Lt(lt=value):
                high = value - 1  # type: ignore[operator]
    assert low is not None, f"{field} needs a least value: Field(..., ge=1)"
    assert high is not None, f"{field} needs the API's maximum: Field(..., le=...)"
    return int(low), int(high)
