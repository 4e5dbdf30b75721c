"""What a command is made of."""

import asyncio

from pglane.control import columns
from pglane.control.shows.show import Show


def test_a_command_has_its_tables_columns_and_makes_rows():
    async def rows(ask):
        return await ask("this")

    async def ask(what):
        return [{"asked": what}]

    show = Show(columns.VERSION, rows)
    assert show.columns is columns.VERSION.columns
    assert asyncio.run(show.rows(ask)) == [{"asked": "this"}]
