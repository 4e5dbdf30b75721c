"""`python -m tests.soak MINUTES`: runs it, writes bench/results/DATE-COMMIT-soak/."""

import argparse
import csv
import os
import random
import sys
from datetime import UTC, datetime

from bench.end_to_end.report import RESULTS, circumstances
from pglane.lab.circumstances import commit
from pglane.lab.processes import end_on_sigterm
from tests.soak.page import markdown, svg
from tests.soak.soak import Soak
from tests.support.postgres_cluster import PostgresCluster

NICENESS = 10
WORKER_KILLED = (1 / 12, 1 / 6, 1 / 4)
"""Parts of the time; behind the last the worker lives on, so that its curve can be judged."""
SAMPLES = 360


def main(words: list[str]) -> int:
    """Exit code: 0 when nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=60.0)
    parser.add_argument(
        "--rate", type=float, default=3.0, help="units of work a second and client"
    )
    parser.add_argument(
        "--fault-every", type=float, default=8.0, help="seconds, on average; 0: never"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1, 1 << 31))
    arguments = parser.parse_args(words)
    end_on_sigterm()
    os.nice(NICENESS)
    length_s = arguments.minutes * 60
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    folder = RESULTS / f"{date}-{commit()}-soak"
    cluster = PostgresCluster("18")
    try:
        with Soak(cluster.create(), arguments.rate, arguments.seed) as soak:
            soak.run(
                [(length_s * part, "worker_killed") for part in WORKER_KILLED],
                arguments.fault_every,
                max(length_s / SAMPLES, 0.5),
                lambda: soak.now_s >= length_s,
            )
            failures = soak.failures()
            folder.mkdir(exist_ok=True)
            facts = circumstances("tests.soak", "18", seed=arguments.seed)
            (folder / "README.md").write_text(markdown(facts, soak))
            (folder / "curves.svg").write_text(svg(soak.curves, soak.breaker.happened))
            soak.curves.write(folder / "curves.csv")
            with (folder / "faults.csv").open("w", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(soak.breaker.happened)
            (folder / "log").write_text(soak.gateway.log()) if failures else None
    finally:
        cluster.destroy()
    print("\n".join([*failures[:50], f"{folder / 'README.md'}: {len(failures)} things are wrong"]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
