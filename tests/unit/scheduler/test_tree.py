"""Promises, places, and which lane is next; the same through requests is in test_lanes."""

import pytest

from pglane.scheduler.bounds import NO_BOUND
from pglane.scheduler.lane import NOWHERE, SHARING, STRICT, UNMET
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.policy import DoorPolicy, LanePolicy
from pglane.scheduler.request import Lease, Request
from pglane.scheduler.tree import LENDER_LOOKS, LaneTree
from tests.support.lane_rig import LaneRig

OTP = LanePolicy("otp", reserve=1)
BROWSE = LanePolicy("browse")
SESSION = LanePolicy("session", borrows=False)


def lease_of(tree: LaneTree, name: str) -> Lease:
    lane = tree.lanes[name]
    return Lease(lane, lane.tenants.enter(""), None)


# Taking what is free ---------------------------------------------------------------------------


def test_a_free_place_is_taken_at_once_without_a_heap() -> None:
    tree = LaneTree(2, [BROWSE])
    assert tree.take(lease_of(tree, "browse"), 1.0)
    assert tree.take(lease_of(tree, "browse"), 1.0)
    assert not tree.take(lease_of(tree, "browse"), 1.0)
    assert (tree.budget.busy, tree.lanes["browse"].counters.grants) == (2, 2)
    assert tree.budget.sharing.steps == 0
    assert tree.lanes["browse"].place == NOWHERE


def test_a_lane_has_no_more_than_its_limit() -> None:
    tree = LaneTree(3, [LanePolicy("browse", limit=1)])
    assert tree.take(lease_of(tree, "browse"), 1.0)
    assert not tree.take(lease_of(tree, "browse"), 1.0)


def test_what_is_guarded_is_not_taken() -> None:
    tree = LaneTree(3, [LanePolicy("otp", reserve=2, guard=1), BROWSE])
    assert tree.take(lease_of(tree, "browse"), 1.0)
    assert tree.take(lease_of(tree, "browse"), 1.0)
    assert not tree.take(lease_of(tree, "browse"), 1.0)
    assert tree.take(lease_of(tree, "otp"), 1.0)
    assert not tree.take(lease_of(tree, "otp"), 1.0)


def test_leases_without_an_end_never_sit_on_what_is_reserved() -> None:
    tree = LaneTree(3, [OTP, SESSION, BROWSE])
    assert tree.take(lease_of(tree, "session"), 1.0)
    assert tree.take(lease_of(tree, "session"), 1.0)
    assert not tree.take(lease_of(tree, "session"), 1.0)
    assert tree.take(lease_of(tree, "browse"), 1.0)


def test_who_is_owed_a_place_takes_it_although_others_wait() -> None:
    rig = LaneRig(2, LanePolicy("otp", reserve=1, lends=False), BROWSE)
    rig.fill("browse", 1)
    assert not rig.ask("browse").held
    assert rig.ask("otp").held


def test_a_door_has_no_more_than_its_limit() -> None:
    lanes = [LanePolicy("a", door="session"), LanePolicy("b", door="session"), BROWSE]
    tree = LaneTree(3, lanes, [DoorPolicy("session", 1), DoorPolicy("direct")])
    assert tree.take(lease_of(tree, "a"), 1.0)
    assert not tree.take(lease_of(tree, "b"), 1.0)
    assert tree.take(lease_of(tree, "browse"), 1.0)


def test_a_door_that_is_full_keeps_a_lane_from_its_reservation() -> None:
    lanes = [LanePolicy("a", door="session"), LanePolicy("b", door="session", reserve=1)]
    tree = LaneTree(3, lanes, [DoorPolicy("session", 1)])
    assert tree.take(lease_of(tree, "a"), 1.0)
    assert not tree.admits(tree.lanes["b"])


# Which lane is next ----------------------------------------------------------------------------


def test_nobody_is_next_where_nothing_is_free_or_nobody_waits() -> None:
    rig = LaneRig(1, BROWSE)
    assert rig.queue.pick(None) is None
    rig.fill("browse", 1)
    rig.ask("browse")
    assert rig.queue.pick(None) is None


