"""Requests and leases of a budget, event by event; sequences are tried in tests/property."""

from pglane.scheduler.lane import LEARNED_MIN
from pglane.scheduler.lanes import (
    FIT_LOOKS,
    SWITCH_BURST_S,
    SWITCH_LAG_S,
    SWITCH_S_MAX,
    SWITCH_SHARE,
    LaneQueue,
)
from pglane.scheduler.policy import DoorPolicy, LanePolicy
from pglane.scheduler.reasons import RefusedBecause, WaitReason
from pglane.scheduler.request import Request
from pglane.scheduler.tenant import FINE_TURNS_MAX
from pglane.scheduler.tree import NEVER
from tests.support.lane_rig import LaneRig, OfferFor

OTP = LanePolicy("otp", reserve=1)
BROWSE = LanePolicy("browse")


def refusals(queue: LaneQueue) -> dict[RefusedBecause | None, int]:
    found: dict[RefusedBecause | None, int] = {}
    for request in queue.take_refused():
        found[request.refused] = found.get(request.refused, 0) + 1
    return found


# Waiting and leaving ---------------------------------------------------------------------------


def test_who_waits_is_in_the_queue_until_it_is_granted() -> None:
    rig = LaneRig(1, BROWSE)
    assert rig.queue.head() is None
    lease = rig.ask("browse")
    first = rig.ask("browse")
    rig.now += 1.0
    second = rig.ask("browse")
    assert len(rig.queue) == 2
    assert list(rig.queue) == [first, second]
    assert rig.queue.head() is first
    assert first in rig.queue
    assert lease not in rig.queue
    assert "browse" not in rig.queue
    assert rig.end(lease) == [first]
    assert first not in rig.queue
    assert rig.lane("browse").counters.wait_s == 1.0
    assert first.tenant.wait_s_max == 1.0  # type: ignore[attr-defined]
    rig.now += 0.5
    assert rig.end(first) == [second]
    assert second.tenant.wait_s_max == 1.0  # type: ignore[attr-defined]


def test_who_leaves_is_forgotten_however_often_it_is_told() -> None:
    rig = LaneRig(1, BROWSE)
    lease = rig.ask("browse")
    waiting, staying = rig.ask("browse"), rig.ask("browse")
    rig.queue.leave(waiting, rig.now)
    rig.queue.leave(waiting, rig.now)
    assert list(rig.queue) == [staying]
    rig.queue.leave(staying, rig.now)
    assert rig.end(lease) == []
    assert rig.queue.budget.busy == 0
    assert rig.queue.next_due() is None


def test_a_lease_object_can_be_used_again_and_again() -> None:
    rig = LaneRig(1, BROWSE)
    lease = rig.ask("browse")
    for _ in range(3):
        rig.now += 0.1
        rig.end(lease)
        assert rig.queue.take(lease, rig.now)
    assert rig.lane("browse").learned == 3


# Claims ----------------------------------------------------------------------------------------


def claimed(rig: LaneRig, name: str, user: str = "") -> Request:
    request = rig.request(name, user=user)
    rig.queue.arrive(request, rig.now)
    assert rig.queue.choose(None, None, rig.now, True) is request
    rig.queue.claim(request, rig.now)
    return request


def test_what_is_made_ready_counts_as_a_place_and_is_granted_later() -> None:
    rig = LaneRig(1, BROWSE)
    request = claimed(rig, "browse")
    assert request in rig.queue
    assert len(rig.queue) == 1
    assert rig.queue.waiting == 0
    assert rig.queue.budget.busy == 1
    assert request.reason is WaitReason.OPENING_SERVER
    assert rig.queue.reason_of(request) is WaitReason.OPENING_SERVER
    assert rig.queue.next_due() == request.expires
    assert rig.queue.choose(None, None, rig.now, True) is None
    rig.now += 0.010
    rig.queue.grant(request, rig.now)
    assert request.held
    assert request.since == rig.now
    assert rig.queue.budget.busy == 1
    assert len(rig.queue) == 0


