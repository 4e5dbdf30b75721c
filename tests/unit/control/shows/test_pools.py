"""SHOW POOLS."""

import asyncio

from pglane.control.shows.pools import SHOW_POOLS

KNOWN_FROM_PGBOUNCER = """
database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active
sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us
pool_mode load_balance_hosts
"""


def test_the_worker_is_asked():
    async def ask(what):
        return [{"asked": what}]

    assert asyncio.run(SHOW_POOLS.rows(ask)) == [{"asked": "pools"}]


def test_dashboards_find_what_they_know():
    names = [column.name for column in SHOW_POOLS.columns if not column.ours]
    assert names == KNOWN_FROM_PGBOUNCER.split()
