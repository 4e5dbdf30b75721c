"""The arithmetic of the end-to-end benchmark: what is best, and ratios round by round."""

import random
from dataclasses import replace

import pytest

from bench.end_to_end.comparison import Spread, best, entries, likely, rows
from bench.end_to_end.pgbench import Run


def run(family: str, size: int, round_: int, tps: float, cpu_us: float, errors: str = "") -> Run:
    return Run("select-simple-16", family, "1", size, round_, errors, 100, tps, cpu_us=cpu_us)


def test_ratios_are_taken_within_a_round() -> None:
    # Round 1 was slow for everybody; medians of each side on their own would hide that.
    runs = [
        *(run("pgbouncer", 8, r, tps, cpu) for r, tps, cpu in ((0, 100, 30), (1, 50, 60))),
        *(run("pglane", 8, r, tps, cpu) for r, tps, cpu in ((0, 110, 27), (1, 60, 66))),
    ]
    row = rows(runs)[0]
    assert row.cpu_ratio == Spread(1.0, 0.9, 1.1)
    assert row.tps_ratio == Spread((1.1 + 1.2) / 2, 1.1, 1.2)


def test_the_best_has_the_highest_throughput() -> None:
    found = entries([run("pglane", 4, 0, 100, 20), run("pglane", 8, 0, 110, 30)])
    chosen = best(found)
    assert chosen is not None
    assert chosen.size == 8


def test_among_equals_the_least_cpu_time_is_best() -> None:
    found = entries([run("pglane", 4, 0, 98, 20), run("pglane", 8, 0, 100, 30)])
    chosen = best(found)
    assert chosen is not None
    assert chosen.size == 4


def test_foreign_load_does_not_choose_the_best() -> None:
    quiet = run("pglane", 4, 0, 100, 20)
    disturbed = replace(run("pglane", 8, 0, 75, 30), foreign=0.4, steal=0.1)
    chosen = best(entries([quiet, disturbed]))
    assert chosen is not None
    assert chosen.size == 8
    assert disturbed.fair_tps == pytest.approx(150)


def test_a_contender_with_an_error_is_never_best() -> None:
    runs = [run("pglane", 4, 0, 100, 20), run("pglane", 4, 1, 0, 0, "FATAL: no")]
    assert best(entries(runs)) is None
    assert entries(runs)[0].errors == ["FATAL: no"]


def test_without_an_opponent_there_is_no_ratio() -> None:
    row = rows([run("pglane", 8, 0, 100, 20)])[0]
    assert row.pgbouncer is None
    assert row.cpu_ratio is None


def test_only_rounds_that_both_finished_count() -> None:
    runs = [
        run("pgbouncer", 8, 0, 100, 30),
        run("pgbouncer", 8, 1, 100, 30),
        run("pglane", 8, 1, 200, 15),
    ]
    assert rows(runs)[0].cpu_ratio == Spread(0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("count", "cut"), [(1, 0), (5, 0), (6, 0), (8, 0), (9, 1), (11, 1), (40, 13)]
)
def test_what_a_median_lies_between_is_known_better_by_more_runs(count: int, cut: int) -> None:
    ordered = [float(value) for value in range(count)]
    assert likely(ordered) == (cut, count - 1 - cut)


def test_it_lies_there_nineteen_times_of_twenty() -> None:
    dice = random.Random(7)
    hits = 0
    for _ in range(2000):
        low, high = likely(sorted(dice.lognormvariate(0.0, 1.0) for _ in range(21)))
        hits += low <= 1.0 <= high
    assert 0.95 <= hits / 2000 <= 0.99