def test_the_lane_whose_lease_ended_is_next_while_it_is_owed_a_place() -> None:
    rig = LaneRig(2, OTP, LanePolicy("mail", reserve=1))
    otp, mail = rig.ask("otp"), rig.ask("mail")
    waiting_mail, waiting_otp = rig.ask("mail"), rig.ask("otp")
    rig.now += 1.0
    assert rig.end(otp) == [waiting_otp]
    assert rig.end(mail) == [waiting_mail]


def test_the_oldest_of_those_that_are_owed_a_place_is_next() -> None:
    rig = LaneRig(2, OTP, LanePolicy("mail", reserve=1), BROWSE)
    first, second = rig.fill("browse", 2)
    rig.ask("browse")
    mail = rig.ask("mail")
    rig.now += 1.0
    otp = rig.ask("otp")
    assert rig.end(first) == [mail]
    assert rig.end(second) == [otp]


def test_the_lane_that_was_served_least_is_next_by_weight() -> None:
    rig = LaneRig(1, LanePolicy("heavy", weight=3.0), LanePolicy("light"))
    lease = rig.ask("heavy")
    for _ in range(100):
        rig.ask("heavy")
        rig.ask("light")
    turns = {"heavy": 0, "light": 0}
    for _ in range(80):
        rig.now += 0.010
        (lease,) = rig.end(lease)
        turns[lease.lane.name] += 1  # type: ignore[attr-defined]
    assert turns["heavy"] == pytest.approx(60, abs=4)


def test_long_leases_count_for_what_they_are() -> None:
    rig = LaneRig(1, LanePolicy("long"), LanePolicy("short"))
    lease = rig.ask("long")
    for _ in range(200):
        rig.ask("long")
        rig.ask("short")
    seconds = {"long": 0.0, "short": 0.0}
    for _ in range(150):
        name: str = lease.lane.name  # type: ignore[attr-defined]
        held_s = 0.100 if name == "long" else 0.010
        rig.now += held_s
        seconds[name] += held_s
        (lease,) = rig.end(lease)
    assert seconds["long"] == pytest.approx(seconds["short"], rel=0.2)


def test_lanes_whose_leases_have_no_end_take_part_while_reservations_are_left_alone() -> None:
    rig = LaneRig(2, OTP, SESSION, BROWSE)
    first, second = rig.fill("browse", 2)
    session, more, browse = rig.ask("session"), rig.ask("session"), rig.ask("browse")
    assert rig.lane("session").place == STRICT
    assert rig.lane("browse").place == SHARING
    rig.now += 1.0
    assert rig.end(first) == [session]
    assert rig.end(second) == [browse]
    assert more.waiting


def test_a_door_that_is_full_is_passed_over() -> None:
    rig = LaneRig(
        2,
        LanePolicy("a", door="session"),
        LanePolicy("b", door="session", reserve=1),
        LanePolicy("c", door="session", borrows=False),
        BROWSE,
        doors=(DoorPolicy("session", 1),),
    )
    a, browse = rig.ask("a"), rig.ask("browse")
    owed, strict, waiting = rig.ask("b"), rig.ask("c"), rig.ask("browse")
    assert rig.lane("b").place == UNMET
    assert rig.end(browse) == [waiting]
    assert rig.end(a) == [owed]
    assert not strict.held


def test_a_lane_is_not_its_own_next_while_its_door_is_full() -> None:
    rig = LaneRig(3, LanePolicy("b", door="session", reserve=2), doors=(DoorPolicy("session", 2),))
    first = rig.ask("b")
    rig.ask("b")
    rig.ask("b")
    rig.queue.configure(3, [rig.lane("b").policy], [DoorPolicy("session", 1)], rig.now)
    assert rig.end(first) == []


def test_of_two_doors_the_least_served_lane_is_next() -> None:
    rig = LaneRig(1, LanePolicy("a", door="session"), BROWSE, doors=(DoorPolicy("session"),))
    lease = rig.ask("browse")
    for _ in range(4):
        rig.ask("browse")
        rig.ask("a")
    turns = []
    for _ in range(8):
        rig.now += 0.010
        (lease,) = rig.end(lease)
        turns.append(lease.lane.name)  # type: ignore[attr-defined]
    assert turns.count("a") == 4
    assert turns[:2] in (["a", "browse"], ["browse", "a"])