def test_who_leaves_while_something_is_made_ready_leaves_its_place_booked() -> None:
    rig = LaneRig(1, BROWSE)
    request = claimed(rig, "browse")
    rig.queue.leave(request, rig.now)
    assert len(rig.queue) == 0
    assert rig.queue.budget.busy == 1
    rig.queue.release(request, rig.now)
    assert rig.queue.budget.busy == 0


def test_who_was_promised_what_cannot_be_opened_waits_in_its_old_place() -> None:
    rig = LaneRig(2, BROWSE, OTP)
    rig.fill("otp", 1)
    first = claimed(rig, "browse")
    rig.now += 1.0
    second = rig.ask("browse")
    assert first.borrowed is False
    rig.queue.unclaim(first, rig.now)
    assert not first.claimed
    assert first.reason is WaitReason.NO_SERVER_FREE
    assert rig.queue.waiting == 2
    assert rig.queue.budget.busy == 1
    assert rig.decide(None) == [first]
    assert not second.held


def test_a_borrowed_place_that_came_to_nothing_was_not_lent() -> None:
    rig = LaneRig(1, BROWSE, OTP)
    request = claimed(rig, "browse")
    assert request.borrowed
    assert rig.lane("otp").lent == 1
    rig.queue.unclaim(request, rig.now)
    assert rig.lane("otp").lent == 0


def test_who_was_claimed_takes_what_fits_early_and_its_own_becomes_spare() -> None:
    rig = LaneRig(2, BROWSE)
    lease = rig.ask("browse", user="anna")
    request = claimed(rig, "browse", user="anna")
    rig.queue.release(lease, rig.now)
    lane = rig.lane("browse")
    assert rig.queue.choose(OfferFor("berta"), lane, rig.now, True) is None
    assert rig.queue.choose(OfferFor("anna"), lane, rig.now, True) is request
    spare = rig.queue.spare("opening", rig.now)
    rig.queue.grant(request, rig.now)
    assert rig.queue.budget.busy == 2
    assert lane.busy == 1
    assert spare.client == "opening"
    rig.queue.release(spare, rig.now)
    assert rig.queue.budget.busy == 1


def test_nobody_is_served_early_where_somebody_is_owed_a_place() -> None:
    rig = LaneRig(2, BROWSE, OTP)
    lease = rig.ask("browse", user="anna")
    claimed(rig, "browse", user="anna")
    owed = rig.ask("otp", user="anna")
    rig.queue.release(lease, rig.now)
    assert rig.queue.choose(OfferFor("anna"), None, rig.now, True) is owed


def test_only_a_few_claims_are_looked_at() -> None:
    rig = LaneRig(FIT_LOOKS + 4, BROWSE)
    for _ in range(FIT_LOOKS + 1):
        claimed(rig, "browse", user="berta")
    claimed(rig, "browse", user="anna")
    assert rig.queue.choose(OfferFor("anna"), None, rig.now, True) is None


# Fit -------------------------------------------------------------------------------------------


def test_inside_a_lane_one_that_fits_goes_first_for_a_while() -> None:
    rig = LaneRig(1, BROWSE)
    lease = rig.ask("browse", "b", user="anna")
    other = rig.ask("browse", "b", user="berta")
    fitting = rig.ask("browse", "a", user="anna")
    rig.queue.release(lease, rig.now)
    choose = rig.queue.choose
    assert choose(OfferFor("anna"), None, rig.now, True) is fitting
    rig.now += SWITCH_S_MAX * 1.01
    assert choose(OfferFor("anna"), None, rig.now, True) is other
    assert choose(OfferFor("anna"), None, rig.now, False) is None
    assert choose(OfferFor("carla"), None, rig.now, False) is None


