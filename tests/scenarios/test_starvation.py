"""The fault first, on a pooler; then its absence here. Real PostgreSQL, seconds each.

Nothing is asserted about milliseconds: who is served and who is not, and ratios within a minute of
the same machine.
"""

from dataclasses import replace
from statistics import median

import pytest

from pglane.lab.scenario import Run, Variant, fairness
from pglane.lab.scenarios.changes import CHANGES, LANES_CHANGED
from pglane.lab.scenarios.flood import HOLD_S, OTP_UNDER_FLOOD
from pglane.lab.scenarios.storm import RESTART_STORM
from pglane.lab.scenarios.tenants import ONE_GREEDY_TENANT
from pglane.lab.scenarios.turns import FIRST_TURN

FLOODED = 2
"""The variant with 200 clients: their queue is never empty, however slow the machine is."""
FLOOD = replace(OTP_UNDER_FLOOD, warm_s=0.5)
PATIENT_S = 30.0
"""What a slow machine may take to answer the last who asked; ends when they are answered."""
_bulk, _otp = FIRST_TURN.variants[0].streams
CROWDED = replace(
    FIRST_TURN,
    variants=(Variant("100 bulk clients", (replace(_bulk, clients=100), _otp)),),
    warm_s=0.5,
    wait_s_max=1.0,
    grace_s=1.5,
)
EMPTY = replace(FIRST_TURN, variants=FIRST_TURN.variants[1:])


@pytest.mark.parametrize("way", ["two doors", "a user each"])
def test_a_turn_beside_bulk_work_at_another_door_or_of_another_user(play, way: str) -> None:
    """PgBouncer refuses with 08P01 after the whole timeout; here everybody has a turn."""
    refused = play(CROWDED, "pgbouncer", way, seconds=3.0).tallies["otp"]
    assert refused.refused.get("08P01", 0) > refused.served
    patient = replace(CROWDED, wait_s_max=PATIENT_S, grace_s=PATIENT_S)
    assert play(patient, "pglane", way, seconds=3.0).tallies["otp"].served_share == 1.0


def test_a_turn_when_nobody_is_there(play) -> None:
    """Server connections idle at the other door, or as another user, are no obstacle.

    PgBouncer 1.25 refuses everybody where the role is written into its entries; `pglane lab run
    first-turn` shows it. 1.18, which most machines have, does not.
    """
    patient = replace(EMPTY, wait_s_max=PATIENT_S, grace_s=PATIENT_S)
    for way in ("two doors", "a user each"):
        served = play(patient, "pglane", way, seconds=4.0).tallies["otp"]
        assert served.asked > 0
        assert served.served_share == 1.0, way


def test_a_storm_of_connections(play) -> None:
    """Directly, most are refused; through the gateway nobody is."""
    direct = play(RESTART_STORM, "direct", seconds=20.0).tallies.values()
    assert sum(one.refused.get("53300", 0) for one in direct) >= 100
    here = play(RESTART_STORM, "pglane", "one user", seconds=20.0).tallies.values()
    assert sum(one.asked for one in here) == sum(one.served for one in here) == 200


def test_a_flood_costs_who_is_not_in_it_no_queue(play) -> None:
    """In one queue the whole flood goes before a password; in a lane a turn or two do."""
    patient = replace(FLOOD, grace_s=PATIENT_S)
    assert overtaken(play(patient, "plain pool", variant=FLOODED, seconds=5.0)) > 100
    for way in ("one user", "lanes"):
        here = play(patient, "pglane", way, variant=FLOODED, seconds=5.0)
        assert overtaken(here) < 50, way
        assert here.violations is not None, way


def overtaken(run: Run) -> float:
    """How many pages were answered between the wish for a password and its answer."""
    ends = [one.asked_s + one.wait_s + HOLD_S for one in run.tallies["browse"].samples]
    return median(
        sum(one.asked_s < end < one.asked_s + one.wait_s for end in ends)
        for one in run.tallies["otp"].samples
    )


def test_lanes_are_changed_while_everybody_is_served(play) -> None:
    """Every request that was sent is answered, and no bound is broken before, amid or after."""
    patient = replace(
        LANES_CHANGED,
        lanes=_patient(LANES_CHANGED.lanes),
        changes=tuple(replace(each, lanes=_patient(each.lanes)) for each in CHANGES),
        grace_s=PATIENT_S,
    )
    here = play(patient, "pglane", "lanes", seconds=8.0)
    assert here.changes == len(CHANGES)
    for kind, met in here.tallies.items():
        assert met.asked == met.served > 0, kind
    assert (here.violations, here.missed) == (0, 0)


def _patient(lanes: str) -> str:
    """The same with a bound that a machine full of other work keeps as well."""
    assert "borrow_hold_ms = 500" in lanes
    return lanes.replace("borrow_hold_ms = 500", "borrow_hold_ms = 4000")


def test_one_greedy_tenant(play) -> None:
    """A queue gives the loudest nearly everything; here each gets as much."""
    queue = fairness().figure(play(ONE_GREEDY_TENANT, "plain pool"))
    here = fairness().figure(play(ONE_GREEDY_TENANT, "pglane", "one user", seconds=5.0))
    assert queue < 0.5 < here
