"""`python -m bench.tracking`: what it costs to follow the session state of clients.

Two gateways run side by side: the one that is installed, and one of the same sources in which
nothing is followed: texts are not looked at, a server connection fits whoever asks, and a lease
ends without a question. The second one is made here, in a folder of its own, by the replacements
below; no setting could do it, for such a gateway is wrong. pgbench runs against both in turns, in
random order within a round, and the CPU time of a transaction is compared within the round.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.end_to_end import cluster, contenders, report, workloads
from bench.end_to_end.pgbench import Run, measure
from pglane.lab import processes

ROOT = Path(__file__).parents[1]
WORKLOADS = ("select-simple-16", "select-prepared-16")
SIZE = 8
UNTRACKED = (
    (
        "connection/client_names.py",
        "return self._cache.lookup(text, self.encoding, self.standard_strings)",
        "return UNTRACKED",
    ),
    (
        "connection/client_names.py",
        "ALL_ALLOWED = Allowance()",
        "ALL_ALLOWED = Allowance()\nUNTRACKED = Verdict((Kind.SELECT,), 0, ())",
    ),
    ("engine/client_link.py", "server.vector is not self.vector\n            or ", ""),
    (
        "engine/client_link.py",
        "if requests.effects & self._lasting == 0 and not exchange.changed:",
        "if True:",
    ),
)
"""File, what stands there once, what takes its place."""
HEAD = ("workload", "followed: CPU us/tx", "not followed: CPU us/tx", "more (least..most)")


def make_untracked(folder: Path) -> Path:
    """The sources with the replacements, compiled; where the package lies."""
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    leave_out = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    shutil.copytree(ROOT / "src" / "pglane", folder / "src" / "pglane", ignore=leave_out)
    for file, old, new in UNTRACKED:
        path = folder / "src" / "pglane" / file
        text = path.read_text()
        if text.count(old) != 1:
            raise SystemExit(f"bench.tracking: {file} has changed, {old!r} is not there once")
        path.write_text(text.replace(old, new))
    build = [sys.executable, "setup.py", "build_ext", "--inplace"]
    subprocess.run(build, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / "src"


def table(runs: list[Run]) -> list[str]:
    """Markdown."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    for label in dict.fromkeys(run.workload for run in runs):
        of = {
            family: {r.round: r.cpu_us for r in runs if (r.workload, r.family) == (label, family)}
            for family in ("followed", "not followed")
        }
        more = [100 * (of["followed"][n] / of["not followed"][n] - 1) for n in of["followed"]]
        told = [f"{median(of[family].values()):.2f}" for family in of]
        spread = f"{median(more):+.1f} % ({min(more):+.1f}..{max(more):+.1f})"
        lines.append(f"| {' | '.join([label, *told, spread])} |")
    return lines


def main() -> int:
    """Runs it; 0 when every run was clean."""
    parser = argparse.ArgumentParser(prog="python -m bench.tracking", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=3, help="of one run")
    parser.add_argument("--untracked", type=Path, help="a folder made before: what to reuse")
    chosen = parser.parse_args()
    processes.end_on_sigterm()
    dice = random.Random()
    runs: list[Run] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pglane-bench-")))
        processes.give_away(folder)
        made = chosen.untracked or folder / "untracked"
        sources = made / "src"
        if not sources.exists():
            made.mkdir(exist_ok=True)
            make_untracked(made)
        bin_ = cluster.server_bin(None)
        running = stack.enter_context(
            cluster.running(folder, bin_, cluster.find_pgbench(bin_), 10)
        )
        both = [
            (family, stack.enter_context(contenders.pglane(running, folder, SIZE, sources=where)))
            for family, where in (("followed", None), ("not followed", sources))
        ]
        where = report.circumstances(
            "bench.tracking", running.version, rounds=chosen.rounds, seconds=chosen.seconds
        )
        for round_ in range(chosen.rounds):
            for workload in workloads.chosen(list(WORKLOADS)):
                dice.shuffle(both)
                for family, contender in both:
                    run = measure(running, contender, workload, chosen.seconds, round_)
                    runs.append(replace(run, family=family))
                    told = f"{workload.label} {family}: {run.errors or f'{run.cpu_us:.2f} us'}"
                    print(told, file=sys.stderr, flush=True)
    lines = ["# What it costs to follow session state", "", report.facts(where, []), ""]
    lines += [*table(runs), "", "CPU time of all processes of the gateway a transaction, medians;"]
    lines += ["`more` is taken within a round, median of all rounds."]
    text = "\n".join(lines) + "\n"
    name = f"{datetime.now(UTC):%Y-%m-%d}-{where.commit}-tracking.md"
    (report.RESULTS / name).write_text(text)
    print(text)
    return 1 if any(run.errors for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
