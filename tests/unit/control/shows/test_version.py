"""SHOW VERSION."""

import asyncio

from pglane.control.shows.version import SHOW_VERSION
from pglane.version import VERSION


def test_it_works_when_the_worker_does_not():
    async def nobody(what):
        raise AssertionError(what)

    assert asyncio.run(SHOW_VERSION.rows(nobody)) == [{"version": f"pglane {VERSION}"}]
