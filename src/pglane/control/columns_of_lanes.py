"""The tables about lanes: SHOW LANES, SHOW TENANTS, SHOW WAITS, SHOW HOLDERS and SHOW QUEUE.

Times are in microseconds, as everywhere in this console. What is counted is counted since the
worker started.
"""

from pglane.control.table import Column, Table

REASONS = {
    "no_server_free": "every server connection of the budget is in use or promised to others",
    "lane_at_limit": "the lane has as many as its limit allows",
    "door_at_limit": "all lanes of the door together have as many as the door may",
    "reserved_for_others": "what is free is kept for lanes that have less than they reserve",
    "behind_in_pipeline": "it was sent, and reads of others are answered before it on the same "
    "server connection",
    "opening_server": "a server connection is being made ready for it",
    "database_down": "none can be opened at the moment",
    "paused": "somebody at the console holds everything back (PAUSE)",
    "conflict_token": "its kind of transaction is admitted one at a time until conflicts end",
}
"""Why a request waits."""
REFUSALS = {
    "expired": "it waited nine tenths of its time; what starts later would answer nobody",
    "hopeless": "at the pace of its lane it could not be served in time: it is told at once",
    "shed": "too many waited; the lowest rank goes first",
    "overloaded": "requests waited longer than shed_after_ms of a lane allows; the lowest rank "
    "goes first",
    "pool_deadlock": "works that have all places each waited for another one: the newest was "
    "refused",
}
"""Why a request was answered without being started."""
VIOLATIONS = {
    "held_too_long": "a lease outlasted what is enforced: a server process that does not end, a "
    "lock",
    "opening": "a server connection had to be opened first",
    "suspended": "there are fewer server connections than lanes reserve, or after a change those "
    "that have no enforced end, or are to be kept free, are not all back yet",
}
"""Why a wait was longer than promised."""

_DATABASE = Column("database", "text", "whose budget", ours=True)
_LANE = Column("lane", "text", "its name; door:user where none is configured for them", ours=True)


def _ours(name: str, type_name: str, meaning: str) -> Column:
    return Column(name, type_name, meaning, ours=True)


