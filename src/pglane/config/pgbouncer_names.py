"""PgBouncer's names for what is a setting here: a file that has one is told ours.

Its times are in seconds, ours in milliseconds, so none of them is taken as it is. What needs no
setting here has a sentence that says why. docs/howto/move-from-pgbouncer.md has the same as a
table; a test holds that none of these names is missing there.
"""

NAMES = {
    "listen_addr": "listen.addresses",
    "unix_socket_dir": "listen.unix_socket_directory",
    "auth_type": "clients.auth",
    "auth_file": "clients.auth_file",
    "auth_user": "clients.auth_user",
    "auth_query": "clients.auth_query",
    "auth_dbname": "clients.auth_dbname",
    "auth_hba_file": "clients.allow_from",
    "admin_users": "clients.admin_users",
    "stats_users": "clients.stats_users",
    "client_tls_sslmode": "clients.tls_sslmode",
    "client_tls_ca_file": "clients.tls_ca_file",
    "client_tls_cert_file": "clients.tls_cert_file",
    "client_tls_key_file": "clients.tls_key_file",
    "server_tls_sslmode": "server.tls_sslmode",
    "server_tls_ca_file": "server.tls_ca_file",
    "server_tls_cert_file": "server.tls_cert_file",
    "server_tls_key_file": "server.tls_key_file",
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
    "pool_size": "databases.NAME.budget",
    "max_prepared_statements": "server.statements_max",
    "max_packet_size": "clients.statement_bytes_max",
}
"""By PgBouncer's name, table and key."""

_TLS = "nothing: TLS 1.2 or newer is spoken; Python and OpenSSL choose ciphers and curves"
_SOCKET = (
    "nothing: everybody on the machine may knock, and is asked for a password (with trust the "
    "owner only); the rights of unix_socket_directory can say who comes near"
)
_KEEPALIVE = (
    "nothing: after a minute of silence the kernel asks six times, every ten seconds, whether the "
    "peer is there"
)
_LOG = "nothing: the log goes to standard error, for whoever starts pglane"

ELSEWHERE = {
    "pool_mode": "the port says it: transaction_port or session_port in the table [listen]",
    "listen_port": "each door has a port: transaction_port, session_port and direct_port in the "
    "table [listen]",
    "min_pool_size": "nothing: server connections are opened when they are needed, and kept",
    "reserve_pool_size": "a lane with reserve, in a table [lanes.NAME]",
    "reserve_pool_timeout": "nothing: what a lane reserves is there at once",
    "max_user_connections": "limit of a lane for this user, in a table [lanes.NAME]",
    "server_reset_query": "nothing: what a client left is known, and cleaned only then",
    "server_reset_query_always": "nothing: what a client left is known, and cleaned only then",
    "server_check_query": "nothing: a server connection that ends while unused is noticed at once",
    "server_check_delay": "nothing: a server connection that ends while unused is noticed at once",
    "server_login_retry": "nothing: it is tried again, at growing intervals, while clients wait",
    "server_round_robin": "nothing: the server connection used last is used first",
    "server_fast_close": "nothing: RECONNECT in the console does it when it is wanted",
    "ignore_startup_parameters": "nothing: each client has the settings it asks for",
    "track_extra_parameters": "nothing: all settings of a client are its own",
    "application_name_add_host": "nothing: SHOW CLIENTS shows the address",
    "connect_query": "ALTER ROLE .. SET or ALTER DATABASE .. SET in PostgreSQL",
    "logfile": _LOG,
    "syslog": _LOG,
    "syslog_facility": _LOG,
    "syslog_ident": _LOG,
    "pidfile": "nothing: a service manager knows the process",
    "job_name": "nothing: a service manager knows the process by a name of its own",
    "service_name": "nothing: a service manager knows the process by a name of its own",
    "user": "nothing: a service manager starts pglane as the user it is to run as",
    "verbose": "level in the table [log]",
    "log_connections": "level in the table [log]",
    "log_disconnections": "level in the table [log]",
    "log_pooler_errors": "level in the table [log]",
    "log_stats": "port in the table [metrics]",
    "stats_period": "port in the table [metrics]",
    "pkt_buf": "unread_bytes_max in the table [clients], for what is held for a slow reader",
    "listen_backlog": "nothing: it is 4096, or what the kernel allows",
    "so_reuseport": "nothing: one process serves all doors",
    "peer_id": "nothing: one process serves all doors",
    "dns_max_ttl": "nothing: SHOW DNS_HOSTS tells how long addresses are used",
    "dns_nxdomain_ttl": "nothing: that a name was not found is not kept, the next try asks again",
    "dns_zone_check_period": "nothing: zones are not watched, names are looked up anew",
    "resolv_conf": "nothing: the system looks names up, by its own files",
    "tcp_keepalive": _KEEPALIVE,
    "tcp_keepcnt": _KEEPALIVE,
    "tcp_keepidle": _KEEPALIVE,
    "tcp_keepintvl": _KEEPALIVE,
    "tcp_defer_accept": "nothing: Linux keeps a connection on which nothing comes for a second",
    "tcp_socket_buffer": "nothing: the kernel sizes its buffers",
    "tcp_user_timeout": "nothing: the kernel's own time holds for what nobody acknowledges",
    "sbuf_loopcnt": "nothing: at most 64 KiB of a connection are read before others have a turn",
    "disable_pqexec": "nothing: simple queries are served",
    "suspend_timeout": "nothing: there is no SUSPEND",
    "autodb_idle_timeout": "nothing: server.idle_ms_max closes server connections of any database",
    "unix_socket_mode": _SOCKET,
    "unix_socket_group": _SOCKET,
    "client_tls_ciphers": _TLS,
    "client_tls_protocols": _TLS,
    "client_tls_dheparams": _TLS,
    "client_tls_ecdhcurve": _TLS,
    "server_tls_ciphers": _TLS,
    "server_tls_protocols": _TLS,
}
"""By PgBouncer's name, where it is said here, or why it need not be."""
GUIDE = "what each line of pgbouncer.ini is here: docs/howto/move-from-pgbouncer.md"


def suggestion_for(name: str) -> str:
    """What a setting of PgBouncer is called here, in a sentence; empty: it is none of these."""
    lowered = name.lower()
    if lowered == "pgbouncer":
        return GUIDE
    if lowered in ELSEWHERE:
        return f"in place of PgBouncer's {lowered}: {ELSEWHERE[lowered]}"
    place = NAMES.get(lowered)
    if place is None:
        return ""
    table, _, key = place.rpartition(".")
    unit = ", in milliseconds" if key.endswith("_ms_max") else ""
    return f"PgBouncer's {lowered} is {key} in the table [{table}]{unit}"
