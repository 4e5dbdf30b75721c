"""The bound on waiting holds in every schedule of small systems, and would not without each rule.

Each mutant is the scheduler that ships with one rule taken out. If a search no longer finds its
counterexample, the search has gone blind.
"""

import pytest

from pglane.scheduler.lane import NOWHERE, SHARING, STRICT, Lane
from tools.search_schedules import SYSTEMS, Adversary, Search, System


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_no_schedule_breaks_the_bound(system: System) -> None:
    found = Search(system).run()
    assert found.broken is None
    assert found.bound
    assert all(wait <= found.bound[ahead] for ahead, wait in found.worst.items())


def test_the_bound_is_reached_so_it_cannot_be_promised_any_shorter() -> None:
    reached = [Search(system).run() for system in SYSTEMS[:2]]
    assert [found.worst[0] for found in reached] == [found.bound[0] for found in reached]
    assert [found.worst[1] for found in reached] == [found.bound[1] for found in reached]


class WithoutUnmetFirst(Adversary):
    """R1 is missing: a lane that is owed a place competes like any other."""

    def unmet_first(self) -> Lane | None:
        return None

    def by_shares(self) -> Lane | None:
        waiting = [lane for lane in self.lanes.values() if lane.place != NOWHERE]
        return self.by_adversary([lane for lane in waiting if self.admits(lane)])


class WithoutOwnLaneFirst(Adversary):
    """R2 is missing: any lane that is owed a place may get it."""

    def own_lane_first(self, own: Lane | None) -> Lane | None:
        return None


class OwnLaneBehindGuards(Adversary):
    """R2 waits for what is kept free: a lane loses its own place to the guard of another."""

    def own_lane_first(self, own: Lane | None) -> Lane | None:
        lane = super().own_lane_first(own)
        return lane if lane is not None and self.may_have_own(lane) else None


class WithoutGuard(Adversary):
    """R3 is missing: what is to be kept free is given away."""

    def by_shares(self) -> Lane | None:
        waiting = [lane for lane in self.lanes.values() if lane.place != NOWHERE]
        return self.by_adversary(waiting)

    def may_share(self, lane: Lane) -> bool:
        return self.budget.has_place()


class WithoutKeepingFree(Adversary):
    """R1 takes what is kept free for another: a lane gets back at once what it lent."""

    def may_have_own(self, lane: Lane) -> bool:
        return self.budget.has_place()


class WithoutStrictness(Adversary):
    """R4 is missing: leases that have no end may sit on what is reserved."""

    def by_shares(self) -> Lane | None:
        waiting = [lane for lane in self.lanes.values() if lane.place in (SHARING, STRICT)]
        return self.by_adversary([lane for lane in waiting if self.may_share(lane)])

    def may_share(self, lane: Lane) -> bool:
        return self.budget.may_share()


def test_without_unmet_first_the_bound_breaks() -> None:
    assert Search(System(2, (1, 0), (1, 3)), WithoutUnmetFirst).run().broken is not None


def test_without_own_lane_first_the_bound_breaks() -> None:
    assert Search(System(3, (1, 1, 0), (2, 3, 4)), WithoutOwnLaneFirst).run().broken is not None


def test_where_a_guard_takes_the_place_of_another_lane_the_bound_breaks() -> None:
    system = System(4, (2, 1, 0), (1, 1, 2), guard=(1, 0, 0), watched=1, queue_max=2)
    assert Search(system, OwnLaneBehindGuards).run().broken is not None


def test_without_what_is_kept_free_the_bound_breaks() -> None:
    system = System(4, (2, 1, 0), (2, 1, 2), guard=(2, 1, 0))
    assert Search(system, WithoutGuard).run().broken is not None


def test_where_who_lent_takes_what_others_keep_the_bound_breaks() -> None:
    system = System(3, (1, 1, 0), (1, 2, 3), guard=(1, 0, 0))
    assert Search(system, WithoutKeepingFree).run().broken is not None


def test_where_leases_without_an_end_borrow_the_bound_breaks() -> None:
    assert Search(System(4, (1, 1, 0), (2, 1, 0)), WithoutStrictness).run().broken is not None
