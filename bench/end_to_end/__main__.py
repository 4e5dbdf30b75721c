"""`python -m bench.end_to_end`: the benchmark; its exit code is 1 when something is missing."""

import argparse
import random
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench.end_to_end import cluster, contenders, report, workloads
from bench.end_to_end.cluster import Cluster
from bench.end_to_end.comparison import Entry, entries
from bench.end_to_end.contenders import Contender
from bench.end_to_end.duels import Arena, Duel
from bench.end_to_end.pgbench import Run, measure
from bench.end_to_end.rounds import plan
from pglane.lab import pgbouncer, processes

FAMILIES = ("direct", "pgbouncer", "pglane")
FILES_MAX = 4096
SIZES = "4,8,20"


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.end_to_end", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=1, help="of each contender, in turns")
    parser.add_argument("--seconds", type=int, default=3, help="of one run")
    parser.add_argument("--turns", type=int, default=20, help="of each start, in slices; 0: none")
    parser.add_argument("--workloads", default="", help="names or their first words, with commas")
    parser.add_argument("--contenders", default=",".join(FAMILIES), help="default: %(default)s")
    parser.add_argument("--sizes", default=SIZES, help="server connections of the gateways")
    parser.add_argument("--scale", type=int, default=10, help="of pgbench")
    parser.add_argument("--seed", type=int, default=None, help="of the order of runs")
    parser.add_argument("--tls", action="store_true", help="clients connect to gateways by TLS")
    parser.add_argument("--quick", action="store_true", help="four workloads, one size")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--no-files", action="store_true", help="leave bench/results alone")
    parser.add_argument("--postgres-bin", help="folder of `postgres`, or `embedded`")
    parser.add_argument("--pgbench", type=Path, default=None)
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds = min(chosen.rounds, 3), min(chosen.seconds, 2)
        chosen.turns = min(chosen.turns, 10)
        chosen.workloads = chosen.workloads or ",".join(workloads.QUICK)
        chosen.sizes = "8" if chosen.sizes == SIZES else chosen.sizes
    chosen.seed = random.randrange(1_000_000) if chosen.seed is None else chosen.seed
    return chosen


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def start_contenders(
    stack: ExitStack, running: Cluster, folder: Path, chosen: argparse.Namespace, sizes: list[int]
) -> tuple[list[Contender], list[str]]:
    """Those that run, and why the others do not."""
    families = _words(chosen.contenders)
    tls = contenders.certificate(folder) if chosen.tls else None
    found: list[Contender] = [contenders.direct(running)] if "direct" in families else []
    missing: list[str] = []
    programs = pgbouncer.programs() if "pgbouncer" in families else []
    for size in sizes:
        starts = [
            contenders.pgbouncer(running, folder, program, size, tls=tls) for program in programs
        ]
        if "pglane" in families:
            starts.append(contenders.pglane(running, folder, size, tls=tls))
        for start in starts:
            try:
                found.append(stack.enter_context(start))
            except processes.CannotStartError as reason:
                missing.append(str(reason))
    missing += [
        f"{contender.name} lets in a wrong password: logins do not compare"
        for contender in found
        if not contenders.refuses_wrong_password(running, contender)
    ]
    return found, list(dict.fromkeys(missing))


def start_all(
    stack: ExitStack, running: Cluster, folder: Path, chosen: argparse.Namespace, sizes: list[int]
) -> tuple[list[list[Contender]], list[str]]:
    """All contenders as often as is asked for, and why some do not run."""
    starts: list[list[Contender]] = []
    missing: list[str] = []
    for number in range(chosen.starts):
        own = folder / f"start-{number}"
        own.mkdir()
        processes.give_away(own)
        found, lacking = start_contenders(stack, running, own, chosen, sizes)
        starts.append(found)
        missing += lacking
    return starts, list(dict.fromkeys(missing))


def run_all(
    running: Cluster, starts: list[list[Contender]], chosen: argparse.Namespace, sizes: list[int]
) -> list[Run]:
    """Every run, told on standard error as it ends."""
    dice = random.Random(chosen.seed)
    works = workloads.chosen(_words(chosen.workloads))
    runs: list[Run] = []
    for round_, workload, contender in plan(
        starts, works, sizes, chosen.rounds, dice, lambda: cluster.tidy(running)
    ):
        run = measure(running, contender, workload, chosen.seconds, round_)
        runs.append(run)
        print(
            f"round {round_ + 1}/{chosen.rounds}  {workload.label:<20} {contender.name:<32} "
            + (run.errors or f"{run.tps:8.0f} tps {run.cpu_us:7.1f} us  p99 {run.p99_ms:.2f} ms"),
            file=sys.stderr,
            flush=True,
        )
    return runs


def duel_all(
    running: Cluster, folder: Path, chosen: argparse.Namespace, found: list[Entry]
) -> tuple[list[Duel], list[str]]:
    """The best of each row against each other, told as it ends; why others are missing."""
    duels: list[Duel] = []
    missing: list[str] = []
    if not chosen.turns:
        return duels, missing
    tls = contenders.certificate(folder) if chosen.tls else None
    arena = Arena(running, folder, chosen.turns, random.Random(chosen.seed), tls)
    arena.prepare()
    for label in dict.fromkeys(entry.workload for entry in found):
        try:
            duel = arena.duel(label, [entry for entry in found if entry.workload == label])
        except processes.CannotStartError as reason:
            missing.append(f"{label} side by side: {reason}")
            continue
        if duel is not None:
            duels.append(duel)
            print(report.duel_table([duel]), file=sys.stderr, flush=True)
    return duels, missing


def write_files(
    where: report.Circumstances, runs: list[Run], duels: list[Duel], missing: list[str]
) -> None:
    """`bench/results/<date>-<commit>.md` and `.json`."""
    tls = "-tls" if "--tls" in where.command.split() else ""
    stem = f"{datetime.now(UTC):%Y-%m-%d}-{where.commit}{tls}"
    report.RESULTS.mkdir(exist_ok=True)
    (report.RESULTS / f"{stem}.md").write_text(report.markdown(where, runs, duels, missing))
    (report.RESULTS / f"{stem}.json").write_text(report.as_json(where, runs, duels, missing))


def main() -> int:
    """Runs it; 0 when everybody asked for was measured without an error."""
    chosen = options()
    sizes = [int(size) for size in _words(chosen.sizes)]
    workloads.chosen(_words(chosen.workloads))
    processes.end_on_sigterm()
    processes.raise_file_limit(FILES_MAX)
    bin_ = cluster.server_bin(chosen.postgres_bin)
    pgbench = chosen.pgbench or cluster.find_pgbench(bin_)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pglane-bench-")))
        processes.give_away(folder)
        running = stack.enter_context(cluster.running(folder, bin_, pgbench, chosen.scale))
        where = report.circumstances(
            "bench.end_to_end",
            running.version,
            rounds=chosen.rounds,
            starts=chosen.starts,
            seconds=chosen.seconds,
            turns=chosen.turns,
            scale=chosen.scale,
            seed=chosen.seed,
        )
        with ExitStack() as those:
            starts, missing = start_all(those, running, folder, chosen, sizes)
            runs = run_all(running, starts, chosen, sizes)
        duels, unmet = duel_all(running, folder, chosen, entries(runs))
        missing += unmet
    if not chosen.no_files:
        write_files(where, runs, duels, missing)
    print((report.as_json if chosen.json else report.markdown)(where, runs, duels, missing))
    return 1 if missing or any(run.errors for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
