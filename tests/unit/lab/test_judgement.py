"""Rows in order, medians with ranges, and targets that hold or not."""

from dataclasses import replace

import pytest

from pglane.lab.judgement import rows, said, spelled, verdicts
from pglane.lab.scenario import Column, Target, wait
from pglane.lab.scores import NEVER, Spread
from tests.support.lab_runs import RUNS, SCENARIO, run


def test_rows_stand_in_the_order_of_ways_this_gateway_last() -> None:
    found = rows(RUNS, SCENARIO, "4 clients")
    assert [row.label for row in found] == [
        "plain pool", "PgBouncer 1.18.0, a user each", "pglane, one user", "pglane, lanes"
    ]  # fmt: skip
    assert [row.ours for row in found] == [False, False, True, True]
    assert [one.round for one in found[-1].runs] == [0, 1]
    assert found[-1].last("otp").served == 5
    assert rows(RUNS, SCENARIO, "8 clients") == []


def test_a_target_holds_by_the_median_and_relative_within_the_round() -> None:
    found = verdicts(rows(RUNS, SCENARIO, "4 clients"), SCENARIO, "4 clients")
    told = [(one.label, one.held, one.told) for one in found]
    assert told == [
        ("pglane, one user", True, "all are served: 100 %"),
        ("pglane, one user", False, "none waits long: 1.5 s"),
        ("pglane, one user", False, "browsing goes on: 50.0 %"),
        ("pglane, lanes", True, "all are served: 100 %"),
        ("pglane, lanes", True, "none waits long: 15 ms (10 ms to 20 ms)"),
        ("pglane, lanes", True, "browsing goes on: 98.0 % (97.0 % to 99.0 %)"),
    ]


def test_without_its_baseline_a_relative_target_is_left_out_or_missed() -> None:
    alone = verdicts(rows([RUNS[0]], SCENARIO, "4 clients"), SCENARIO, "4 clients")
    assert len(alone) == 2
    other_round = [run("pglane", "lanes", number=5), run("plain pool")]
    last = verdicts(rows(other_round, SCENARIO, "4 clients"), SCENARIO, "4 clients")[-1]
    assert not last.held


def test_a_target_may_be_a_difference_to_another_way() -> None:
    target = Target("lanes cost little", wait("otp", 0.5), at_most=5.0, against="one user")
    scenario = replace(SCENARIO, targets=(replace(target, ways=("lanes",)),))
    both = [run("pglane", "one user", otp_s=0.010), run("pglane", "lanes", otp_s=0.012)]
    (found,) = verdicts(rows(both, SCENARIO, "4 clients"), scenario, "4 clients")
    assert found.held
    assert found.told == "lanes cost little: 2 ms"
    assert verdicts(rows(both[1:], SCENARIO, "4 clients"), scenario, "4 clients") == []


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (float("nan"), "", "-"),
        (NEVER, "ms", "never"),
        (0.5, "%", "50 %"),
        (12.345, "ms", "12.3 ms"),
        (2500.0, "ms", "2.5 s"),
        (3.14159, "/s", "3.14/s"),
        (1234.5, "/s", "1234/s"),
    ],
)
def test_figures_are_said_with_their_unit(value: float, unit: str, text: str) -> None:
    assert said(value, Column("x", unit, lambda _run: 0.0)) == text


def test_a_range_is_told_where_there_is_one() -> None:
    assert spelled(Spread(2, 1, 3), str) == "2 (1 to 3)"
    assert spelled(Spread(2, 2, 2), str) == "2"


def test_a_target_may_be_of_some_ways_only() -> None:
    target = replace(SCENARIO.targets[0], ways=("lanes",))
    scenario = replace(SCENARIO, targets=(target,))
    found = verdicts(rows(RUNS, scenario, "4 clients"), scenario, "4 clients")
    assert [one.label for one in found] == ["pglane, lanes"]