LANES = Table(
    "LANES",
    "Classes of traffic: what each is promised, has, and waits for. Times in microseconds, counts "
    "since the worker started; at most a second old, and no client pays for the look",
    (
        _DATABASE,
        _LANE,
        _ours("door", "text", "the only door whose clients are in it; empty: any"),
        _ours("weight", "text", "its share of what is beyond all reservations"),
        _ours("reserve", "int4", "server connections that it reserves"),
        _ours("kept", "int4", "how many of them can be kept now"),
        _ours("busy", "int4", "server connections that it has, with those coming"),
        _ours("coming", "int4", "requests for which one is being made ready"),
        _ours("waiting", "int4", "requests that wait and have none coming"),
        _ours("continuing", "int4", "of these, those whose work (pglane.work) has one already"),
        _ours(
            "tickets",
            "int4",
            "kept for those beside all reservations (nested - 1), as far as can be",
        ),
        _ours("tickets_busy", "int4", "of these, those in use; they are in busy too"),
        _ours("head_wait", "int8", "how long the oldest of them has waited by now"),
        _ours("wait_bound", "int8", "the longest that a first request waits; NULL: no promise"),
        _ours("wait_p50", "int8", "half of the leases were waited for no longer than this"),
        _ours("wait_p99", "int8", "99 of 100"),
        _ours("wait_max", "int8", "the longest wait that ended in a lease"),
        _ours("wait_time", "int8", "sum of all waits that ended in a lease"),
        _ours("grants", "int8", "leases"),
        _ours("hold_avg", "int8", "how long leases last, recent ones counting more"),
        _ours("service_time", "int8", "server connections in use times time"),
        _ours("lent_time", "int8", "leases of others on what it reserves"),
        _ours("borrowed_time", "int8", "its leases on what others reserve"),
        _ours("recalls", "int8", "leases that were asked to end, for their place was needed"),
        _ours("give_back_avg", "int8", "from asking until the place was free"),
        _ours("give_back_p99", "int8", "99 of 100 took no longer than this"),
        _ours("give_back_max", "int8", "the longest of them"),
        _ours("refused", "int8", "requests answered without being started (SHOW WAITS)"),
        _ours("deadline_misses", "int8", "of these, those whose time was over (expired)"),
        _ours("violations", "int8", "waits beyond what is promised (SHOW WAITS)"),
        _ours("tenants", "int4", "names that are told apart in it"),
        _ours(
            "fairness",
            "text",
            "Jain's index over the lanes of the database that waited in the last minute or two: "
            "1.00 where each got its share, 1/n where one of n had it all",
        ),
    ),
)
TENANTS = Table(
    "TENANTS",
    "Who shares a turn inside a lane: of each lane those whose leases took most",
    (
        _DATABASE,
        _LANE,
        _ours("tenant", "text", "application_name without process ids, or what the lane says"),
        _ours("clients", "int4", "client connections"),
        _ours("busy", "int4", "server connections that it has"),
        _ours("waiting", "int4", "requests that wait"),
        _ours("head_wait", "int8", "how long the oldest of them has waited by now"),
        _ours("wait_p50", "int8", "half of the leases were waited for no longer than this"),
        _ours("wait_p99", "int8", "99 of 100"),
        _ours("wait_max", "int8", "the longest wait that ended in a lease"),
        _ours("grants", "int8", "leases"),
        _ours("held_time", "int8", "sum of the time of its leases that ended"),
        _ours("refused", "int8", "requests answered without being started"),
        _ours("deadline_misses", "int8", "of these, those whose time was over (expired)"),
    ),
)
WAITS = Table(
    "WAITS",
    "Why requests waited, were refused, or waited longer than promised; what never happened is "
    "left out",
    (
        _DATABASE,
        _LANE,
        _ours("kind", "text", "wait, refused or violation"),
        _ours("reason", "text", "one of the names below; no other exists"),
        _ours("count", "int8", "how often"),
    ),
    row_names=REASONS | REFUSALS | VIOLATIONS,
)
_WHOSE = (
    _ours("door", "text", "transaction, session or direct"),
    _ours("user", "text", "role it logged in as"),
    _ours("application_name", "text", "what the client says it is"),
    _ours("addr", "text", "the client's IP address; unix for a Unix socket"),
    _ours("port", "int4", "the client's port; 0 for a Unix socket"),
)
_CLIENT = _ours("client", "text", "ptr of the client connection (SHOW CLIENTS)")
HOLDERS = Table(
    "HOLDERS",
    "Who holds server connections at this moment, and what for: those who do nothing for longest "
    "come first",
    (
        _DATABASE,
        _ours("lane", "text", "whose place it has"),
        *_WHOSE,
        _ours(
            "doing",
            "text",
            "active, idle in transaction, idle in transaction (aborted) or idle, as in "
            "pg_stat_activity; unread: through the direct door, whose bytes are not looked at",
        ),
        _ours("since", "text", "from when on it does that, UTC"),
        _ours("doing_time", "int8", "for how long it has done that"),
        _ours("held_time", "int8", "for how long it has held the server connection"),
        _ours("remote_pid", "int4", "process id of the backend, as in pg_stat_activity"),
        _ours("waiting", "int4", "requests that wait for a server connection of this database"),
        _CLIENT,
        _ours("server", "text", "ptr of the server connection (SHOW SERVERS)"),
    ),
)
QUEUE = Table(
    "QUEUE",
    "Who waits for a server connection at this moment, why, and who holds them: of each lane in "
    "the order of coming",
    (
        _DATABASE,
        _LANE,
        _ours(
            "place",
            "int4",
            "how many of its lane came no later than it; 0: it was sent on, and a read of another "
            "client is answered first",
        ),
        *_WHOSE,
        _ours("wait", "int8", "how long it has waited by now"),
        _ours("wait_max", "int8", "how long it waits at most"),
        _ours("reason", "text", "why: one of those that SHOW WAITS counts as wait"),
        _ours("held_by", "text", "who holds the server connections, some of them by name"),
        _CLIENT,
    ),
)
LANE_TABLES = (LANES, TENANTS, WAITS)
HOLDER_TABLES = (HOLDERS, QUEUE)