# Loans -----------------------------------------------------------------------------------------


def test_a_loan_is_on_the_account_of_both() -> None:
    rig = LaneRig(2, OTP, BROWSE)
    own, loan = rig.fill("browse", 2)
    assert (own.borrowed, loan.borrowed) == (False, True)
    assert loan.lender is rig.lane("otp")
    assert rig.lane("otp").lent == 1
    rig.now += 3.0
    rig.end(loan)
    assert rig.lane("browse").counters.borrowed_s == 3.0
    assert rig.lane("otp").counters.lent_s == 3.0
    assert rig.lane("otp").lent == 0


def test_a_lender_is_looked_for_among_a_few() -> None:
    lanes = [LanePolicy(f"mail {n}", reserve=1) for n in range(LENDER_LOOKS + 1)]
    rig = LaneRig(LENDER_LOOKS + 1, *lanes, BROWSE)
    for lane in lanes[1:]:
        rig.fill(lane.name, 1)
    (loan,) = rig.fill("browse", 1)
    rig.end(loan)
    (other,) = rig.fill("browse", 1)
    assert {loan.lender, other.lender} <= {None, rig.lane("mail 0")}
    rig.now += 1.0
    rig.end(other)
    assert rig.lane("browse").counters.borrowed_s == 1.0


# Promises that change --------------------------------------------------------------------------


def test_where_there_are_fewer_a_promise_is_suspended_by_rank() -> None:
    tree = LaneTree(1, [LanePolicy("mail", reserve=1), LanePolicy("otp", reserve=1, rank=9)])
    assert tree.lanes["mail"].suspended
    assert not tree.lanes["otp"].suspended
    assert tree.budget.reserved == 1


def test_new_promises_keep_leases_and_sums() -> None:
    rig = LaneRig(4, OTP, BROWSE, LanePolicy("gone"))
    rig.fill("browse", 3)
    rig.fill("otp", 1)
    waiting = rig.ask("browse")
    assert rig.queue.budget.excess == 3
    rig.queue.configure(
        4, [LanePolicy("otp", reserve=3, guard=1), LanePolicy("browse", reserve=1)], (), rig.now
    )
    budget = rig.queue.budget
    assert "gone" not in rig.queue.lanes
    assert (budget.busy, budget.reserved, budget.guarded, budget.excess) == (4, 4, 1, 2)
    assert waiting.waiting
    assert rig.lane("browse").place == SHARING


def test_a_lane_that_is_not_configured_any_more_ends_with_its_last_client() -> None:
    rig = LaneRig(2, OTP, BROWSE)
    lease = rig.ask("otp")
    rig.queue.configure(2, [BROWSE], (), rig.now)
    assert rig.lane("otp").reserve == 0
    waiting = rig.request("otp")
    rig.queue.arrive(waiting, rig.now)
    rig.queue.drop_removed()
    rig.end(lease)
    rig.queue.drop_removed()
    assert rig.lane("otp").holders.first is waiting
    rig.end(waiting)
    rig.queue.drop_removed()
    assert "otp" not in rig.queue.lanes
    rig.queue.drop_removed()


def test_a_lane_that_is_configured_again_before_its_last_client_left_stays() -> None:
    rig = LaneRig(2, OTP, BROWSE)
    lease = rig.ask("otp")
    rig.queue.configure(2, [BROWSE], (), rig.now)
    rig.queue.configure(2, [BROWSE, OTP], (), rig.now)
    rig.end(lease)
    rig.queue.drop_removed()
    assert rig.lane("otp").reserve == 1


