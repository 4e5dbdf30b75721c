"""SHOW HELP: what the console can be asked."""

from pglane.control import columns
from pglane.control.actions import VERBS
from pglane.control.shows.show import Ask, Row, Show


async def _rows(_ask: Ask) -> list[Row]:
    shown = [
        {"command": f"SHOW {table.name}", "meaning": table.meaning} for table in columns.TABLES
    ]
    return shown + [
        {"command": f"{verb.name} {verb.syntax}".strip(), "meaning": verb.meaning}
        for verb in VERBS
    ]


SHOW_HELP = Show(columns.HELP, _rows)
