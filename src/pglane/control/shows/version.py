"""SHOW VERSION: answered by the supervisor, so that it works when the worker does not."""

from pglane.control import columns
from pglane.control.shows.show import Ask, Row, Show
from pglane.version import VERSION


async def _rows(_ask: Ask) -> list[Row]:
    return [{"version": f"pglane {VERSION}"}]


SHOW_VERSION = Show(columns.VERSION, _rows)
