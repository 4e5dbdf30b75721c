"""SHOW CLIENTS."""

import asyncio

from pglane.control.shows.clients import SHOW_CLIENTS

KNOWN_FROM_PGBOUNCER = """
type user database replication state addr port local_addr local_port connect_time
request_time wait wait_us close_needed ptr link remote_pid tls application_name
prepared_statements id
"""


def test_the_worker_is_asked():
    async def ask(what):
        return [{"asked": what}]

    assert asyncio.run(SHOW_CLIENTS.rows(ask)) == [{"asked": "clients"}]


def test_dashboards_find_what_they_know():
    names = [column.name for column in SHOW_CLIENTS.columns if not column.ours]
    assert names == KNOWN_FROM_PGBOUNCER.split()
