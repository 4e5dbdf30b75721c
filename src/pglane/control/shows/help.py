"""SHOW HELP: what the console can be asked."""

from pglane.control import columns
from pglane.control.shows.show import Ask, Row, Show


async def _rows(_ask: Ask) -> list[Row]:
    return [
        {"command": f"SHOW {table.name}", "meaning": table.meaning} for table in columns.TABLES
    ]


SHOW_HELP = Show(columns.HELP, _rows)
