"""The metrics: what Prometheus reads, in its text format 0.0.4.

Names and units follow its conventions: base units, `_total` for counters, labels for what can be
added up. Everything is made from the rows that the console shows, so no figure has two sources.
docs/reference/metrics.md is made from `METRICS`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pglane.control.shows import Ask
from pglane.errors.refused import RefusedError
from pglane.version import VERSION

Rows = Sequence[Mapping[str, Any]]

MICROSECONDS = 1e-6
DATABASE = (("database", "database"),)
LANE = (*DATABASE, ("lane", "lane"))
TENANT = (*LANE, ("tenant", "tenant"))
POOL = (*DATABASE, ("user", "user"), ("door", "door"))


@dataclass(frozen=True, slots=True)
class Sample:
    """Where one value of a metric comes from.

    Attributes:
        source: the word that is asked; one value for each row.
        column: key of the value in the row.
        labels: labels and the keys of their values in the row.
        fixed: a label that is always the same, and its value.
        scale: what the value is multiplied by.
        suffix: what its name has behind the metric's, in a histogram.
    """

    source: str
    column: str
    labels: tuple[tuple[str, str], ...] = ()
    fixed: tuple[tuple[str, str], ...] = ()
    scale: float = 1
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: as Prometheus knows it, with its unit.
        kind: counter, gauge or histogram.
        meaning: one line for people.
        samples: where its values come from.
    """

    name: str
    kind: str
    meaning: str
    samples: tuple[Sample, ...]


def _traffic(name: str, column: str, meaning: str, scale: float = 1) -> Metric:
    sample = Sample("traffic", column, DATABASE, scale=scale)
    return Metric(f"pglane_{name}_total", "counter", meaning, (sample,))


def _count(name: str, item: str, meaning: str, kind: str = "gauge") -> Metric:
    return Metric(f"pglane_{name}", kind, meaning, (Sample("lists", item),))


def _memory(name: str, kind: str, column: str, meaning: str) -> Metric:
    return Metric(f"pglane_memory_{name}", kind, meaning, (Sample("memory", column),))


def _database(name: str, column: str, meaning: str) -> Metric:
    labels = (("database", "name"),)
    return Metric(f"pglane_{name}", "gauge", meaning, (Sample("databases", column, labels),))


def _states(**columns: str) -> tuple[Sample, ...]:
    return tuple(
        Sample("pools", column, POOL, (("state", state),)) for state, column in columns.items()
    )


def _lane(name: str, kind: str, column: str, meaning: str, scale: float = 1) -> Metric:
    return Metric(
        f"pglane_lane_{name}", kind, meaning, (Sample("lanes", column, LANE, (), scale),)
    )


def _histogram(name: str, meaning: str, sources: tuple[str, str, str, str]) -> Metric:
    """A histogram; `sources`: the words for its buckets and its owners, their sum and count."""
    buckets, of, total, count = sources
    labels = TENANT if of == "tenants" else LANE
    samples = (
        Sample(buckets, "count", (*labels, ("le", "le")), suffix="_bucket"),
        Sample(of, total, labels, suffix="_sum"),
        Sample(of, count, labels, suffix="_count"),
    )
    return Metric(f"pglane_{name}", "histogram", meaning, samples)


def _tenant(name: str, kind: str, column: str, meaning: str, scale: float = 1) -> Metric:
    return Metric(
        f"pglane_tenant_{name}", kind, meaning, (Sample("tenants", column, TENANT, (), scale),)
    )


def _reasons(name: str, kind: str, meaning: str) -> Metric:
    of = TENANT if kind == "tenant_reasons" else LANE
    labels = (*of, ("reason", "reason"))
    return Metric(f"pglane_{name}_total", "counter", meaning, (Sample(kind, "count", labels),))


