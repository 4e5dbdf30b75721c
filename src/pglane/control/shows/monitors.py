"""SHOW MONITORS: answered by the worker."""

from pglane.control import columns
from pglane.control.shows.show import Ask, Row, Show


async def _rows(ask: Ask) -> list[Row]:
    return await ask("monitors")


SHOW_MONITORS = Show(columns.MONITORS, _rows)
