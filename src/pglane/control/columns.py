"""What the admin console's tables have for columns: names, types, meaning.

The keys of a row in the worker's `snapshot_rows` ARE these names; a key that is missing is NULL.
Names are PgBouncer's where the thing is the same, so that dashboards made for it go on working,
and ours where it is not. docs/reference/console.md is made from here (see `markdown`).
"""

from pglane.control import actions
from pglane.control.columns_of_inventory import inventory_tables
from pglane.control.columns_of_lanes import HOLDER_TABLES, LANE_TABLES
from pglane.control.columns_of_statistics import STATISTICS_TABLES
from pglane.control.table import Column, Table

CLIENTS = Table(
    "CLIENTS",
    "The client connections, one row each",
    (
        Column("type", "text", "C: a client connection"),
        Column("user", "text", "role it logged in as"),
        Column("database", "text", "database it asked for"),
        Column("replication", "text", "none, logical or physical"),
        Column("state", "text", "active (holds a lease), waiting (for one) or idle"),
        Column("addr", "text", "the client's IP address; unix for a Unix socket"),
        Column("port", "int4", "the client's port; 0 for a Unix socket"),
        Column("local_addr", "text", "address it connected to"),
        Column("local_port", "int4", "port it connected to"),
        Column("connect_time", "text", "when it connected, UTC"),
        Column("request_time", "text", "when it last asked for something, UTC"),
        Column("wait", "int4", "seconds it has waited for a server connection by now"),
        Column("wait_us", "int4", "microseconds beyond those seconds"),
        Column("close_needed", "int4", "1: closed as soon as its transaction ends (a drain)"),
        Column("ptr", "text", "name of this connection in other tables' link"),
        Column("link", "text", "ptr of the server connection it holds; empty if none"),
        Column("remote_pid", "int4", "process id of a client on a Unix socket, 0 if unknown"),
        Column("tls", "text", "protocol and cipher; empty without TLS"),
        Column("application_name", "text", "what the client says it is"),
        Column("prepared_statements", "int4", "prepared statements it has"),
        Column("id", "int8", "number of this connection, never used twice"),
        Column("door", "text", "transaction, session or direct", ours=True),
        Column("lane", "text", "class of traffic it belongs to", ours=True),
        Column("wait_reason", "text", "why it waits; empty if it does not", ours=True),
        Column(
            "pinned", "text", "why it keeps its server connection; empty if it need not", ours=True
        ),
    ),
)

SERVERS = Table(
    "SERVERS",
    "The server connections, one row each",
    (
        Column("type", "text", "S: a server connection"),
        Column("user", "text", "role it is logged in as"),
        Column("database", "text", "database it is connected to"),
        Column("replication", "text", "none, logical or physical"),
        Column(
            "state",
            "text",
            "new (logging in), idle, active (leased), tested (being cleaned), active_cancel or "
            "being_canceled (held back until a cancel has ended), closing; listening (for clients "
            "of the transaction door, beside the budget)",
        ),
        Column("addr", "text", "PostgreSQL's IP address; unix for a Unix socket"),
        Column("port", "int4", "PostgreSQL's port"),
        Column("local_addr", "text", "our end's address"),
        Column("local_port", "int4", "our end's port; 0 for a Unix socket"),
        Column("connect_time", "text", "when it was opened, UTC"),
        Column("request_time", "text", "when it was last used, UTC"),
        Column("wait", "int4", "always 0: servers do not wait"),
        Column("wait_us", "int4", "always 0"),
        Column("close_needed", "int4", "1: closed instead of being reused (age, drain, reload)"),
        Column("ptr", "text", "name of this connection in other tables' link"),
        Column("link", "text", "ptr of the client connection that holds it; empty if none"),
        Column("remote_pid", "int4", "process id of its backend, as in pg_stat_activity"),
        Column("tls", "text", "protocol and cipher; empty without TLS"),
        Column("application_name", "text", "of the client that holds it; empty if none"),
        Column("prepared_statements", "int4", "prepared statements it has"),
        Column("id", "int8", "number of this connection, never used twice"),
        Column("door", "text", "door of the lease; empty if it is free", ours=True),
        Column("lane", "text", "lane of the lease; empty if it is free", ours=True),
        Column(
            "wait_reason", "text", "what keeps it from being leased; empty if nothing", ours=True
        ),
        Column("pinned", "text", "why it stays with its client; empty if it need not", ours=True),
    ),
)

