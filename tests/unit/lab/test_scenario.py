"""Columns read figures of a run; targets are limits."""

import math

from pglane.lab.scenario import Target, fairness, refused, served, turns, violations, wait
from tests.support.lab_runs import OTP, SCENARIO, run


def test_columns() -> None:
    one = run("pglane", "one user", otp_s=0.25)
    heads = [column.head for column in SCENARIO.columns]
    assert heads == [
        "otp served", "otp wait p50", "otp wait longest", "browse answers", "broken bounds"
    ]  # fmt: skip
    figures = [column.figure(one) for column in SCENARIO.columns]
    assert figures[:4] == [1.0, 250.0, 250.0, 100.0]
    assert math.isnan(figures[4])
    assert violations().figure(run("pglane", "lanes")) == 0.0
    assert refused("otp").figure(one) == 0.0
    assert wait("otp", 0.99).head == "otp wait p99"


def test_labels_and_kinds() -> None:
    assert run("plain pool").label == "plain pool"
    assert run("pglane", "lanes").label == "pglane, lanes"
    variant = SCENARIO.variants[0]
    assert variant.kinds == ("browse", "otp")
    assert variant.critical == {OTP.kind}


def test_targets_hold_within_their_limits() -> None:
    assert Target("", served("otp"), at_least=0.5, at_most=0.9).holds(0.7)
    assert not Target("", served("otp"), at_least=0.5).holds(0.4)
    assert not Target("", served("otp"), at_most=0.3).holds(0.4)
    assert not Target("", served("otp"), at_least=0.5).holds(math.nan)


def test_turns_and_fairness() -> None:
    one = run("plain pool", browse=5)
    assert turns("otp").figure(one) == 5.0
    assert fairness().figure(one) == 1.0
    assert fairness().figure(run("plain pool", browse=0)) == 0.5