def test_a_removed_lane_counts_for_how_long_a_loan_can_last_while_anybody_saw_it() -> None:
    otp, mail = (
        LanePolicy(name, reserve=1, hold_s_max=1.0, give_back_s=0.0) for name in ("otp", "mail")
    )
    rig = LaneRig(3, otp, mail, LanePolicy("slow", hold_s_max=9.0, give_back_s=0.0))
    (slow,) = rig.fill("slow", 1)
    rig.fill("otp", 1)
    (first,) = rig.fill("mail", 1)
    second, third = rig.ask("mail"), rig.ask("mail")
    rig.queue.configure(3, [otp, mail], (), rig.now)
    rig.queue.drop_removed()
    assert (rig.lane("otp").loan_s_max, rig.lane("mail").loan_s_max) == (9.0, 9.0)
    assert rig.end(slow) == [second]
    rig.queue.drop_removed()
    assert (rig.lane("otp").loan_s_max, rig.lane("mail").loan_s_max) == (1.0, 9.0)
    assert rig.end(first) == [third]
    rig.queue.drop_removed()
    assert (rig.lane("otp").loan_s_max, rig.lane("mail").loan_s_max) == (1.0, 1.0)


def test_another_time_to_wait_holds_for_those_that_wait() -> None:
    rig = LaneRig(1, BROWSE)
    rig.fill("browse", 1)
    waiting = rig.ask("browse")
    rig.queue.configure(1, [LanePolicy("browse", wait_s_max=2.0)], (), rig.now)
    assert waiting.deadline == rig.now + 2.0
    assert rig.queue.next_due() == rig.now


def test_a_lane_that_came_up_by_itself_outlives_a_new_configuration() -> None:
    rig = LaneRig(2, OTP)
    lane = rig.queue.add(LanePolicy("transaction anna"))
    assert rig.queue.add(LanePolicy("transaction anna")) is lane
    rig.queue.drop_removed()
    rig.queue.configure(2, [OTP], [DoorPolicy("session", 1)], rig.now)
    assert rig.queue.add(LanePolicy("transaction anna")) is lane
    rig.queue.drop_removed()
    assert rig.queue.lanes["transaction anna"] is lane
    assert rig.queue.add(LanePolicy("session anna", door="session")).group.name == "session"


def test_one_that_nobody_asks_for_again_goes_with_its_last_lease_and_client() -> None:
    rig = LaneRig(2, OTP, doors=(DoorPolicy("transaction"),))
    anna = LanePolicy("transaction:anna")
    lane = rig.queue.add(anna)
    assert rig.lane("otp").loan_s_max == NO_BOUND
    lease = rig.ask("transaction:anna")
    rig.queue.configure(2, [OTP], (), rig.now)
    rig.queue.drop_removed()
    assert rig.queue.lanes["transaction:anna"] is lane, "it has a lease"
    rig.end(lease)
    rig.queue.drop_removed()
    assert rig.queue.lanes["transaction:anna"] is lane, "it has a client"
    lane.tenants.part(lease.tenant)
    rig.queue.drop_removed()
    assert "transaction:anna" not in rig.queue.lanes
    assert rig.lane("otp").loan_s_max == 0.0
    rig.queue.configure(2, [OTP], (), rig.now)
    assert rig.queue.add(anna) is not lane


def test_a_lane_that_came_up_by_itself_counts_for_how_long_a_loan_can_last() -> None:
    tree = LaneTree(2, [OTP, LanePolicy("browse", hold_s_max=2.0, give_back_s=0.0)])
    assert tree.lanes["otp"].loan_s_max == 2.0
    tree.add(LanePolicy("slow", hold_s_max=5.0, give_back_s=0.0))
    assert tree.lanes["otp"].loan_s_max == 5.0
    tree.add(LanePolicy("endless"))
    assert tree.lanes["otp"].loan_s_max == NO_BOUND
    tree.add(LanePolicy("another", hold_s_max=1.0, give_back_s=0.0))
    assert tree.lanes["otp"].loan_s_max == NO_BOUND


def test_the_end_that_a_lane_sets_to_its_leases_is_a_time_to_look() -> None:
    rig = LaneRig(1, LanePolicy("browse", hold_s_max=2.0))
    (lease,) = rig.fill("browse", 1)
    rig.ask("browse")
    assert rig.queue.next_due() == lease.since + 2.0


def test_lanes_that_came_up_by_themselves_follow_a_new_limit_of_waiting() -> None:
    rig = LaneRig(2)
    lane = rig.queue.add(LanePolicy("anna", wait_s_max=9.0))
    rig.queue.configure(2, (), (), rig.now)
    assert lane.wait_s_max == 9.0
    rig.queue.configure(2, (), (), rig.now, 4.0)
    assert lane.wait_s_max == 4.0