def test_between_lanes_one_that_fits_goes_first_until_the_other_lags() -> None:
    rig = LaneRig(1, LanePolicy("a"), LanePolicy("b"), LanePolicy("c", borrows=False))
    lease = rig.ask("a", user="anna")
    other, fitting = rig.ask("b", user="berta"), rig.ask("a", user="anna")
    rig.ask("c", user="carla")
    rig.queue.release(lease, rig.now)
    lane = rig.lane("a")
    lane.tag = lane.key = SWITCH_LAG_S / 2
    lane.group.sharing.moved(lane)
    choose = rig.queue.choose
    assert choose(OfferFor("anna"), None, rig.now, True) is fitting
    assert choose(OfferFor("dora"), None, rig.now, True) is None
    rig.now += SWITCH_S_MAX * 1.01
    assert choose(OfferFor("anna"), lane, rig.now, True) is fitting
    lane.tag = lane.key = SWITCH_LAG_S * 2
    lane.group.sharing.moved(lane)
    assert choose(OfferFor("anna"), lane, rig.now, True) is other
    assert choose(OfferFor("carla"), lane, rig.now, True).user == "carla"  # type: ignore[union-attr]


class LastOffer(OfferFor):
    """There is no other server connection that would do for anybody else."""

    def may_come(self, request: Request) -> bool:
        return False


def test_who_would_wait_for_nothing_gets_the_first_place() -> None:
    rig = LaneRig(1, LanePolicy("a"), LanePolicy("b"))
    lease = rig.ask("a", user="anna")
    other, fitting = rig.ask("b", user="berta"), rig.ask("a", user="anna")
    rig.queue.release(lease, rig.now)
    choose = rig.queue.choose
    assert choose(OfferFor("anna"), None, rig.now, True) is fitting
    assert choose(LastOffer("anna"), None, rig.now, True) is other
    assert choose(LastOffer("anna"), None, rig.now, False) is fitting
    for _ in range(round(SWITCH_BURST_S / SWITCH_S_MAX) + 1):
        rig.queue.switched(rig.now)
    assert choose(LastOffer("anna"), None, rig.now, True) is fitting, "too much was switched"
    rig.now += SWITCH_S_MAX / SWITCH_SHARE * 1.5
    assert choose(LastOffer("anna"), None, rig.now, True) is other
    rig.queue.switched(rig.now)
    assert choose(LastOffer("anna"), None, rig.now, True) is fitting
    rig.now += 5.0
    rig.queue.switched(rig.now)
    assert choose(LastOffer("anna"), None, rig.now, True) is other, "all is forgotten"


def test_a_lane_that_may_not_share_is_no_substitute() -> None:
    rig = LaneRig(2, OTP, LanePolicy("a"), LanePolicy("strict", borrows=False))
    first = rig.ask("strict", user="berta")
    second = rig.ask("a", user="anna")
    rig.ask("a", user="anna")
    rig.ask("strict", user="berta")
    rig.queue.release(second, rig.now)
    choose = rig.queue.choose
    assert choose(OfferFor("berta"), first.lane, rig.now, True) is None  # type: ignore[arg-type]


def test_a_lane_that_is_owed_a_place_is_passed_over_for_nobody() -> None:
    rig = LaneRig(1, OTP, BROWSE)
    lease = rig.ask("browse", user="anna")
    owed = rig.ask("otp", user="berta")
    rig.ask("browse", user="anna")
    rig.queue.release(lease, rig.now)
    assert rig.queue.choose(OfferFor("anna"), None, rig.now, True) is None
    rig.now += SWITCH_S_MAX * 1.01
    assert rig.queue.choose(OfferFor("anna"), None, rig.now, True) is owed


def test_one_that_came_too_late_is_no_substitute() -> None:
    rig = LaneRig(1, LanePolicy("a", wait_s_max=0.01), LanePolicy("b"))
    lease = rig.ask("b", user="anna")
    rig.ask("a", user="anna")
    rig.now += 0.02
    waiting = rig.ask("b", user="berta")
    late = rig.lane("a")
    late.tag = late.key = 1.0
    late.group.sharing.moved(late)
    rig.queue.release(lease, rig.now)
    assert rig.queue.choose(OfferFor("anna"), None, rig.now, True) is None
    assert waiting.waiting


