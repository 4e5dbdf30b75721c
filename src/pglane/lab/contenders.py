"""Who is compared, and in which way the kinds of traffic are told apart (`WAYS`).

A contender is started anew for each run, so that no run inherits connections of another. PgBouncer
gets what is best for it: the roles' SCRAM secrets, no logging of connections, no statistics.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pglane.lab import gateway, pgbouncer
from pglane.lab.database import DATABASE, Database
from pglane.lab.naming import Inquiry
from pglane.lab.place import Place
from pglane.lab.pools import PlainPool, PoolPerUser
from pglane.lab.scenario import Change, Scenario, Variant
from pglane.lab.traffic import Clients, OwnConnections

ROLE = "shop"
SESSION_ENTRY = "shop_session"
CONSOLE, PGBOUNCER_CONSOLE = "pglane", "pgbouncer"
CLIENTS_MAX = 5000
PLAIN, DIRECT, PGLANE = "plain pool", "direct", "pglane"
PER_USER = "pools per user"
"""Stands in for PgBouncer where there is none."""
WAYS = {
    "direct": "no pool: each client connects to PostgreSQL itself",
    "one user": "everybody connects as the same role, through the transaction door",
    "a user each": "every kind has a role of its own, all below one cap",
    "two doors": "what must not starve comes by the session door, with a connection each time",
    "forced user": "the same, with the role written into PgBouncer's entries",
    "lanes": "one role, and lanes by application_name with a promise: pglane configured",
    "lanes, a user each": "the same lanes, and a role for each kind",
}
"""How each is used, and what that means."""
BY_ROLE = ("a user each", "lanes, a user each")
LANES = ("lanes", "lanes, a user each")
TWO_DOORS = ("two doors", "forced user")


@dataclass(frozen=True, slots=True)
class Contender:
    """One to compare; `program`: of a PgBouncer."""

    name: str
    way: str = ""
    program: Path | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """One that runs.

    Attributes:
        clients: where its clients get their connections.
        console: if it has one.
        rewrite: writes another configuration, if it has lanes; it is still to be read.
        pid: the process that reads it at SIGHUP.
        inquiry: what a person on call would ask it; None: it has no console.
    """

    clients: Clients
    console: Place | None = None
    rewrite: Callable[[Change], Path] | None = None
    pid: int = 0
    inquiry: Inquiry | None = None


def roles(variant: Variant) -> tuple[str, ...]:
    """All roles that the ways need."""
    return (ROLE, *variant.kinds)


def contenders(scenario: Scenario, programs: list[Path], *, lanes: bool) -> list[Contender]:
    """All of a scenario; `lanes`: this gateway has them."""
    named = [(f"PgBouncer {pgbouncer.version_of(program)}", program) for program in programs]
    found = [Contender(DIRECT if "direct" in scenario.ways else PLAIN)]
    if not named and "a user each" in scenario.ways:
        found.append(Contender(PER_USER))
    for way in scenario.ways:
        if way == "direct":
            continue
        if way not in LANES:
            found += [Contender(name, way, program) for name, program in named]
        if way != "forced user" and (way not in LANES or lanes):
            found.append(Contender(PGLANE, way))
    return found


@contextmanager
def running(
    contender: Contender, scenario: Scenario, variant: Variant, database: Database
) -> Iterator[Serving]:
    """A contender, ready to serve.

    Raises:
        CannotStartError: the contender did not come up.
    """
    if contender.name == PLAIN:
        yield Serving(PlainPool(database.place(ROLE), scenario.budget))
    elif contender.name == DIRECT:
        yield Serving(OwnConnections({kind: database.place(ROLE) for kind in variant.kinds}))
    elif contender.name == PER_USER:
        own = {kind: database.place(kind) for kind in variant.kinds}
        yield Serving(PoolPerUser(own, scenario.budget))
    elif contender.program is not None:
        configuration = pgbouncer_configuration(contender.way, scenario, variant, database)
        with pgbouncer.running(contender.program, database.folder, configuration) as one:
            ports = {"transaction": one.port, "session": one.port}
            entries = (DATABASE, SESSION_ENTRY)
            found = places(contender.way, variant, database, ports, entries)
            admin = Place(one.port, ROLE, PGBOUNCER_CONSOLE, database.password)
            inquiry = Inquiry(admin, ("SHOW CLIENTS", "SHOW SERVERS"))
            yield Serving(OwnConnections(found), inquiry=inquiry)
    else:
        options = pglane_options(contender.way, scenario, variant, database)
        with gateway.running(database.folder, "pglane", options, {}) as door:
            entries = (DATABASE, DATABASE)
            found = places(contender.way, variant, database, door.ports, entries)
            console = Place(door.ports["transaction"], ROLE, CONSOLE, database.password)
            rewrite = None
            if contender.way in LANES:
                rewrite = partial(write_configuration, contender.way, scenario, variant, database)
            inquiry = Inquiry(console, ("SHOW HOLDERS",))
            yield Serving(OwnConnections(found), console, rewrite, door.pid, inquiry)


def places(
    way: str,
    variant: Variant,
    database: Database,
    ports: Mapping[str, int],
    entries: tuple[str, str],
) -> dict[str, Place]:
    """Where each kind goes; `entries`: names of the database at the two doors."""
    found: dict[str, Place] = {}
    for kind in variant.kinds:
        apart = way in TWO_DOORS and kind in variant.critical
        found[kind] = Place(
            ports["session" if apart else "transaction"],
            kind if way in BY_ROLE else ROLE,
            entries[1] if apart else entries[0],
            database.password,
            application=kind,
            each_time=apart,
        )
    return found


def pgbouncer_configuration(
    way: str, scenario: Scenario, variant: Variant, database: Database
) -> pgbouncer.Configuration:
    """Its files: one cap over all, as far as it has one for this way."""
    entry = f"host=127.0.0.1 port={database.port} dbname={DATABASE}"
    if way == "forced user":
        entry += f" user={ROLE} password={database.password}"
    settings = {
        "auth_type": "scram-sha-256",
        "pool_mode": "transaction",
        "default_pool_size": str(scenario.budget),
        "max_client_conn": str(CLIENTS_MAX),
        "query_wait_timeout": f"{scenario.wait_s_max:g}",
        "stats_users": ROLE,
    }
    if way in TWO_DOORS:
        settings["max_user_connections"] = str(scenario.budget)
    else:
        settings["max_db_connections"] = str(scenario.budget)
    return pgbouncer.Configuration(
        databases={DATABASE: entry, SESSION_ENTRY: f"{entry} pool_mode=session"},
        users={role: database.verifiers[role] for role in roles(variant)},
        settings=settings,
        limits={},
    )


def pglane_options(
    way: str, scenario: Scenario, variant: Variant, database: Database
) -> list[str]:
    """Its command line, and a file with its users and lanes."""
    first = Change("at first", scenario.budget, scenario.lanes)
    file = write_configuration(way, scenario, variant, database, first)
    return ["--config", str(file)]


def write_configuration(
    way: str, scenario: Scenario, variant: Variant, database: Database, change: Change
) -> Path:
    """The file; read at the start, and again when told."""
    file = database.folder / "pglane.toml"
    lines = [
        "[server]",
        f'uri = "postgresql://{ROLE}:{database.password}@127.0.0.1:{database.port}/{DATABASE}"',
        f"budget = {change.budget}",
        "[clients]",
        f"wait_ms_max = {int(scenario.wait_s_max * 1000)}",
    ]
    for role in roles(variant):
        lines += [f'[users."{role}"]', f'password = "{database.password}"']
    if way in LANES:
        lines.append(change.lanes)
    file.touch(mode=0o600)
    file.write_text("\n".join([*lines, ""]))
    return file
