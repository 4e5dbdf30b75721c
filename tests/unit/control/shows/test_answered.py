"""SHOWs that ask one word."""

import asyncio

import pytest

from pglane.control.shows.answered import SHOW_HOLDERS, SHOW_INVENTORY, SHOW_STATISTICS


@pytest.mark.parametrize(
    "show", SHOW_INVENTORY + SHOW_STATISTICS + SHOW_HOLDERS, ids=lambda show: show.table.name
)
def test_the_word_is_the_tables_name(show):
    async def ask(what):
        return [{"asked": what}]

    assert asyncio.run(show.rows(ask)) == [{"asked": show.table.name.lower()}]