# Refusals --------------------------------------------------------------------------------------


def test_a_request_past_nine_tenths_of_its_time_is_answered_and_never_started() -> None:
    rig = LaneRig(1, LanePolicy("browse", wait_s_max=10.0))
    lease = rig.ask("browse")
    late = rig.ask("browse")
    rig.now += 8.5
    in_time = rig.ask("browse")
    rig.now += 0.5
    assert rig.end(lease) == [in_time]
    assert late.refused is RefusedBecause.EXPIRED
    assert refusals(rig.queue) == {RefusedBecause.EXPIRED: 1}
    assert rig.queue.take_refused() == []


def test_where_all_came_too_late_the_place_stays_free() -> None:
    rig = LaneRig(1, LanePolicy("browse", wait_s_max=10.0))
    lease = rig.ask("browse")
    rig.ask("browse")
    rig.now += 9.0
    assert rig.end(lease) == []
    assert refusals(rig.queue) == {RefusedBecause.EXPIRED: 1}


def test_time_alone_answers_them_too() -> None:
    rig = LaneRig(1, LanePolicy("browse", wait_s_max=10.0), LanePolicy("patient"), OTP)
    rig.fill("browse", 1)
    first = rig.ask("browse")
    patient = rig.ask("patient")
    assert rig.queue.next_due() == first.expires
    assert rig.queue.expired(rig.now + 8.9) == []
    assert rig.queue.expired(rig.now + 9.0) == [first]
    assert rig.queue.next_due() == patient.expires
    assert rig.lane("browse").counters.refused[RefusedBecause.EXPIRED.place] == 1


def test_one_that_cannot_be_served_in_time_is_told_at_once() -> None:
    rig = LaneRig(1, LanePolicy("browse", wait_s_max=10.0))
    lease = rig.ask("browse")
    for _ in range(LEARNED_MIN):
        rig.now += 4.0
        rig.end(lease)
        assert rig.queue.take(lease, rig.now)
    waiting = [rig.ask("browse") for _ in range(3)]
    assert all(request.waiting for request in waiting)
    hopeless = rig.ask("browse")
    assert not hopeless.waiting
    assert hopeless.refused is RefusedBecause.HOPELESS
    assert hopeless not in rig.queue
    assert rig.queue.take_refused() == [hopeless]


def test_too_many_are_shed_by_rank() -> None:
    rig = LaneRig(
        1, LanePolicy("bulk", rank=1), LanePolicy("otp", rank=9, reserve=1), waiting_max=4
    )
    rig.fill("otp", 1)
    bulk = [rig.ask("bulk") for _ in range(3)]
    otp = [rig.ask("otp") for _ in range(2)]
    assert rig.queue.take_refused() == [bulk[2]]
    assert bulk[2].refused is RefusedBecause.SHED
    assert all(request.waiting for request in otp)


# Why it waits ----------------------------------------------------------------------------------


def test_every_wait_has_a_reason() -> None:
    rig = LaneRig(
        4,
        LanePolicy("otp", reserve=1, lends=False),
        LanePolicy("few", limit=1),
        LanePolicy("doored", door="session"),
        BROWSE,
        doors=(DoorPolicy("session", 1),),
    )
    rig.fill("few", 1)
    assert rig.ask("few").reason is WaitReason.LANE_AT_LIMIT
    rig.fill("doored", 1)
    assert rig.ask("doored").reason is WaitReason.DOOR_AT_LIMIT
    rig.fill("browse", 1)
    assert rig.ask("browse").reason is WaitReason.RESERVED_FOR_OTHERS
    rig.fill("otp", 1)
    assert rig.ask("browse").reason is WaitReason.NO_SERVER_FREE
    counters = rig.lane("browse").counters
    assert counters.reasons[WaitReason.RESERVED_FOR_OTHERS.place] == 1
    assert counters.reasons[WaitReason.NO_SERVER_FREE.place] == 1