HOLDER_METRICS = (
    Metric(
        "pglane_lane_holders",
        "gauge",
        "Clients that hold a server connection, by what they do with it (SHOW HOLDERS)",
        tuple(
            Sample("holding", doing, LANE, (("doing", doing),))
            for doing in (
                *("active", "idle in transaction", "idle in transaction (aborted)"),
                *("idle", "unread"),
            )
        ),
    ),
    Metric(
        "pglane_lane_idle_in_transaction_seconds_max",
        "gauge",
        "For how long the one of them has asked nothing that thinks longest in a transaction",
        (Sample("holding", "thinks_s_max", LANE),),
    ),
)
LANE_METRICS = (
    _lane("reserved_server_connections", "gauge", "reserve", "Server connections it reserves"),
    _lane("server_connections", "gauge", "busy", "Server connections it has, with those coming"),
    _lane("ticket_server_connections", "gauge", "tickets_busy", "Of these, on its golden ticket"),
    _lane("requests_waiting", "gauge", "waiting", "Requests that wait and have none coming"),
    _lane("head_wait_seconds", "gauge", "head_wait_seconds", "How long its oldest request waits"),
    _histogram(
        "lane_wait_seconds",
        "Waits that ended in a lease",
        ("lane_histograms", "lanes", "wait_seconds", "leases_waited"),
    ),
    _lane("wait_seconds_max", "gauge", "wait_max_seconds", "The longest of them"),
    _lane(
        "wait_bound_seconds",
        "gauge",
        "wait_bound",
        "The longest that a first request waits by its promise; missing: none is made",
        MICROSECONDS,
    ),
    _lane("leases_total", "counter", "grants", "Leases"),
    _lane("lease_seconds_total", "counter", "service_time", "Leases times time", MICROSECONDS),
    _lane(
        "lent_seconds_total",
        "counter",
        "lent_time",
        "Leases of others on what it reserves, times time",
        MICROSECONDS,
    ),
    _lane(
        "borrowed_seconds_total",
        "counter",
        "borrowed_time",
        "Its leases on what others reserve, times time",
        MICROSECONDS,
    ),
    _lane("recalls_total", "counter", "recalls", "Leases asked to end, their place being needed"),
    _histogram(
        "lane_give_back_seconds",
        "Times from asking a lease to end until its place was free",
        ("lane_give_backs", "lanes", "give_back_seconds", "leases_given_back"),
    ),
    _lane("give_back_seconds_max", "gauge", "give_back_max", "The longest of them", MICROSECONDS),
    _reasons("lane_waits", "wait", "Requests that had to wait"),
    _reasons(
        "lane_refused",
        "refused",
        "Requests answered without being started; expired: deadlines that were missed",
    ),
    _reasons("guarantee_violations", "violation", "Waits that were longer than promised"),
    Metric(
        "pglane_lane_fairness_ratio",
        "gauge",
        "Jain's index over lanes that waited in the last minute or two; 1: all got their share",
        (Sample("lane_fairness", "fairness", DATABASE),),
    ),
    Metric(
        "pglane_lanes_left_out",
        "gauge",
        "Lanes that are not shown, for there are too many",
        (Sample("lanes_left_out", "count"),),
    ),
    _tenant("requests_waiting", "gauge", "waiting", "Requests of a tenant that wait"),
    _tenant("leases_total", "counter", "grants", "Its leases"),
    _tenant("lease_seconds_total", "counter", "held_time", "Leases times time", MICROSECONDS),
    _tenant("head_wait_seconds", "gauge", "head_wait_seconds", "How long its oldest one waits"),
    _histogram(
        "tenant_wait_seconds",
        "Its waits that ended in a lease",
        ("tenant_histograms", "tenants", "wait_seconds", "leases_waited"),
    ),
    _tenant("wait_seconds_max", "gauge", "wait_max", "The longest of them", MICROSECONDS),
    _reasons("tenant_refused", "tenant_reasons", "Requests of it answered without being started"),
)
METRICS = (
    Metric(
        "pglane_info",
        "gauge",
        "Always 1; the label tells the version",
        (Sample("self", "one", (("version", "version"),)),),
    ),
    Metric(
        "pglane_worker_up",
        "gauge",
        "1: the worker answered; 0: it did not, and what it would tell is missing",
        (Sample("self", "up"),),
    ),
    Metric(
        "pglane_client_connections",
        "gauge",
        "Client connections that are logged in; waiting: for a server connection",
        _states(active="cl_active", waiting="cl_waiting"),
    ),
    Metric(
        "pglane_client_connections_pinned",
        "gauge",
        "Client connections that keep their server connection though their door would lend it",
        (Sample("pools", "cl_pinned", POOL),),
    ),
    Metric(
        "pglane_client_wait_seconds_max",
        "gauge",
        "How long the client that waits longest has waited by now",
        (Sample("pools", "maxwait_seconds", POOL),),
    ),
    Metric(
        "pglane_server_connections",
        "gauge",
        "Server connections; their sum over all labels but database never exceeds the budget",
        _states(
            opening="sv_login",
            idle="sv_idle",
            active="sv_active",
            cleaning="sv_tested",
            closing="sv_closing",
        ),
    ),
    _database("budget_server_connections", "pool_size", "Server connections that it may have"),
    _database("database_paused", "paused", "1: its clients wait until RESUME"),
    _database("database_disabled", "disabled", "1: no new clients until ENABLE"),
    _traffic("transactions", "xact_count", "Transactions that ended; none of the direct door"),
    _traffic("queries", "query_count", "Requests that were answered; none of the direct door"),
    _traffic("leases", "server_assignment_count", "Times a client was given a server connection"),
    _traffic("logins", "client_login_count", "Clients that came in"),
    _traffic("received_bytes", "bytes_received", "Bytes from clients that are logged in"),
    _traffic("sent_bytes", "bytes_sent", "Bytes from server connections, nearly all for clients"),
    _traffic(
        "transaction_seconds", "xact_time", "Time in transactions, idle ones too", MICROSECONDS
    ),
    _traffic(
        "query_seconds", "query_time", "Time in which a client's request was open", MICROSECONDS
    ),
    _traffic(
        "wait_seconds",
        "wait_time",
        "Time clients waited for a server connection, counted when they got it",
        MICROSECONDS,
    ),
    _traffic("client_parses", "client_parse_count", "Statements that clients prepared"),
    _traffic("server_parses", "server_parse_count", "Statements prepared on server connections"),
    _traffic("binds", "bind_count", "Prepared statements that were bound"),
    _traffic("pipelined", "pipelined_count", "Reads sent on behind another client's"),
    _traffic("fell_back", "fell_back_count", "Of these, how many waited anew and ran twice"),
    _count("clients", "used_clients", "Client connections that are logged in, over all pools"),
    _count("clients_logging_in", "login_clients", "Client connections that are logging in"),
    _count("clients_free", "free_clients", "Client connections that may still come"),
    _count(
        "internal_errors_total",
        "internal_errors",
        "Connections lost to a fault of pglane itself",
        "counter",
    ),
    Metric(
        "pglane_resident_memory_bytes",
        "gauge",
        "Resident memory (Linux)",
        (Sample("mem", "resident", (("process", "name"),)),),
    ),
    _memory("held_bytes", "gauge", "memtotal", "What the worker holds, as it counts"),
    _memory("held_bytes_max", "gauge", "bytes_max", "The bound, memory_bytes_max"),
    _memory("ended_clients_total", "counter", "ended", "Clients ended for what was held for them"),
    _memory(
        "refused_clients_total", "counter", "refused", "Clients not let in for want of memory"
    ),
    *LANE_METRICS,
    *HOLDER_METRICS,
)
SHARED = (
    *("lanes", "tenants", "lane_reasons", "lane_histograms", "lane_give_backs"),
    *("tenant_reasons", "tenant_histograms", "lane_fairness", "lanes_left_out"),
)
"""Read from memory that the worker writes, whether or not it answers."""
WORKERS = ("pools", "databases", "traffic", "lists", "memory", "holding")
"""Asked of the worker."""


