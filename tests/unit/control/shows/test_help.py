"""SHOW HELP."""

import asyncio

from pglane.control import columns
from pglane.control.actions import VERBS
from pglane.control.shows.help import SHOW_HELP


def test_every_command_is_there_with_its_meaning():
    async def nobody(what):
        raise AssertionError(what)

    rows = asyncio.run(SHOW_HELP.rows(nobody))
    shown = [f"SHOW {table.name}" for table in columns.TABLES]
    acting = [f"{verb.name} {verb.syntax}".strip() for verb in VERBS]
    assert [row["command"] for row in rows] == shown + acting
    meanings = [each.meaning for each in (*columns.TABLES, *VERBS)]
    assert [row["meaning"] for row in rows] == meanings