def test_a_lease_beyond_its_limit_is_nothing_to_wake_for_until_somebody_waits() -> None:
    rig = LaneRig(2, LanePolicy("browse", hold_s_max=2.0))
    (old,) = rig.fill("browse", 1)
    rig.now += 3.0
    request = claimed(rig, "browse")
    assert rig.queue.expired(rig.now) == rig.queue.recall(rig.now) == []
    assert rig.queue.next_due() == request.expires
    assert rig.queue.expired(rig.now) == rig.queue.recall(rig.now) == []
    rig.ask("browse")
    due = rig.queue.next_due()
    assert due is not None
    assert due <= rig.now
    assert rig.queue.expired(rig.now) == []
    assert rig.queue.recall(rig.now) == [old]


# Tenants ---------------------------------------------------------------------------------------


def test_who_held_all_from_the_beginning_is_not_taken_for_usual() -> None:
    """It may do so a second time; then those who waited meanwhile go first."""
    rig = LaneRig(1, BROWSE)
    holder = rig.ask("browse", "holder")
    for _ in range(20):
        rig.ask("browse", "quick")
    for _ in range(2):
        rig.now += 3.0
        (first,) = rig.end(holder)
        assert first.tenant.name == "quick"
        holder = rig.ask("browse", "holder")
        served = [first]
        while served[-1] is not holder:
            rig.now += 0.005
            served += rig.end(served[-1])
    assert len(served) >= FINE_TURNS_MAX


def test_a_tenant_of_long_leases_waits_for_the_turns_it_took() -> None:
    rig = LaneRig(1, BROWSE)
    lease = rig.ask("browse", "slow")
    for _ in range(200):
        rig.ask("browse", "slow")
        rig.ask("browse", "quick")
    served = {"slow": 0, "quick": 0}
    for _ in range(150):
        name: str = lease.tenant.name  # type: ignore[attr-defined]
        rig.now += 0.100 if name == "slow" else 0.010
        (lease,) = rig.end(lease)
        served[name] += 1
    assert served["quick"] > 3 * served["slow"] > 0


def test_a_fine_can_come_while_nobody_of_the_tenant_waits() -> None:
    rig = LaneRig(2, BROWSE)
    slow, quick = rig.ask("browse", "slow"), rig.ask("browse", "quick")
    rig.ask("browse", "quick")
    rig.now += 0.010
    rig.end(quick)
    rig.ask("browse", "quick")
    rig.now += 1.0
    rig.end(slow)
    assert rig.lane("browse").tenants.enter("slow").key > 1.0


# What is asked back ----------------------------------------------------------------------------


def test_a_lease_that_is_asked_back_is_counted_until_its_place_is_free() -> None:
    rig = LaneRig(1, LanePolicy("otp", reserve=1, borrow_hold_s=1.0), BROWSE)
    lease = rig.ask("browse")
    waiting = rig.ask("otp")
    assert rig.queue.expired(rig.now) == []
    assert rig.queue.recall(rig.now) == []
    rig.now += 1.0
    assert rig.queue.next_due() == rig.now
    assert rig.queue.recall(rig.now) == [lease]
    rig.now += 0.5
    assert rig.end(lease) == [waiting]
    assert rig.lane("browse").counters.give_back_s == 0.5


def test_the_time_of_a_lease_begins_when_its_server_connection_is_ready() -> None:
    rig = LaneRig(1, LanePolicy("browse", hold_s_max=2.0))
    request = claimed(rig, "browse")
    rig.now += 3.0
    rig.ask("browse")
    assert rig.queue.recall(rig.now) == []
    assert rig.queue.expired(rig.now) == []
    rig.queue.grant(request, rig.now)
    assert rig.queue.next_due() == rig.now + 2.0