# What is kept free -----------------------------------------------------------------------------


def test_a_lane_that_lent_does_not_take_back_what_is_kept_for_another() -> None:
    kept = LanePolicy("kept", reserve=1, lends=False)
    rig = LaneRig(2, OTP, kept, BROWSE)
    (lease,) = rig.fill("browse", 1)
    owed = rig.ask("otp")
    assert not owed.held
    assert rig.ask("kept").held
    assert rig.end(lease) == [owed]


def test_of_a_reservation_that_is_kept_in_part_one_place_is_there_at_once() -> None:
    rig = LaneRig(3, LanePolicy("mail", reserve=2, guard=1), OTP, BROWSE)
    first, second = rig.fill("browse", 2)
    owed = rig.ask("otp")
    assert (owed.held, rig.ask("mail").held) == (False, True)
    assert rig.ask("mail").promised
    rig.queue.leave(next(iter(rig.lane("mail").arrivals)), rig.now)
    assert rig.end(first) == []
    assert rig.end(second) == [owed]


def test_a_place_that_a_lane_had_already_is_not_lost_to_the_guard_of_another() -> None:
    rig = LaneRig(4, OTP, LanePolicy("mail", reserve=2, guard=1), BROWSE)
    own = rig.ask("otp")
    rig.fill("browse", 2)
    rig.fill("mail", 1)  # what was kept free for it; the rest is lent
    waiting = rig.ask("otp")
    late = rig.ask("mail")
    assert not waiting.was_short
    assert rig.end(own) == [waiting]
    assert rig.end(waiting) == [late]


def test_nor_is_it_after_a_change() -> None:
    rig = LaneRig(3, OTP, BROWSE)
    own = rig.ask("otp")
    browsing, _ = rig.fill("browse", 2)
    rig.queue.configure(3, [OTP, LanePolicy("mail", reserve=1, guard=1), BROWSE], (), rig.now)
    waiting = rig.ask("otp")
    assert (waiting.was_short, waiting.promised) == (False, True)
    assert rig.end(own) == [waiting]
    assert rig.end(browsing) == []
    assert rig.ask("mail").held


def test_after_a_change_the_one_for_whom_a_place_is_kept_goes_before_older_requests() -> None:
    kept = LanePolicy("kept", reserve=1, lends=False)
    rig = LaneRig(2, OTP, kept, BROWSE)
    first, second = rig.fill("browse", 1)[0], rig.ask("kept")
    rig.queue.configure(1, [OTP, kept, BROWSE], (), rig.now)
    rig.end(second)
    older = rig.ask("otp")
    rig.now += 1.0
    waiting = rig.ask("kept")
    rig.queue.configure(2, [OTP, kept, BROWSE], (), rig.now)
    assert rig.decide(None) == [waiting]
    assert rig.end(first) == [older]


# Promises to those who wait --------------------------------------------------------------------


def test_one_that_waits_while_lanes_change_is_short_of_what_is_reserved_then() -> None:
    rig = LaneRig(3, OTP, BROWSE)
    first = rig.ask("otp")
    rig.fill("browse", 2)
    waiting = rig.ask("otp")
    assert (waiting.was_short, waiting.promised) == (False, True)
    rig.now += 1.0
    rig.queue.configure(3, [LanePolicy("otp", reserve=2), BROWSE], (), rig.now)
    assert first.held
    assert (waiting.was_short, waiting.promised) == (True, True)
    assert waiting.judged_since == rig.now


def test_one_for_whom_a_server_is_opened_is_judged_as_before_but_from_then_on() -> None:
    rig = LaneRig(1, OTP, BROWSE)
    (lease,) = rig.fill("browse", 1)
    waiting = rig.ask("otp")
    rig.queue.release(lease, rig.now)
    chosen = rig.queue.choose(None, None, rig.now, True)
    assert chosen is waiting
    rig.queue.claim(waiting, rig.now)
    rig.now += 1.0
    rig.queue.configure(1, [OTP, BROWSE], (), rig.now)
    assert (waiting.was_short, waiting.judged_since) == (True, rig.now)


