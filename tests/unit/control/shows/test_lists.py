"""SHOW LISTS."""

import asyncio

from pglane.control.shows.lists import SHOW_LISTS

KNOWN_FROM_PGBOUNCER = """
list items
"""


def test_the_worker_is_asked():
    async def ask(what):
        return [{"asked": what}]

    assert asyncio.run(SHOW_LISTS.rows(ask)) == [{"asked": "lists"}]


def test_dashboards_find_what_they_know():
    names = [column.name for column in SHOW_LISTS.columns if not column.ours]
    assert names == KNOWN_FROM_PGBOUNCER.split()
