"""Lanes that are changed: each kind of change is among them, and the last makes all as it was."""

from itertools import pairwise

from pglane.lab.scenarios.changes import CHANGES, LANES_CHANGED


def test_each_kind_of_change_is_made() -> None:
    budgets = [LANES_CHANGED.budget, *(change.budget for change in CHANGES)]
    lanes = [{"otp": 1}, *(change.reserves for change in CHANGES)]
    steps = list(pairwise(lanes))
    assert {after - before for before, after in pairwise(budgets)} == {
        0,
        2,
        -2,
    }
    assert any(before.get("otp", 9) < after.get("otp", 0) for before, after in steps), "raised"
    assert any(after.keys() > before.keys() for before, after in steps), "added"
    assert any(after.keys() < before.keys() for before, after in steps), "removed"
    assert any(
        len(after) == len(before) and after.keys() != before.keys() for before, after in steps
    ), "renamed"
    assert (CHANGES[-1].budget, CHANGES[-1].lanes) == (LANES_CHANGED.budget, LANES_CHANGED.lanes)


def test_every_request_counts() -> None:
    (variant,) = LANES_CHANGED.variants
    assert variant.critical == set(variant.kinds)
    assert LANES_CHANGED.warm_s == 0.0
