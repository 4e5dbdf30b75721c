"""The result for people (Markdown, also on the terminal) and for programs (JSON)."""

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.end_to_end.comparison import Entry, Row, Spread, entries, rows
from bench.end_to_end.duels import Duel
from bench.end_to_end.pgbench import Run
from pglane.lab import processors, procfs
from pglane.lab.circumstances import commit
from tools import build_extensions

RESULTS = Path(__file__).parents[1] / "results"
# Part of the machine; below it, throughputs of a saturated machine compare.
NOISE_MAX = 0.05
SUMMARY_HEAD = (
    "workload",
    "direct",
    "best PgBouncer",
    "best pglane",
    "CPU/tx pglane:PgBouncer",
    "tps pglane:PgBouncer",
    "fair tps pglane:PgBouncer",
)
DETAIL_HEAD = (
    "workload",
    "contender",
    "conns",
    "tps",
    "fair tps",
    "CPU us/tx",
    "PostgreSQL us/tx",
    "p50 ms",
    "p99 ms",
    "connect ms",
    "steal %",
    "foreign %",
    "errors",
)
DUEL_HEAD = (
    "workload",
    "pglane",
    "PgBouncer",
    "tps",
    "tps in all",
    "tps by start",
    "CPU/tx",
    "p50",
    "p99",
    "turns",
)
DUEL_LEGEND = """\
The two best of each side in the rounds once more, in turns of a fifth of a second (connecting: of
a second), each with a database of its own. Who of a side is best is found in one half of the turns
and measured in the other, both ways round. Ratios pglane:PgBouncer are taken within a turn: median
(what it lies between with 95 % probability, for these starts); `tps in all`: of all that was done
in all turns, for rows in whose turns little is."""
LEGEND = """\
Cells of the first table: transactions a second, CPU time of all processes of the contender a
transaction, latency p50/p99 in ms, [version, server connections]. Ratios are taken within a round:
median (what it lies between with 95 % probability; below six rounds the least..most). `steal`:
machine time taken by the hypervisor; `foreign`: used by processes that are not of this benchmark;
`fair tps`: tps divided by the part of the machine that was left. `best`: highest fair tps; among
those within 5 % of it, the least CPU time. Latency of `connect` rows leaves out the time to
connect, tps does not. Figures are comparable within this run only."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What somebody needs who wants to repeat the run."""

    date: str
    commit: str
    command: str
    cpu: str
    cores: int
    kernel: str
    python: str
    postgresql: str
    pglane: str
    parameters: dict[str, int]


def circumstances(module: str, postgresql: str, **parameters: int) -> Circumstances:
    """Of this run, here and now; `module` is what was run."""
    return Circumstances(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=commit(),
        command=" ".join([f"python -m {module}", *sys.argv[1:]]),
        cpu=procfs.cpu_model(),
        cores=processors.count(),
        kernel=".".join(platform.release().split(".")[:2]),
        python=platform.python_version(),
        postgresql=postgresql,
        pglane=build_extensions.how_built(),
        parameters=parameters,
    )


def facts(circumstances_: Circumstances, missing: list[str]) -> str:
    """The circumstances as a list, and what could not be measured."""
    known = [f"- {name}: {value}" for name, value in asdict(circumstances_).items() if value]
    return "\n".join([*known, *(f"- NOT MEASURED: {reason}" for reason in missing)])


def noise(runs: list[Run]) -> str:
    """A warning when others used so much of the machine that throughput says little, else ""."""
    parts = [run.foreign + run.steal for run in runs if not run.errors]
    if not parts or (usual := median(parts)) <= NOISE_MAX:
        return ""
    return (
        f"NOISY: in the median run {usual:.0%} of the machine was not ours, "
        f"at most {max(parts):.0%}. Read CPU time and fair tps; tps and latency say little.\n\n"
    )


def summary(runs: list[Run]) -> str:
    """The table people look at first."""
    return table(SUMMARY_HEAD, [_summary_cells(row) for row in rows(runs)])


def _summary_cells(row: Row) -> list[str]:
    return [
        row.workload,
        _cell(row.direct),
        _cell(row.pgbouncer),
        _cell(row.pglane),
        _spread(row.cpu_ratio, ".2f"),
        _spread(row.tps_ratio, ".2f"),
        _spread(row.fair_tps_ratio, ".2f"),
    ]