# What fits, though another one is next -----------------------------------------------------------


def test_what_fits_is_found_beside_those_who_cannot_be_served() -> None:
    rig = LaneRig(2, LanePolicy("otp", reserve=1), BROWSE, LanePolicy("full", limit=1))
    rig.ask("full", user="anna")
    rig.ask("browse", user="anna")
    rig.ask("full", user="berta")
    owed, request = rig.ask("otp", user="carla"), rig.ask("browse", user="berta")
    offer = OfferFor("berta")
    assert rig.queue.fitting(offer, None, rig.now) is None, "no place is free"
    rig.queue.release(next(iter(rig.lane("browse").holders)), rig.now)
    assert rig.queue.choose(offer, None, rig.now, False) is None
    assert rig.queue.fitting(offer, None, rig.now) is request
    assert rig.queue.fitting(OfferFor("carla"), None, rig.now) is owed
    assert rig.queue.fitting(offer, None, request.expires) is None


def test_clients_of_a_lane_may_have_their_own_time() -> None:
    rig = LaneRig(1, LanePolicy("browse", wait_s_max=10.0, wait_is_default=True))
    rig.ask("browse")
    patient = rig.ask("browse")
    hasty = rig.request("browse")
    hasty.patience_s = 1.0
    rig.queue.arrive(hasty, rig.now)
    third = rig.ask("browse")
    assert hasty.deadline == rig.now + 1.0
    assert rig.queue.expired(rig.now + 0.95) == [hasty]
    assert rig.queue.wakes_at() == patient.expires
    assert rig.queue.expired(third.expires) == [patient, third]
    rig.lane("browse").wait_is_default = False
    hasty.patience_s = 1.0
    rig.queue.arrive(hasty, rig.now)
    assert hasty.deadline == rig.now + 10.0


def test_nobody_waits_where_nobody_came() -> None:
    rig = LaneRig(1, BROWSE)
    assert rig.queue.is_empty()
    assert rig.queue.wakes_at() == NEVER
    assert len(rig.queue) == 0
    assert list(rig.queue) == []
    assert rig.request("browse") not in rig.queue


# Works -----------------------------------------------------------------------------------------


def test_who_continues_a_work_gets_its_lanes_ticket() -> None:
    rig = LaneRig(2, LanePolicy("api", nested=2, wait_s_max=1.0), BROWSE)
    first = rig.ask("api", user="anna", work="cart")
    late = rig.request("api", user="anna", work="cart")
    rig.queue.arrive(late, rig.now)
    rig.now += 0.95
    assert rig.queue.choose(None, None, rig.now, True) is None
    assert refusals(rig.queue) == {RefusedBecause.EXPIRED: 1}
    again = rig.request("api", user="anna", work="cart")
    rig.queue.arrive(again, rig.now)
    assert rig.queue.choose(OfferFor("berta"), None, rig.now, False) is None
    assert rig.queue.choose(OfferFor("berta"), None, rig.now, True) is again
    rig.queue.claim(again, rig.now)
    rig.queue.unclaim(again, rig.now)
    assert again.continues
    assert rig.decide(None) == [again]
    assert again.golden
    rig.end(again)
    rig.end(first)
    assert rig.queue.works.known == {}


def test_by_a_ticket_nobody_moves_the_time_of_shares() -> None:
    rig = LaneRig(3, LanePolicy("api", nested=2), BROWSE)
    held = rig.fill("browse", 1)
    rig.ask("api", work="cart")
    rig.ask("browse")
    rig.lane("api").tag = rig.queue.virtual + 0.5
    before = rig.queue.virtual
    assert rig.ask("api", work="cart").golden
    assert rig.queue.virtual == before
    waits = rig.ask("api", "other")
    rig.lane("browse").limit = 0
    assert rig.end(held[0]) == [waits]
    assert rig.queue.virtual > before