async def exposition(ask: Ask) -> str:
    """All metrics of this moment; without the worker's where it does not answer."""
    shared = {what: await ask(what) for what in ("mem", *SHARED)}
    answers: dict[str, Rows] = dict(shared)
    up = 1
    try:
        for what in WORKERS:
            answers[what] = await ask(what)
    except RefusedError:
        answers = dict(shared)
        up = 0
    answers["self"] = [{"one": 1, "up": up, "version": VERSION}]
    answers["lists"] = [{row["list"]: row["items"] for row in answers.get("lists", ())}]
    for kind in ("wait", "refused", "violation"):
        answers[kind] = [row for row in answers["lane_reasons"] if row["kind"] == kind]
    answers["pools"] = [_with_wait(row) for row in answers.get("pools", ())]
    return "".join(_told(metric, answers) for metric in METRICS)


def _with_wait(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "maxwait_seconds": row["maxwait"] + row["maxwait_us"] * MICROSECONDS}


def _told(metric: Metric, answers: Mapping[str, Rows]) -> str:
    lines = [
        _line(metric.name + sample.suffix, sample, row)
        for sample in metric.samples
        for row in answers.get(sample.source, ())
        if row.get(sample.column) is not None
    ]
    if not lines:
        return ""
    head = f"# HELP {metric.name} {metric.meaning}.\n# TYPE {metric.name} {metric.kind}\n"
    return head + "".join(lines)


def _line(name: str, sample: Sample, row: Mapping[str, Any]) -> str:
    labels = [(label, str(row[key])) for label, key in sample.labels] + list(sample.fixed)
    told = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels)
    value = row[sample.column] * sample.scale
    return f"{name}{{{told}}} {value:.15g}\n" if told else f"{name} {value:.15g}\n"


def _escaped(value: str) -> str:
    whole = value.encode("utf-8", "replace").decode()
    return whole.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


_HEAD = """\
# Metrics

<!-- made by tools/generate_reference.py from src/pglane/control/metrics.py -->

Prometheus reads them from `http://ADDRESS:PORT/metrics`; the address is `metrics.address`, the
port `metrics.port`, and nothing listens unless the port is set. There is no password: keep it on
an address that only those can reach who may know how busy your databases are. No statement and no
secret is among them.

Counters begin at zero with each worker. Exporters made for PgBouncer work too, on the
[console](console.md).

| metric | kind | labels | meaning |
|---|---|---|---|
"""


def markdown() -> str:
    """The whole of docs/reference/metrics.md."""
    lines = []
    for metric in METRICS:
        first = metric.samples[0]
        labels = [label for label, _ in (*first.labels, *first.fixed)]
        values = ", ".join(value for each in metric.samples for _, value in each.fixed)
        shown = ", ".join(f"`{label}`" for label in labels) or "none"
        shown += f" ({values})" if values else ""
        lines.append(f"| `{metric.name}` | {metric.kind} | {shown} | {metric.meaning} |\n")
    return _HEAD + "".join(lines)
