"""Calendars that could not be read in a run, and what comes of it. Pure."""

from __future__ import annotations

from connectors.google.errors import ForbiddenError
from connectors.sdk.errors import ConnectorError, TransientError

#: Faults in a row before it is Google as a whole that fails.
_PATIENCE = 3


class Troubles:
    """The troubles of one run: a calendar that is not to be had does not hold up the others."""

    def __init__(self) -> None:
        self._errors: dict[str, TransientError | ForbiddenError] = {}
        self._in_a_row = 0

    def __contains__(self, calendar_id: str) -> bool:
        return calendar_id in self._errors

    @property
    def hopeless(self) -> bool:
        """Whether so many failed one after the other that no more should be tried."""
        return self._in_a_row >= _PATIENCE

    def note(self, calendar_id: str, error: TransientError | ForbiddenError) -> None:
        """A calendar could not be read."""
        self._errors[calendar_id] = error
        if isinstance(error, TransientError):
            self._in_a_row += 1

    def well(self) -> None:
        """A calendar was read."""
        self._in_a_row = 0

    def tell(self, calendars: int) -> None:
        """Raise what the run ends with, if anything.

        Args:
            calendars: How many there are.

        Raises:
            TransientError: Some could not be read for now.
            ForbiddenError: All are denied.
            ConnectorError: Some are denied. Not by the error of a denied access, which would end
                the syncs of the others until the account is connected again.
        """
        errors = list(self._errors.values())
        for error in errors:
            if isinstance(error, TransientError) or len(errors) == calendars:
                raise error
        if errors:
            raise ConnectorError(f"{errors[0]}: {len(errors)} of {calendars} calendars")
