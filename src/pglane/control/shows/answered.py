"""The SHOWs that only ask one word: the rows are made where they are known."""

from collections.abc import Awaitable, Callable

from pglane.control.columns import INVENTORY_TABLES
from pglane.control.columns_of_lanes import HOLDER_TABLES, LANE_TABLES
from pglane.control.columns_of_statistics import STATISTICS_TABLES
from pglane.control.shows.show import Ask, Row, Show
from pglane.control.table import Table


def _asks(what: str) -> Callable[[Ask], Awaitable[list[Row]]]:
    async def rows(ask: Ask) -> list[Row]:
        return await ask(what)

    return rows


def _answered(tables: tuple[Table, ...]) -> tuple[Show, ...]:
    return tuple(Show(table, _asks(table.name.lower())) for table in tables)


SHOW_INVENTORY = _answered(INVENTORY_TABLES)
SHOW_STATISTICS = _answered(STATISTICS_TABLES)
SHOW_LANES = _answered(LANE_TABLES)
SHOW_HOLDERS = _answered(HOLDER_TABLES)
