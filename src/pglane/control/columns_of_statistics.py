"""The tables that tell how much passed: SHOW STATS and its three relatives.

PgBouncer's names and units: times in microseconds, averages per second (times: per transaction,
query or lease). One list says what is counted; the four tables differ in how they call it.
"""

from dataclasses import dataclass

from pglane.control.table import Column, Table


@dataclass(frozen=True, slots=True)
class Counter:
    """One thing that is counted.

    Attributes:
        key: its key in the worker's rows and its column in SHOW STATS_TOTALS.
        stats: its column in SHOW STATS behind `total_` and `avg_`; the average's own, if other.
        totals: its name in SHOW TOTALS behind `total_` and `avg_`.
        meaning: one line for people.
        per: key of what its average is divided by; empty: by seconds.
    """

    key: str
    stats: tuple[str, str]
    totals: str
    meaning: str
    per: str = ""


PGBOUNCERS = (
    Counter(
        "server_assignment_count",
        ("server_assignment_count", "server_assignment_count"),
        "server_assignment_count",
        "leases: times that a client was given a server connection",
    ),
    Counter(
        "xact_count",
        ("xact_count", "xact_count"),
        "xact_count",
        "transactions that ended; none of the direct door's, whose bytes pass unread",
    ),
    Counter(
        "query_count",
        ("query_count", "query_count"),
        "query_count",
        "requests that were answered: simple queries, or all up to a Sync",
    ),
    Counter(
        "bytes_received",
        ("received", "recv"),
        "client_bytes",
        "bytes from clients that are logged in",
    ),
    Counter(
        "bytes_sent",
        ("sent", "sent"),
        "server_bytes",
        "bytes from server connections, which nearly all go to clients",
    ),
    Counter(
        "xact_time",
        ("xact_time", "xact_time"),
        "xact_time",
        "microseconds in transactions, idle ones too",
        per="xact_count",
    ),
    Counter(
        "query_time",
        ("query_time", "query_time"),
        "query_time",
        "microseconds in which something was unanswered; requests sent back to back share theirs",
        per="query_count",
    ),
    Counter(
        "wait_time",
        ("wait_time", "wait_time"),
        "wait_time",
        "microseconds that clients waited for a server connection, counted when they got it",
    ),
    Counter(
        "client_parse_count",
        ("client_parse_count", "client_parse_count"),
        "ps_client_parse_count",
        "statements that clients prepared by the protocol",
    ),
    Counter(
        "server_parse_count",
        ("server_parse_count", "server_parse_count"),
        "ps_server_parse_count",
        "statements that were prepared on server connections for that",
    ),
    Counter(
        "bind_count",
        ("bind_count", "bind_count"),
        "ps_bind_count",
        "prepared statements that were bound",
    ),
    Counter(
        "client_login_count",
        ("client_login_count", "client_login_count"),
        "client_login_count",
        "clients that came in",
    ),
)
OWN = (
    Counter(
        "pipelined_count",
        ("pipelined_count", "pipelined_count"),
        "pipelined_count",
        "reads that were sent on behind another client's, in a shared pipeline",
    ),
    Counter(
        "fell_back_count",
        ("fell_back_count", "fell_back_count"),
        "fell_back_count",
        "of these, how many waited anew and ran twice",
    ),
)
COUNTERS = PGBOUNCERS + OWN
"""Ours come last, so that who reads by position reads what it did."""
PREPARED = ("client_parse_count", "server_parse_count", "bind_count", "client_login_count")
"""Counters whose column in SHOW STATS_AVERAGES begins with `avg_`, as in PgBouncer."""

_DATABASE = Column("database", "text", "database")


def average_of(counter: Counter) -> str:
    """What its average means."""
    if not counter.per:
        return f"{counter.meaning}; per second"
    return f"{counter.meaning}; per one of {counter.per}"


def averages_key(counter: Counter) -> str:
    """Its column in SHOW STATS_AVERAGES."""
    return f"avg_{counter.key}" if counter.key in PREPARED else counter.key


STATS = Table(
    "STATS",
    "What passed through each database: totals since the worker started, and averages over the "
    "last whole minute (until one is over: since the start)",
    (
        _DATABASE,
        *(Column(f"total_{each.stats[0]}", "int8", each.meaning) for each in PGBOUNCERS),
        *(Column(f"avg_{each.stats[1]}", "int8", average_of(each)) for each in PGBOUNCERS),
        *(Column(f"total_{each.stats[0]}", "int8", each.meaning, ours=True) for each in OWN),
        *(Column(f"avg_{each.stats[1]}", "int8", average_of(each), ours=True) for each in OWN),
    ),
)
STATS_TOTALS = Table(
    "STATS_TOTALS",
    "The totals of SHOW STATS",
    (
        _DATABASE,
        *(Column(each.key, "int8", each.meaning, ours=each in OWN) for each in COUNTERS),
    ),
)
STATS_AVERAGES = Table(
    "STATS_AVERAGES",
    "The averages of SHOW STATS",
    (
        _DATABASE,
        *(
            Column(averages_key(each), "int8", average_of(each), ours=each in OWN)
            for each in COUNTERS
        ),
    ),
)
TOTALS = Table(
    "TOTALS",
    "SHOW STATS over all databases, one row for each figure",
    (
        Column("name", "text", "what is counted"),
        Column("value", "int8", "how much"),
    ),
    row_names={
        **{f"total_{each.totals}": each.meaning for each in COUNTERS},
        **{f"avg_{each.totals}": average_of(each) for each in COUNTERS},
    },
)
STATISTICS_TABLES = (STATS, STATS_TOTALS, STATS_AVERAGES, TOTALS)