def _cell(entry: Entry | None) -> str:
    if entry is None:
        return "n/a"
    tps = entry.middle(lambda run: run.tps)
    p50, p99 = entry.middle(lambda run: run.p50_ms), entry.middle(lambda run: run.p99_ms)
    if not entry.size:
        return f"{tps:.0f} tps, {p50:.2f}/{p99:.2f}"
    cpu = entry.middle(lambda run: run.cpu_us)
    return f"{tps:.0f} tps, {cpu:.1f} us, {p50:.2f}/{p99:.2f} [{entry.version}, {entry.size}]"


def details(runs: list[Run]) -> str:
    """Every contender of every workload."""
    return table(DETAIL_HEAD, [_detail_cells(entry) for entry in entries(runs)])


def _detail_cells(entry: Entry) -> list[str]:
    return [
        entry.workload,
        f"{entry.family} {entry.version}",
        str(entry.size or "-"),
        _spread(entry.spread(lambda run: run.tps), ".0f"),
        _spread(entry.spread(lambda run: run.fair_tps), ".0f"),
        _spread(entry.spread(lambda run: run.cpu_us), ".1f") if entry.size else "-",
        f"{entry.middle(lambda run: run.server_cpu_us):.1f}",
        f"{entry.middle(lambda run: run.p50_ms):.2f}",
        f"{entry.middle(lambda run: run.p99_ms):.2f}",
        f"{entry.middle(lambda run: run.connect_ms):.2f}",
        _spread(entry.spread(lambda run: run.steal * 100), ".1f"),
        _spread(entry.spread(lambda run: run.foreign * 100), ".0f"),
        f"{len(entry.errors)} runs: {entry.errors[0]}" if entry.errors else "none",
    ]


def _spread(value: Spread | None, form: str) -> str:
    if value is None:
        return "n/a"
    return f"{value.median:{form}} ({value.low:{form}}..{value.high:{form}})"


def duel_table(duels: list[Duel]) -> str:
    """The best against the best."""
    return table(DUEL_HEAD, [_duel_cells(duel) for duel in duels])


def _duel_cells(duel: Duel) -> list[str]:
    return [
        duel.workload,
        duel.pglane,
        duel.pgbouncer,
        _spread(duel.tps_ratio, ".3f"),
        "n/a" if duel.tps_total is None else f"{duel.tps_total:.3f}",
        ", ".join(f"{ratio:.2f}" for ratio in duel.tps_ratios),
        _spread(duel.cpu_ratio, ".3f"),
        _spread(duel.p50_ratio, ".2f"),
        _spread(duel.p99_ratio, ".2f"),
        str(duel.turns),
    ]


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Markdown that can be read as it is."""
    lines = [list(head), *([cell.replace("|", "/") for cell in line] for line in body)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def markdown(
    circumstances_: Circumstances, runs: list[Run], duels: list[Duel], missing: list[str]
) -> str:
    """The whole report."""
    side_by_side = f"## Side by side\n\n{DUEL_LEGEND}\n\n{duel_table(duels)}\n\n"
    return (
        f"# End to end, {circumstances_.date}\n\n{facts(circumstances_, missing)}\n\n"
        f"{side_by_side if duels else ''}"
        f"## In rounds\n\n{LEGEND}\n\n{noise(runs)}"
        f"{summary(runs)}\n\n## Every contender\n\n{details(runs)}\n"
    )


def as_json(
    circumstances_: Circumstances, runs: list[Run], duels: list[Duel], missing: list[str]
) -> str:
    """Everything, every run of it."""
    whole = {
        "circumstances": asdict(circumstances_),
        "missing": missing,
        "duels": [asdict(duel) for duel in duels],
        "rows": [_plain(row) for row in rows(runs)],
        "runs": [asdict(run) for run in runs],
    }
    return json.dumps(whole, indent=1) + "\n"


def _plain(row: Row) -> dict[str, object]:
    """A row for programs: who was best, and the ratios."""
    families = {"direct": row.direct, "pgbouncer": row.pgbouncer, "pglane": row.pglane}
    return {
        "workload": row.workload,
        **{
            family: {"version": entry.version, "size": entry.size} if entry else None
            for family, entry in families.items()
        },
        "cpu_ratio": asdict(row.cpu_ratio) if row.cpu_ratio else None,
        "tps_ratio": asdict(row.tps_ratio) if row.tps_ratio else None,
        "fair_tps_ratio": asdict(row.fair_tps_ratio) if row.fair_tps_ratio else None,
    }
