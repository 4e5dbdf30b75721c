"""Columns read figures of a run; targets are limits."""

import math
from dataclasses import replace

from pglane.lab.scenario import (
    Target,
    all_refused,
    all_turns,
    all_waits,
    fairness,
    named,
    refused,
    served,
    told,
    violations,
    wait,
)
from pglane.lab.scores import NEVER, tally
from pglane.lab.traffic import SERVED, Sample
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


def test_all_kinds_and_fairness() -> None:
    one = run("plain pool", browse=5)
    assert all_turns().figure(one) == 10.0
    assert all_refused().figure(one) == 0.0
    assert (all_waits(0.0).figure(one), all_waits(1.0).figure(one)) == (1.0, 10.0)
    assert all_waits(1.0).head == "wait longest"
    never = run("plain pool", otp_s=None, browse=0)
    assert all_waits(0.5).figure(replace(never, tallies={})) == NEVER
    assert fairness().figure(one) == 1.0
    assert fairness().figure(run("plain pool", browse=0)) == 0.5


def test_idle_holders_are_named_or_not() -> None:
    one = run("pglane", "lanes")
    assert math.isnan(named().figure(one))
    assert named().figure(replace(one, named_s=0.25)) == 250.0
    assert named().figure(replace(one, named_s=NEVER)) == NEVER


def test_who_waits_long_is_told_or_not() -> None:
    def figure(*samples: Sample) -> float:
        tallies = {"otp": tally(OTP, samples, 0.0, 9.0)}
        return told("otp", 2.5).figure(replace(run("pglane"), tallies=tallies))

    assert math.isnan(figure(Sample(0.0, 2.4, SERVED)))
    soon, late = Sample(0.0, 3.0, SERVED, told_s=2.1), Sample(0.0, 3.0, SERVED, told_s=2.4)
    assert figure(soon, late) == 2400.0
    assert figure(soon, Sample(0.0, 2.6, SERVED)) == NEVER
