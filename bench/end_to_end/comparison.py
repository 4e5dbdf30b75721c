"""From runs to rows: medians, the best of each family, ratios taken within a round."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import comb
from statistics import median

from bench.end_to_end.pgbench import Run

# Throughputs this close are called equal; CPU time decides. Under foreign load fair throughputs
# vary by 12 % from run to run, their medians of five by about 5 %.
TIE = 0.05
UNLIKELY = 0.025  # on each side


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, and between what it lies with 95 % probability (see `likely`)."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Entry:
    """A contender's clean runs of one workload, by round; `errors` of the others."""

    workload: str
    family: str
    version: str
    size: int
    runs: dict[int, Run]
    errors: list[str]

    def spread(self, value: Callable[[Run], float]) -> Spread | None:
        """Over the rounds; None without a clean run."""
        return spread(value(run) for run in self.runs.values())

    def middle(self, value: Callable[[Run], float]) -> float:
        """The median; 0 without a clean run."""
        return median(value(run) for run in self.runs.values()) if self.runs else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One workload: the best of each family; ratios are pglane to PgBouncer.

    `fair_tps_ratio` has the foreign load taken out.
    """

    workload: str
    direct: Entry | None
    pgbouncer: Entry | None
    pglane: Entry | None
    cpu_ratio: Spread | None
    tps_ratio: Spread | None
    fair_tps_ratio: Spread | None


def spread(values: Iterable[float]) -> Spread | None:
    """None when there is no value."""
    known = sorted(values)
    return Spread(median(known), *likely(known)) if known else None


def likely(ordered: list[float]) -> tuple[float, float]:
    """What the median of all runs that there could be lies between, whatever they look like.

    As in a sign test: each run is as likely above it as below (Conover, "Practical Nonparametric
    Statistics", 3.2). Fewer than six runs do not say; then the least and the most.
    """
    count = len(ordered)
    cut = 0
    while sum(comb(count, below) for below in range(cut + 1)) <= UNLIKELY * 2**count:
        cut += 1
    cut = max(cut - 1, 0)
    return ordered[cut], ordered[count - 1 - cut]


def entries(runs: list[Run]) -> list[Entry]:
    """Runs gathered by workload and contender, in order of first appearance of the workload."""
    found: dict[tuple[str, str, str, int], Entry] = {}
    for run in runs:
        key = (run.workload, run.family, run.version, run.size)
        entry = found.setdefault(key, Entry(*key, {}, []))
        if run.errors:
            entry.errors.append(run.errors)
        else:
            entry.runs[run.round] = run
    return [found[key] for key in sorted(found, key=lambda key: (_place(runs, key[0]), key[1:]))]


def _place(runs: list[Run], workload: str) -> int:
    return next(index for index, run in enumerate(runs) if run.workload == workload)


def ranked(candidates: list[Entry]) -> list[Entry]:
    """Those whose runs all went well, the one with the highest fair throughput first."""
    clean = [entry for entry in candidates if entry.runs and not entry.errors]
    return sorted(clean, key=lambda entry: -entry.middle(lambda run: run.fair_tps))


def best(candidates: list[Entry]) -> Entry | None:
    """Highest fair throughput; among those within `TIE` of it, the least CPU time."""
    clean = ranked(candidates)
    if not clean:
        return None
    top = clean[0].middle(lambda run: run.fair_tps)
    close = [entry for entry in clean if entry.middle(lambda run: run.fair_tps) >= top * (1 - TIE)]
    return min(close, key=lambda entry: entry.middle(lambda run: run.cpu_us))


def rows(runs: list[Run]) -> list[Row]:
    """One for each workload, in the order they were run."""
    gathered = entries(runs)
    return [
        _row(workload, [entry for entry in gathered if entry.workload == workload])
        for workload in dict.fromkeys(entry.workload for entry in gathered)
    ]


def _row(workload: str, candidates: list[Entry]) -> Row:
    direct, bouncer, lane = (
        best([entry for entry in candidates if entry.family == family])
        for family in ("direct", "pgbouncer", "pglane")
    )
    return Row(
        workload,
        direct,
        bouncer,
        lane,
        cpu_ratio=ratio(lane, bouncer, lambda run: run.cpu_us),
        tps_ratio=ratio(lane, bouncer, lambda run: run.tps),
        fair_tps_ratio=ratio(lane, bouncer, lambda run: run.fair_tps),
    )


def ratio(
    upper: Entry | None, lower: Entry | None, value: Callable[[Run], float]
) -> Spread | None:
    """Of two contenders, taken round by round; None where it has no meaning."""
    if not upper or not lower:
        return None
    shared = [round_ for round_ in upper.runs if round_ in lower.runs]
    pairs = [(value(upper.runs[round_]), value(lower.runs[round_])) for round_ in shared]
    return spread(above / below for above, below in pairs if below)
