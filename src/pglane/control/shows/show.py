"""What every SHOW of the console is made of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pglane.control.table import Column, Table

Row = dict[str, Any]
Ask = Callable[[str], Awaitable[list[Row]]]
"""Asks the worker for a snapshot by its name; raises RefusedError when it does not answer."""


@dataclass(frozen=True, slots=True)
class Show:
    """A command that answers with rows.

    Attributes:
        table: its name, its meaning and its columns.
        rows: makes the rows of this moment; raises RefusedError when the worker does not answer.
    """

    table: Table
    rows: Callable[[Ask], Awaitable[list[Row]]]

    @property
    def columns(self) -> tuple[Column, ...]:
        """What a row has."""
        return self.table.columns
