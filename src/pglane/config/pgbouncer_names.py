"""PgBouncer's names for what is a setting here: a file that has one is told ours.

Its times are in seconds, ours in milliseconds, so none of them is taken as it is.
"""

NAMES = {
    "query_timeout": "clients.query_ms_max",
    "query_wait_timeout": "clients.wait_ms_max",
    "transaction_timeout": "clients.transaction_ms_max",
    "idle_transaction_timeout": "clients.idle_transaction_ms_max",
    "client_idle_timeout": "clients.idle_ms_max",
    "client_login_timeout": "clients.login_ms_max",
    "cancel_wait_timeout": "server.cancel_ms_max",
    "server_connect_timeout": "server.connect_ms_max",
    "server_idle_timeout": "server.idle_ms_max",
    "server_lifetime": "server.lifetime_ms_max",
    "max_client_conn": "clients.connections_max",
    "max_db_client_connections": "databases.NAME.connections_max",
    "max_user_client_connections": "users.NAME.connections_max",
    "max_db_connections": "databases.NAME.budget",
    "default_pool_size": "server.budget",
}
"""By PgBouncer's name, table and key."""


def suggestion_for(name: str) -> str:
    """What a setting of PgBouncer is called here, in a sentence; empty: it is none of these."""
    place = NAMES.get(name.lower())
    if place is None:
        return ""
    table, _, key = place.rpartition(".")
    unit = ", in milliseconds" if key.endswith("_ms_max") else ""
    return f"PgBouncer's {name.lower()} is {key} in the table [{table}]{unit}"
