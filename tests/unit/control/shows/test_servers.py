"""SHOW SERVERS."""

import asyncio

from pglane.control.shows.servers import SHOW_SERVERS

KNOWN_FROM_PGBOUNCER = """
type user database replication state addr port local_addr local_port connect_time
request_time wait wait_us close_needed ptr link remote_pid tls application_name
prepared_statements id
"""


def test_the_worker_is_asked():
    async def ask(what):
        return [{"asked": what}]

    assert asyncio.run(SHOW_SERVERS.rows(ask)) == [{"asked": "servers"}]


def test_dashboards_find_what_they_know():
    names = [column.name for column in SHOW_SERVERS.columns if not column.ours]
    assert names == KNOWN_FROM_PGBOUNCER.split()
