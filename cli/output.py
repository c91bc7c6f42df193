"""What commands print: results on stdout, everything else on stderr.

With `--json` the result is one JSON document (or one a line), alone on stdout.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])

#: The option that every command has.
json_option = click.option("--json", "as_json", is_flag=True, help="Machine output on stdout.")


class Output:
    """Where a command's words go. `NO_COLOR` and pipes are respected.

    Args:
        as_json: Whether stdout belongs to a machine.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @cached_property
    def console(self) -> Console:
        """Writes results, on stdout."""
        from rich.console import Console

        return Console(highlight=False, emoji=False, soft_wrap=True)

    @cached_property
    def notes(self) -> Console:
        """Writes progress and remarks, on stderr."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Tell a person something; never on stdout."""
        self.notes.print(text, markup=False)

    def result(self, data: Any, human: Callable[[], None]) -> None:
        """Print the command's result.

        Args:
            data: Ready for JSON.
            human: Prints the same for a person.
        """
        if self.as_json:
            click.echo(json.dumps(data, ensure_ascii=False, default=str))
        else:
            human()

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str = "nothing"
    ) -> None:
        """Print a table; on a pipe its columns are separated by tabs and nothing is cut.

        Args:
            columns: Headings.
            rows: Cells, as plain text.
            empty: What to say when there is no row.
        """
        lines = [list(row) for row in rows]
        if not lines:
            self.note(empty)
        elif not self.console.is_terminal:
            for line in [list(columns), *lines]:
                click.echo("\t".join(" ".join(cell.split()) for cell in line))
        else:
            self._draw(columns, lines)

    def _draw(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self.console.print(table, soft_wrap=False)
