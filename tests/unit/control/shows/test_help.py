"""SHOW HELP."""

import asyncio

from pglane.control import columns
from pglane.control.shows.help import SHOW_HELP


def test_every_command_is_there_with_its_meaning():
    async def nobody(what):
        raise AssertionError(what)

    rows = asyncio.run(SHOW_HELP.rows(nobody))
    assert [row["command"] for row in rows] == [f"SHOW {table.name}" for table in columns.TABLES]
    assert [row["meaning"] for row in rows] == [table.meaning for table in columns.TABLES]
