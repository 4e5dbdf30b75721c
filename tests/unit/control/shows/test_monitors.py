"""SHOW MONITORS."""

import asyncio

from pglane.control.shows.monitors import SHOW_MONITORS


def test_the_worker_is_asked():
    async def ask(what):
        return [{"asked": what}]

    assert asyncio.run(SHOW_MONITORS.rows(ask)) == [{"asked": "monitors"}]


def test_all_its_columns_are_ours():
    assert all(column.ours for column in SHOW_MONITORS.columns)