def test_more_in_use_than_there_is_counts_as_lent() -> None:
    rig = LaneRig(3, OTP, BROWSE)
    rig.ask("otp")
    rig.fill("browse", 2)
    rig.queue.configure(2, [OTP, BROWSE], (), rig.now)
    waiting = rig.ask("otp")
    assert (waiting.was_short, waiting.promised) == (True, True)


def test_nothing_is_promised_while_leases_without_an_end_sit_on_it() -> None:
    rig = LaneRig(2, LanePolicy("otp"), SESSION)
    first, second = rig.fill("session", 2)
    waiting = rig.ask("otp")
    rig.queue.configure(2, [OTP, SESSION], (), rig.now)
    assert not waiting.promised
    late = rig.ask("otp")
    assert not late.promised
    assert rig.end(first) == [waiting]
    rig.end(waiting)
    assert late.held
    assert rig.ask("otp").promised
    assert second.held


def test_nothing_is_promised_before_what_is_to_be_kept_free_has_come_back() -> None:
    rig = LaneRig(2, LanePolicy("otp"), BROWSE)
    lease, _ = rig.fill("browse", 2)
    waiting = rig.ask("otp")
    rig.queue.configure(2, [LanePolicy("otp", reserve=1, lends=False), BROWSE], (), rig.now)
    assert not waiting.promised
    assert rig.end(lease) == [waiting]
    assert rig.ask("otp").promised


# Works and golden tickets ----------------------------------------------------------------------


def lease_of_work(tree: LaneTree, name: str, work: str = "cart") -> Lease:
    lease = lease_of(tree, name)
    lease.stamp = ("", work)
    return lease


def test_a_ticket_is_used_where_no_other_place_is_free() -> None:
    tree = LaneQueue(2, [LanePolicy("api", nested=2), BROWSE])
    assert (tree.budget.guarded, tree.budget.reserved) == (1, 1)
    first, second = lease_of_work(tree, "api"), lease_of_work(tree, "api")
    assert tree.take(first, 1.0)
    assert not tree.take(second, 1.0)
    tree.book(second, 1.0)
    lane = tree.lanes["api"]
    assert (second.golden, second.borrowed, lane.busy, lane.golden) == (True, False, 1, 1)
    assert (tree.budget.busy, tree.budget.guarded) == (2, 0)
    tree.release(first, 2.0)
    assert (second.golden, lane.busy, lane.golden) == (False, 1, 0)
    tree.book(first, 3.0)
    assert first.golden
    tree.release(first, 4.0)
    assert (lane.busy, lane.golden, tree.budget.guarded) == (1, 0, 1)
    tree.release(second, 5.0)
    assert (lane.busy, tree.budget.busy) == (0, 0)


def test_what_others_may_go_on_by_is_not_taken_without_a_decision() -> None:
    tree = LaneTree(3, [LanePolicy("api", nested=2), BROWSE])
    waits = Request(tree.lanes["api"], None, "", None, None)
    waits.stamp = ("", "cart")
    tree.works.waits(waits)
    assert not tree.take(lease_of_work(tree, "browse"), 1.0)
    assert tree.take(lease_of_work(tree, "browse", "other"), 1.0)
    tree.configure(3, [LanePolicy("api"), BROWSE], (), 2.0)
    waits.tenant = tree.lanes["api"].tenants.enter("")
    tree.lanes["api"].enqueue(waits)
    assert tree.take(lease_of_work(tree, "browse"), 1.0)
    assert waits.continues


def test_a_ticket_that_is_not_kept_any_more_makes_its_leases_ordinary() -> None:
    tree = LaneTree(2, [LanePolicy("api", nested=2)])
    first, second = lease_of_work(tree, "api"), lease_of_work(tree, "api")
    tree.book(first, 1.0)
    tree.book(second, 1.0)
    assert second.golden
    tree.configure(2, [LanePolicy("api", nested=2, weight=2.0)], (), 2.0)
    assert (second.golden, tree.budget.guarded) == (True, 0)
    tree.configure(2, [LanePolicy("api")], (), 2.0)
    assert (second.golden, tree.lanes["api"].busy, tree.budget.busy) == (False, 2, 2)
