"""Every setting of pglane: one flat frozen record whose fields carry their own description.

The class body *is* the table: name, place in the TOML file, unit, default, limits, meaning and
whether a reload may change it stand in one line group per setting. The reader of `pglane.toml`,
its JSON Schema and docs/reference/settings.md are all made from `descriptions()`; nothing is
written twice.

Defaults are right for somebody who has just typed `pglane up`: loopback only, twenty server
connections, every wait bounded. Units stand last in the names (`_ms_max`, `_bytes_max`).

The record travels to the worker process as JSON over a socket pair, secrets included; it is never
logged, and its `repr` shows no secret.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any, Self

from pglane.config.description import DAY_MS, Description, setting as _setting
from pglane.config.lanes import LaneSettings
from pglane.config.limits import Override

PORT_MAX = 65535
TARGETS = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
"""target_session_attrs, as libpq has them."""
LOOPBACK = ("127.0.0.1", "::1")
SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""What libpq and PgBouncer call them."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may connect to pglane.

    Attributes:
        name: role name, at the client and at the server (pglane never changes roles).
        verifier: as in pg_authid: "SCRAM-SHA-256$iterations:salt$stored:server", "md5...", or "".
        password: what we log in to the server with in this user's name, or "".
    """

    name: str
    verifier: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; see the module's docstring. Times in milliseconds, sizes in bytes."""

    listen_addresses: tuple[str, ...] = _setting(
        "listen.addresses",
        LOOPBACK,
        'addresses the doors listen on; "*": all of this machine, those of IPv6 too where it has '
        "them; empty: none",
        fixed=True,
    )
    unix_socket_directory: str = _setting(
        "listen.unix_socket_directory",
        "",
        "folder for the doors' Unix sockets; empty: none",
        limits=(0, 90),
        fixed=True,
    )
    transaction_port: int = _setting(
        "listen.transaction_port",
        6543,
        "port of the transaction door; 0: any free one",
        unit="port",
        limits=(0, PORT_MAX),
        fixed=True,
    )
    session_port: int = _setting(
        "listen.session_port",
        6544,
        "port of the session door; 0: any free one",
        unit="port",
        limits=(0, PORT_MAX),
        fixed=True,
    )
    direct_port: int = _setting(
        "listen.direct_port",
        6545,
        "port of the direct door; 0: any free one",
        unit="port",
        limits=(0, PORT_MAX),
        fixed=True,
    )
    server_host: str = _setting(
        "server.host",
        "",
        "PostgreSQL: a name, an IP address, or the folder of its Unix socket; several, each with "
        "its port if it has one of its own (a,b:5433,[::1]:5434), are tried in that order",
    )
    server_port: int = _setting(
        "server.port",
        5432,
        "port of PostgreSQL",
        unit="port",
        limits=(1, PORT_MAX),
    )
    server_target_session_attrs: str = _setting(
        "server.target_session_attrs",
        "any",
        "which of several servers is meant, as libpq says it; looked at for each server "
        "connection that is opened",
        choices=TARGETS,
    )
    server_user: str = _setting(
        "server.user", "", "role that pglane itself uses at PostgreSQL", limits=(0, 63), fixed=True
    )
    server_password: str = _setting(
        "server.password", "", "password of that role", fixed=True, secret=True
    )
    server_database: str = _setting(
        "server.database", "", "database behind the doors", limits=(0, 63), fixed=True
    )
    budget: int = _setting(
        "server.budget",
        20,
        "server connections pglane may hold per database, all doors together",
        unit="connections",
        limits=(1, 10_000),
    )
    rotate: int = _setting(
        "server.rotate",
        0,
        "so many server connections are opened per role, and each transaction gets another one "
        "than the client's last: shows what moving between them would break; 0: off",
        unit="connections",
        limits=(0, 10_000),
    )
    pipeline_depth: int = _setting(
        "server.pipeline_depth",
        8,
        "reads of other clients that may be sent on a server connection behind one that is being "
        "answered, where clients wait and the reads are proved to leave nothing; 0: none",
        unit="reads",
        limits=(0, 64),
    )
    opening_max: int = _setting(
        "server.opening_max",
        4,
        "server connections that are being opened at once, per database",
        unit="connections",
        limits=(1, 1000),
    )
    listeners_max: int = _setting(
        "server.listeners_max",
        4,
        "server connections beside the budget that listen for clients of the transaction door, "
        "per database; each role and encoding needs one",
        unit="connections",
        limits=(0, 1000),
    )
    connect_ms_max: int = _setting(
        "server.connect_ms_max",
        5000,
        "longest time to reach and log in to PostgreSQL",
        unit="ms",
        limits=(10, 600_000),
    )
    server_idle_ms_max: int = _setting(
        "server.idle_ms_max",
        600_000,
        "a server connection unused for so long is closed",
        unit="ms",
        limits=(100, 30 * DAY_MS),
    )
    server_lifetime_ms_max: int = _setting(
        "server.lifetime_ms_max",
        3_600_000,
        "a server connection this old is closed once free",
        unit="ms",
        limits=(100, 30 * DAY_MS),
    )
    cancel_ms_max: int = _setting(
        "server.cancel_ms_max",
        5000,
        "longest time a cancel request to PostgreSQL may take",
        unit="ms",
        limits=(10, 600_000),
    )
    statements_per_server_max: int = _setting(
        "server.statements_max",
        500,
        "prepared statements kept on one server connection",
        unit="statements",
        limits=(1, 100_000),
    )
    server_tls_sslmode: str = _setting(
        "server.tls_sslmode",
        "auto",
        "TLS towards PostgreSQL over TCP. disable: none; allow: if it insists; prefer: if it can; "
        "require: only so; verify-ca: and its certificate is signed by tls_ca_file; verify-full: "
        "and names the host; auto: prefer to other machines, allow on this one",
        choices=("auto", *SSLMODES),
    )
    server_tls_ca_file: str = _setting(
        "server.tls_ca_file",
        "",
        "authorities of PostgreSQL's certificate (PEM); if set, require and prefer look at it "
        'too; "system": those of this machine, with verify-full only',
        limits=(0, 4000),
    )
    server_tls_cert_file: str = _setting(
        "server.tls_cert_file",
        "",
        "pglane's own certificate, for a PostgreSQL that asks for one (PEM)",
        limits=(0, 4000),
    )
    server_tls_key_file: str = _setting(
        "server.tls_key_file", "", "its private key (PEM, not encrypted)", limits=(0, 4000)
    )
    server_tls_negotiation: str = _setting(
        "server.tls_negotiation",
        "postgres",
        "direct: TLS begins without asking, one round trip less; PostgreSQL 17 or newer",
        choices=("postgres", "direct"),
    )
    server_tls_channel_binding: str = _setting(
        "server.tls_channel_binding",
        "prefer",
        "logins at PostgreSQL that are good for their own TLS connection only. prefer: where it "
        "can; require: only so, which needs scram-sha-256 and TLS; disable: no",
        choices=("prefer", "require", "disable"),
    )
    monitor_user: str = _setting(
        "server.monitor_user",
        "",
        "role that watches each database for changed defaults and catalogs; empty: the role that "
        "pglane itself uses, or the first user with a password, or one whose clients are there",
        limits=(0, 63),
    )
    monitor_ms: int = _setting(
        "server.monitor_ms",
        1000,
        "how often each database is looked at for such changes; 0: never",
        unit="ms",
        limits=(0, DAY_MS),
    )
    transaction_session_state: str = _setting(
        "transaction.session_state",
        "refuse",
        "statements that leave what cannot be moved to another server connection: an error "
        "before they run, or the client keeps its server connection",
        choices=("refuse", "pin"),
    )
    pinned_max: int = _setting(
        "transaction.pinned_max",
        5,
        "clients that may keep their server connection so, per database; never the whole budget",
        unit="clients",
        limits=(0, 10_000),
    )
    transaction_limit: int = _setting(
        "transaction.limit",
        0,
        "server connections that all clients of the transaction door may hold, per database; "
        "0: the budget",
        unit="connections",
        limits=(0, 10_000),
    )
    session_limit: int = _setting(
        "session.limit",
        0,
        "server connections that all clients of the session door may hold, per database; "
        "0: the budget",
        unit="connections",
        limits=(0, 10_000),
    )
    direct_limit: int = _setting(
        "direct.limit",
        0,
        "server connections that all clients of the direct door may hold, per database; "
        "0: the budget",
        unit="connections",
        limits=(0, 10_000),
    )
    lanes: tuple[LaneSettings, ...] = ()
    auth: str = _setting(
        "clients.auth",
        "scram",
        "how clients log in. scram: SCRAM-SHA-256; md5: for users who have no SCRAM verifier but "
        "an md5 hash or a password, weak; plain: the password itself, only through TLS or a Unix "
        "socket; cert: a certificate that names the user, nothing else; trust: nothing is asked, "
        "on loopback and Unix sockets only",
        choices=("scram", "md5", "plain", "cert", "trust"),
        fixed=True,
    )
    auth_user: str = _setting(
        "clients.auth_user",
        "",
        "role with which PostgreSQL is asked for users that are not in the files (and what may "
        "hold of all: NOLOGIN, CONNECTION LIMIT, CONNECT); its password stands in the files or "
        "[server]; empty: nobody is asked for",
        limits=(0, 63),
    )
    auth_query: str = _setting(
        "clients.auth_query",
        "SELECT rolname, rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1",
        "the question: gives name and secret (as in pg_authid; NULL: none) of the user $1, or no "
        "row",
        limits=(1, 4000),
    )
    auth_dbname: str = _setting(
        "clients.auth_dbname",
        "",
        "database in which it is asked; empty: that of [server]",
        limits=(0, 63),
    )
    auth_cache_ms_max: int = _setting(
        "clients.auth_cache_ms_max",
        10_000,
        "how long an answer counts; clients of a role that has changed meanwhile are ended within "
        "that time",
        unit="ms",
        limits=(100, 30_000),
    )
    salt_secret: str = _setting(
        "clients.salt_secret",
        "",
        "what the salts are made from that clients see of users without a verifier of their own, "
        "and of those that do not exist; empty: random at each start. Name one (32 random "
        "characters) where salts must outlive a restart, or be those of other gateways",
        secret=True,
    )
    client_tls_sslmode: str = _setting(
        "clients.tls_sslmode",
        "auto",
        "TLS of clients over TCP. disable: none; allow and prefer: if they ask; require: only "
        "so; verify-ca: and with a certificate that tls_ca_file signed; verify-full: and that "
        "names the user; auto: require from other machines, prefer from this one. All but disable "
        "need a certificate where other machines can reach a door",
        choices=("auto", *SSLMODES),
    )
    client_tls_cert_file: str = _setting(
        "clients.tls_cert_file",
        "",
        "the doors' certificate, and those between it and its authority (PEM)",
        limits=(0, 4000),
    )
    client_tls_key_file: str = _setting(
        "clients.tls_key_file", "", "its private key (PEM, not encrypted)", limits=(0, 4000)
    )
    client_tls_ca_file: str = _setting(
        "clients.tls_ca_file",
        "",
        "authorities of clients' certificates (PEM); if set, clients are asked for one, and one "
        "they show must be good",
        limits=(0, 4000),
    )
    users: tuple[User, ...] = ()
    client_tls_clientname: str = _setting(
        "clients.tls_clientname",
        "cn",
        "what of a client's certificate names the user: its common name, or its whole "
        "distinguished name (RFC 2253), which certificate_names in [users.NAME] lists",
        choices=("cn", "dn"),
    )
    allow_from: tuple[str, ...] = _setting(
        "clients.allow_from",
        ("any",),
        "where clients may come from: addresses and networks (10.1.0.0/16, 2001:db8::/32), unix "
        "(the Unix sockets), loopback (this machine by TCP), any. [users.NAME] may have its own",
    )
    superusers_from: tuple[str, ...] = _setting(
        "clients.superusers_from",
        ("loopback", "unix"),
        "where clients may come from whose role is a superuser, or of whom PostgreSQL does not "
        "say that it is none; empty: nowhere",
    )
    admin_users: tuple[str, ...] = _setting(
        "clients.admin_users",
        (),
        "who may run everything in the console, the database pglane; "
        "empty: only the role that pglane itself uses",
    )
    stats_users: tuple[str, ...] = _setting(
        "clients.stats_users", (), "who may only look there (SHOW ...)"
    )
    login_ms_max: int = _setting(
        "clients.login_ms_max",
        15_000,
        "time a client has to log in",
        unit="ms",
        limits=(10, 600_000),
    )
    wait_ms_max: int = _setting(
        "clients.wait_ms_max",
        30_000,
        "longest wait of a client for a server connection",
        unit="ms",
        limits=(1, DAY_MS),
    )
    query_ms_max: int = _setting(
        "clients.query_ms_max",
        0,
        "longest time of a statement, from when it has a server connection; it is cancelled. Not "
        "at the direct door; 0: no limit",
        unit="ms",
        limits=(0, 30 * DAY_MS),
    )
    transaction_ms_max: int = _setting(
        "clients.transaction_ms_max",
        0,
        "longest time of a transaction; what runs is cancelled, or the client's connection ends. "
        "Not at the direct door; 0: no limit",
        unit="ms",
        limits=(0, 30 * DAY_MS),
    )
    idle_transaction_ms_max: int = _setting(
        "clients.idle_transaction_ms_max",
        0,
        "longest pause of a client within a transaction; its connection ends. Not at the direct "
        "door; 0: no limit",
        unit="ms",
        limits=(0, 30 * DAY_MS),
    )
    client_idle_ms_max: int = _setting(
        "clients.idle_ms_max",
        0,
        "a client that asks for nothing for so long, outside a transaction, is disconnected; 0: "
        "no limit",
        unit="ms",
        limits=(0, 30 * DAY_MS),
    )
    clients_max: int = _setting(
        "clients.connections_max",
        20_000,
        "client connections at once",
        unit="connections",
        limits=(1, 1_000_000),
    )
    unauthenticated_max: int = _setting(
        "clients.unauthenticated_max",
        200,
        "client connections that have not logged in yet",
        unit="connections",
        limits=(1, 100_000),
    )
    unauthenticated_per_address_max: int = _setting(
        "clients.unauthenticated_per_address_max",
        100,
        "of these, connections of one address (IPv6: of one network of 64 bits); this machine's "
        "own are not counted so",
        unit="connections",
        limits=(1, 100_000),
    )
    failed_login_ms_max: int = _setting(
        "clients.failed_login_ms_max",
        5000,
        "longest time that a proof waits unseen behind failed logins of the same user from the "
        "same address; 0: none waits",
        unit="ms",
        limits=(0, 600_000),
    )
    statement_bytes_max: int = _setting(
        "clients.statement_bytes_max",
        67_108_864,
        "largest Query or Parse message of a client",
        unit="bytes",
        limits=(1024, 1_073_741_823),
    )
    unread_bytes_max: int = _setting(
        "clients.unread_bytes_max",
        262_144,
        "results held for a client that reads slowly",
        unit="bytes",
        limits=(16_384, 1_073_741_823),
    )
    statements_per_client_max: int = _setting(
        "clients.statements_max",
        5000,
        "prepared statements of one client connection",
        unit="statements",
        limits=(1, 1_000_000),
    )
    drain_ms_max: int = _setting(
        "gateway.drain_ms_max",
        30_000,
        "time open transactions have to end at a drain",
        unit="ms",
        limits=(0, DAY_MS),
    )
    memory_bytes_max: int = _setting(
        "gateway.memory_bytes_max",
        1_073_741_824,
        "resident memory of the worker; before it is reached nobody new is let in, who reads "
        "slowly is sent nothing more, and who holds most is ended",
        unit="bytes",
        limits=(67_108_864, 1_099_511_627_776),
    )
    verdict_cache_entries: int = _setting(
        "gateway.verdict_cache_entries",
        10_000,
        "statement texts whose kind is remembered",
        unit="entries",
        limits=(1, 10_000_000),
    )
    metrics_address: str = _setting(
        "metrics.address",
        "127.0.0.1",
        "address the metrics are offered on, without a password",
        limits=(1, 255),
        fixed=True,
    )
    metrics_port: int = _setting(
        "metrics.port",
        0,
        "port of the metrics for Prometheus, GET /metrics; 0: none",
        unit="port",
        limits=(0, PORT_MAX),
        fixed=True,
    )
    log_format: str = _setting(
        "log.format", "text", "form of the log's lines", choices=("text", "json")
    )
    log_level: str = _setting(
        "log.level",
        "info",
        "least important lines that are logged",
        choices=("debug", "info", "warning", "error"),
    )

    overrides: tuple[Override, ...] = ()
    """Limits of single doors, databases and users."""
    places: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """Where settings were said, by field name; those that are not here are defaults."""

    def to_json(self) -> str:
        """All settings as one JSON object, **secrets included**: never for a log."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: not JSON.
            TypeError: a name that is no setting.
        """
        seen: dict[str, Any] = json.loads(text)
        seen["users"] = tuple(User(**user) for user in seen.get("users", ()))
        seen["lanes"] = tuple(LaneSettings.from_json(lane) for lane in seen.get("lanes", ()))
        seen["overrides"] = tuple(Override(**one) for one in seen.get("overrides", ()))
        seen["places"] = tuple((name, place) for name, place in seen.get("places", ()))
        for name, value in seen.items():
            if isinstance(value, list):
                seen[name] = tuple(value)
        return cls(**seen)


@cache
def descriptions() -> tuple[Description, ...]:
    """Every setting that has a place in the file, in the order of the class."""
    return tuple(
        Description(name=known.name, default=known.default, **known.metadata)
        for known in fields(Settings)
        if known.metadata
    )
