"""The tables that list what there is: databases, roles, settings, sockets, names, memory."""

from collections.abc import Sequence

from pglane.control.table import Column, Table

DATABASES = Table(
    "DATABASES",
    "The databases behind the doors",
    (
        Column("name", "text", "what clients ask for"),
        Column("host", "text", "where PostgreSQL is"),
        Column("port", "int4", "its port"),
        Column("database", "text", "what PostgreSQL calls it"),
        Column("force_user", "text", "always NULL: clients keep their role"),
        Column("pool_size", "int4", "server connections of its budget, all doors together"),
        Column("min_pool_size", "int4", "always 0: none is kept without need"),
        Column("reserve_pool_size", "int4", "always 0: the budget is all there is"),
        Column("reserve_pool", "int4", "the same, as older versions of PgBouncer call it"),
        Column("server_lifetime", "int4", "seconds after which a server connection is replaced"),
        Column("pool_mode", "text", "always NULL: the door decides"),
        Column("load_balance_hosts", "text", "always NULL: hosts are tried in their order"),
        Column("max_connections", "int4", "as pool_size"),
        Column("current_connections", "int4", "server connections, in any state"),
        Column(
            "max_client_connections",
            "int4",
            "its connections_max ([databases.NAME]); 0: it has none of its own",
        ),
        Column("current_client_connections", "int4", "client connections that are logged in"),
        Column("paused", "int4", "1: its clients wait until RESUME"),
        Column("disabled", "int4", "1: no new clients until ENABLE"),
    ),
)

USERS = Table(
    "USERS",
    "The roles that have connected or may",
    (
        Column("name", "text", "role"),
        Column("pool_size", "int4", "always NULL: the budget is shared by all roles"),
        Column("reserve_pool_size", "int4", "always NULL"),
        Column("pool_mode", "text", "always NULL: the door decides"),
        Column("max_user_connections", "int4", "always 0: not limited by role"),
        Column("current_connections", "int4", "server connections logged in as it"),
        Column(
            "max_user_client_connections",
            "int4",
            "its connections_max ([users.NAME]); 0: it has none of its own",
        ),
        Column("current_client_connections", "int4", "client connections logged in as it"),
    ),
)

CONFIG = Table(
    "CONFIG",
    "The settings in force; then PgBouncer's names of those that mean the same",
    (
        Column("key", "text", "section.key as in pglane.toml, or PgBouncer's name"),
        Column("value", "text", "its value; *** for a secret"),
        Column("default", "text", "its value when nobody sets it"),
        Column("changeable", "text", "yes: RELOAD or SET changes it; no: takes a restart"),
    ),
)

MEM = Table(
    "MEM",
    "Memory of our processes, in pages (Linux)",
    (
        Column(
            "name",
            "text",
            "supervisor or worker; counted: what the worker holds, against memory_bytes_max",
        ),
        Column("size", "int4", "bytes of a page"),
        Column("used", "int4", "pages that are resident, or held"),
        Column("free", "int4", "counted: pages until memory_bytes_max; else 0"),
        Column("memtotal", "int8", "bytes that are resident, or held"),
    ),
)

DNS_HOSTS = Table(
    "DNS_HOSTS",
    "The names that were looked up",
    (
        Column("hostname", "text", "name of PostgreSQL's host"),
        Column("ttl", "int8", "seconds until it is looked up again when one is opened"),
        Column("addrs", "text", "its addresses, with commas between"),
    ),
)

DNS_ZONES = Table(
    "DNS_ZONES",
    "Always empty: zones are not watched, names are looked up anew",
    (
        Column("zonename", "text", "name of the zone"),
        Column("serial", "text", "its serial number"),
        Column("count", "int4", "names in it"),
    ),
)

STATE = Table(
    "STATE",
    "What the gateway as a whole is doing",
    (Column("key", "text", "a state"), Column("value", "text", "yes or no")),
    row_names={
        "active": "it serves as always",
        "paused": "everything waits until RESUME",
        "suspended": "always no: there is no SUSPEND",
    },
)

POSITIONS = (
    Column("recv_pos", "int4", "always 0"),
    Column("pkt_pos", "int4", "always 0"),
    Column("pkt_remain", "int4", "always 0"),
    Column("send_pos", "int4", "always 0"),
    Column("send_remain", "int4", "always 0"),
    Column("pkt_avail", "int4", "bytes that came and could not be sent on yet"),
    Column("send_avail", "int4", "bytes that the peer has not taken yet"),
)


def inventory_tables(connection: Sequence[Column]) -> tuple[Table, ...]:
    """These tables, and those of sockets, whose columns begin with those of a connection."""
    known = tuple(column for column in connection if not column.ours)
    ours = tuple(column for column in connection if column.ours)
    columns = (*known, *POSITIONS, *ours)
    return (
        *(DATABASES, USERS, CONFIG, MEM),
        Table("SOCKETS", "Client and server connections, with what is buffered", columns),
        Table("ACTIVE_SOCKETS", "Those that are active now, or that have to wait", columns),
        *(DNS_HOSTS, DNS_ZONES, STATE),
    )