POOLS = Table(
    "POOLS",
    "What clients and server connections of one database, role and door are doing",
    (
        Column("database", "text", "database"),
        Column("user", "text", "role"),
        Column("cl_active", "int4", "clients that hold a lease or ask for nothing"),
        Column("cl_waiting", "int4", "clients that wait for a server connection"),
        Column("cl_active_cancel_req", "int4", "cancel requests on their way to PostgreSQL"),
        Column("cl_waiting_cancel_req", "int4", "cancel requests not yet on their way"),
        Column("sv_active", "int4", "server connections that are leased"),
        Column("sv_active_cancel", "int4", "connections that carry a cancel request now"),
        Column(
            "sv_being_canceled", "int4", "server connections held back until a cancel has ended"
        ),
        Column("sv_idle", "int4", "free server connections"),
        Column("sv_used", "int4", "always 0: a free connection is watched, not tested later"),
        Column("sv_tested", "int4", "server connections being cleaned"),
        Column("sv_login", "int4", "server connections being opened"),
        Column("maxwait", "int4", "seconds the longest waiting client has waited by now"),
        Column("maxwait_us", "int4", "microseconds beyond those seconds"),
        Column("pool_mode", "text", "PgBouncer's word: transaction or session (direct too)"),
        Column("load_balance_hosts", "text", "always NULL: hosts are tried in their order"),
        Column("door", "text", "transaction, session or direct", ours=True),
        Column("lane", "text", "class of traffic", ours=True),
        Column(
            "sv_closing", "int4", "counted in the budget until their backend is gone", ours=True
        ),
        Column("budget", "int4", "server connections all pools of this database share", ours=True),
        Column("cl_pinned", "int4", "clients that keep their server connection", ours=True),
    ),
)

LIST_NAMES = {
    "databases": "databases that have a ledger of server connections",
    "users": "roles that have connected",
    "peers": "always 0: there are none",
    "pools": "rows of SHOW POOLS",
    "peer_pools": "always 0: there are none",
    "free_clients": "client connections that may still come",
    "used_clients": "client connections that are logged in",
    "login_clients": "client connections that are logging in",
    "free_servers": "server connections that the budgets of these databases still allow",
    "used_servers": "server connections, those being opened and closed too",
    "dns_names": "hosts of PostgreSQL that are told by name",
    "dns_zones": "always 0: zones are not watched",
    "dns_queries": "names being looked up",
    "dns_pending": "always 0: no look-up waits for another",
    "internal_errors": "connections lost to a fault of pglane itself; PgBouncer has no such row",
}
"""The rows of SHOW LISTS, in order, and what they count."""

LISTS = Table(
    "LISTS",
    "How many there are of everything, one row each",
    (
        Column("list", "text", "what is counted"),
        Column("items", "int4", "how many there are"),
    ),
    row_names=LIST_NAMES,
)

MONITORS = Table(
    "MONITORS",
    "What is known of each database beyond its clients, one row each",
    (
        Column("database", "text", "database", ours=True),
        Column("state", "text", "watching, or why it is not watched", ours=True),
        Column(
            "defaults_epoch",
            "text",
            "another word after each change of role or database defaults or of the configuration",
            ours=True,
        ),
        Column("defaults_changes", "int8", "how often that happened", ours=True),
        Column(
            "catalog_epoch",
            "text",
            "another word after each change of what its functions, triggers and views may do",
            ours=True,
        ),
        Column("unproved_names", "int8", "names that may do what no text shows", ours=True),
        Column("unprovable", "text", "why nothing can be proved; empty if it can", ours=True),
        Column(
            "unprinted",
            "int8",
            "definitions that PostgreSQL cannot print now (locked, damaged): those are doubtful",
            ours=True,
        ),
        Column("probes", "int8", "how often a session was looked at before release", ours=True),
        Column(
            "harmless_fingerprints", "int8", "statements that were seen leaving nothing", ours=True
        ),
        Column(
            "stateful_fingerprints",
            "int8",
            "statements that were seen leaving what cannot be moved",
            ours=True,
        ),
    ),
)

VERSION = Table(
    "VERSION",
    "The version that runs",
    (Column("version", "text", "pglane and its version"),),
)

INVENTORY_TABLES = inventory_tables(CLIENTS.columns)

HELP = Table(
    "HELP",
    "The commands of this console",
    (
        Column("command", "text", "what to type", ours=True),
        Column("meaning", "text", "what it shows", ours=True),
    ),
)

TABLES = (
    *(CLIENTS, SERVERS, POOLS, LISTS, VERSION, MONITORS),
    *INVENTORY_TABLES,
    *STATISTICS_TABLES,
    *LANE_TABLES,
    *HOLDER_TABLES,
    HELP,
)

_HEAD = """\
# The admin console

<!-- made by tools/generate_reference.py from src/pglane/control -->

Connect to the database `pglane` on any door, with any client of PostgreSQL. Commands may be
written in capitals or not; the simple and the extended protocol work, results come as text or
binary. `BEGIN`, `COMMIT` and `ROLLBACK` are accepted because drivers send them, and do nothing.
Column names are PgBouncer's where they mean the same; the last column says whose name it is.

`admin_users` may do everything here, `stats_users` may only look (SHOW). By default the role that
pglane itself uses is the only admin user.
"""


def markdown() -> str:
    """The whole of docs/reference/console.md."""
    return "\n".join([_HEAD, actions.markdown(), *map(_section, TABLES)])


def _section(table: Table) -> str:
    lines = [f"## SHOW {table.name}", "", f"{table.meaning}.", ""]
    lines += ["| column | type | meaning | whose |", "|---|---|---|---|"]
    for column in table.columns:
        whose = "pglane" if column.ours else "PgBouncer"
        lines.append(f"| `{column.name}` | {column.type_name} | {column.meaning} | {whose} |")
    if table.row_names:
        lines += ["", "| row | counts |", "|---|---|"]
        lines += [f"| `{name}` | {meaning} |" for name, meaning in table.row_names.items()]
    return "\n".join([*lines, ""])
