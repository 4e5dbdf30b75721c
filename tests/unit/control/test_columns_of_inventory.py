"""The tables that list what there is have PgBouncer's columns, in its order."""

import pytest

from pglane.control.columns import CLIENTS
from pglane.control.columns_of_inventory import inventory_tables

TABLES = {table.name: table for table in inventory_tables(CLIENTS.columns)}
KNOWN_FROM_PGBOUNCER = {
    "DATABASES": "name host port database force_user pool_size min_pool_size reserve_pool_size "
    "server_lifetime pool_mode load_balance_hosts max_connections current_connections "
    "max_client_connections current_client_connections paused disabled",
    "USERS": "name pool_size reserve_pool_size pool_mode max_user_connections "
    "current_connections max_user_client_connections current_client_connections",
    "CONFIG": "key value default changeable",
    "MEM": "name size used free memtotal",
    "SOCKETS": "type user database replication state addr port local_addr local_port "
    "connect_time request_time wait wait_us close_needed ptr link remote_pid tls "
    "application_name prepared_statements id recv_pos pkt_pos pkt_remain send_pos send_remain "
    "pkt_avail send_avail",
    "DNS_HOSTS": "hostname ttl addrs",
    "DNS_ZONES": "zonename serial count",
    "STATE": "key value",
}


@pytest.mark.parametrize("name", KNOWN_FROM_PGBOUNCER)
def test_what_is_known_comes_in_the_known_order(name):
    names = [column.name for column in TABLES[name].columns if not column.ours]
    assert [each for each in names if each != "reserve_pool"] == KNOWN_FROM_PGBOUNCER[name].split()


def test_active_sockets_are_sockets():
    assert TABLES["ACTIVE_SOCKETS"].columns == TABLES["SOCKETS"].columns


def test_older_exporters_find_the_reserve_too():
    assert "reserve_pool" in TABLES["DATABASES"].keys
