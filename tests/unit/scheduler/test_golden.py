"""Golden tickets: works that need several places at once finish, one after the other."""

import pytest

from pglane.scheduler import golden
from pglane.scheduler.policy import DoorPolicy, LanePolicy
from pglane.scheduler.reasons import RefusedBecause, WaitReason
from pglane.scheduler.request import Request
from tests.support.lane_rig import LaneRig, OfferFor

API = LanePolicy("api", nested=2)
OTHER = LanePolicy("other")


def stuck(rig: LaneRig, count: int, name: str = "api") -> tuple[list[Request], list[Request]]:
    """So many works with a place, and each asks for another."""
    first = [rig.ask(name, work=str(number)) for number in range(count)]
    return first, [rig.ask(name, work=str(number)) for number in range(count)]


def test_works_that_hold_all_places_finish_one_after_the_other() -> None:
    rig = LaneRig(4, API)
    first, second = stuck(rig, 3)
    assert [each.held for each in second] == [True, False, False]
    assert second[0].golden
    assert rig.end(second[0]) == [second[1]]
    assert second[1].golden
    assert rig.end(first[0]) == [second[2]]
    assert not second[2].golden
    for lease in (*first[1:], *second[1:]):
        rig.end(lease)
    assert rig.queue.budget.busy == 0
    assert rig.queue.budget.guarded == 1
    assert rig.lane("api").golden_work is None


def test_newcomers_never_get_the_place_of_the_ticket() -> None:
    rig = LaneRig(3, API, OTHER)
    held = rig.fill("other", 2)
    waiting = rig.ask("other")
    assert not waiting.held
    assert waiting.reason is WaitReason.RESERVED_FOR_OTHERS
    assert not rig.ask("api", work="cart").held
    assert rig.end(held[0]) == [waiting]


def test_an_ordinary_place_is_taken_first() -> None:
    rig = LaneRig(3, API)
    rig.ask("api", work="cart")
    assert not rig.ask("api", work="cart").golden
    assert rig.ask("api", work="cart").golden


def test_only_who_has_a_place_already_may_have_the_ticket() -> None:
    rig = LaneRig(2, API)
    rig.ask("api")
    assert not rig.ask("api", work="cart").held
    assert rig.lane("api").golden == 0


def test_one_work_has_all_of_a_ticket() -> None:
    rig = LaneRig(4, LanePolicy("api", nested=3))
    for work in ("a", "b"):
        rig.ask("api", work=work)
    second, waiting, third = (rig.ask("api", work=work) for work in ("a", "b", "a"))
    assert second.golden
    assert third.golden
    assert rig.lane("api").golden == 2
    assert rig.end(third) == []
    assert rig.end(second) == [waiting]
    assert waiting.golden


def test_a_place_of_the_ticket_is_exchanged_for_an_ordinary_one() -> None:
    """Else its work could have nothing but the ticket, and need more."""
    rig = LaneRig(3, API)
    (first, other), (second, waiting) = stuck(rig, 2)
    assert second.golden
    assert not waiting.held
    assert rig.end(first) == [waiting]  # by the ticket
    assert not second.golden
    assert waiting.golden
    again = rig.ask("api", work="0")
    assert rig.end(waiting) == [again]
    assert again.golden
    assert other.held


def test_what_is_on_loan_goes_over_with_the_place() -> None:
    rig = LaneRig(3, API, LanePolicy("otp", reserve=1, borrow_hold_s=0.5))
    (first, _), (second, _) = stuck(rig, 2)
    assert [first.borrowed, second.borrowed] == [False, False]
    borrowed = rig.lane("api").holders.last
    assert borrowed is second
    mine = next(each for each in rig.lane("api").holders if each.borrowed)
    assert mine.lender is rig.lane("otp")
    rig.queue.release(mine, rig.now)
    assert rig.lane("otp").lent in (0, 1)


def test_who_is_on_the_ticket_is_not_recalled_for_what_others_lent() -> None:
    rig = LaneRig(3, API, LanePolicy("otp", reserve=1, borrow_hold_s=0.5))
    (first, other), (second, _) = stuck(rig, 2)
    rig.ask("otp")
    rig.now += 1.0
    second.idle = True
    assert second.golden
    assert rig.queue.recall(rig.now) in ([first], [other])


def test_a_door_keeps_the_place_as_well() -> None:
    lanes = (LanePolicy("api", door="session", nested=2), LanePolicy("work", door="session"))
    rig = LaneRig(9, *lanes, doors=(DoorPolicy("session", 2),))
    first = rig.ask("api", work="cart")
    assert not rig.ask("work").held
    assert rig.ask("api", work="cart").golden
    assert first.held


def test_a_lanes_limit_counts_the_ticket() -> None:
    rig = LaneRig(9, LanePolicy("api", nested=2, limit=3))
    rig.fill("api", 2)
    assert not rig.ask("api").held
    rig = LaneRig(9, LanePolicy("api", nested=3, limit=3))
    rig.fill("api", 1)
    assert not rig.ask("api").held


def test_who_waited_too_long_is_answered_and_the_next_has_the_ticket() -> None:
    rig = LaneRig(4, LanePolicy("api", nested=2, wait_s_max=1.0))
    (_, _, last), (second, late, _) = stuck(rig, 3)
    rig.now += 0.5
    rig.queue.leave(rig.ask("api", work="2"), rig.now)
    patient = rig.ask("api", work="2")
    rig.now += 0.45
    assert patient in rig.end(second)
    assert late.refused is RefusedBecause.EXPIRED
    assert last.held


def test_an_offer_that_does_not_fit_is_exchanged_only_where_it_may_be() -> None:
    rig = LaneRig(2, API)
    rig.ask("api", user="anna", work="cart")
    again = rig.request("api", user="anna", work="cart")
    rig.queue.arrive(again, rig.now)
    assert rig.queue.choose(OfferFor("berta"), None, rig.now, False) is None
    assert rig.queue.choose(OfferFor("berta"), None, rig.now, True) is again
    assert rig.queue.choose(OfferFor("anna"), None, rig.now, False) is again
    rig.queue.claim(again, rig.now)
    assert again.golden
    rig.queue.unclaim(again, rig.now)
    assert not again.golden
    assert rig.queue.choose(None, None, rig.now, True) is again


def test_the_holder_of_the_ticket_may_wait_elsewhere() -> None:
    rig = LaneRig(4, LanePolicy("api", nested=3), OTHER)
    rig.ask("api", work="cart")
    rig.ask("other")
    assert rig.ask("api", work="cart").golden
    rig.ask("other", work="cart")
    assert golden.next_of(rig.lane("api")) is None
    assert rig.ask("api", work="cart").golden


def test_with_fewer_places_the_ticket_waits_until_there_is_room() -> None:
    rig = LaneRig(4, API, OTHER)
    rig.ask("api", work="cart")
    held = rig.fill("other", 2)
    rig.queue.configure(2, (API, OTHER), (), rig.now)
    again = rig.ask("api", work="cart")
    assert not again.held
    assert rig.end(held[0]) == []
    assert rig.end(held[1]) == [again]


@pytest.mark.parametrize("nested", [1, 2])
def test_what_is_on_a_ticket_that_is_gone_is_ordinary(nested: int) -> None:
    rig = LaneRig(4, LanePolicy("api", nested=3))
    first = [rig.ask("api", work=work) for work in ("a", "b")]
    second, third = (rig.ask("api", work="a") for _ in range(2))
    assert second.golden
    assert third.golden
    rig.queue.configure(4, (LanePolicy("api", nested=nested),), (), rig.now)
    lane = rig.lane("api")
    assert (lane.busy, lane.golden, lane.golden_work) == (4, 0, None)
    assert not second.golden
    assert rig.queue.budget.guarded == nested - 1
    for lease in (*first, second, third):
        rig.end(lease)
    assert rig.queue.budget.busy == 0
    assert rig.queue.budget.guarded == nested - 1


def test_a_lane_that_is_gone_stays_while_somebody_is_on_its_ticket() -> None:
    rig = LaneRig(2, API)
    first, second = rig.ask("api", work="a"), rig.ask("api", work="a")
    rig.end(first)
    rig.queue.configure(2, (), (), rig.now)
    assert rig.lane("api").busy == 1
    rig.end(second)
    rig.queue.configure(2, (), (), rig.now)
    assert not rig.queue.lanes


def test_the_first_place_of_a_work_may_give_another_one_to_what_waits() -> None:
    rig = LaneRig(3, API, OTHER)
    rig.fill("api", 1)
    (held,) = rig.fill("other", 1)
    waits = rig.ask("api", work="cart")
    rig.end(held)
    assert waits.held
    rig = LaneRig(4, LanePolicy("api", nested=2, limit=2), OTHER)
    rig.fill("api", 1)
    waits = rig.ask("api", work="cart")
    first = rig.request("other", work="cart")
    assert not rig.queue.take(first, rig.now)  # as it would be for itself
    rig.queue.arrive(first, rig.now)
    assert rig.decide(None) == [first, waits]
    assert waits.golden


def test_who_may_have_a_place_of_a_ticket() -> None:
    rig = LaneRig(5, LanePolicy("api", nested=3), OTHER)
    lane, works = rig.lane("api"), rig.queue.works
    rig.ask("api", work="a")
    rig.ask("api", work="b")
    rig.fill("other", 1)
    one, other = (works.known["", name] for name in "ab")
    assert not golden.may_have(lane, None)
    assert golden.may_have(lane, one)
    assert golden.may_have(lane, other)
    rig.ask("api", work="a")
    assert golden.may_have(lane, one)
    assert not golden.may_have(lane, other)
    rig.ask("api", work="a")
    assert not golden.may_have(lane, one)
    lone = rig.request("api", work="c")
    rig.queue.arrive(lone, rig.now)
    assert not golden.may_have(lane, works.known["", "c"])
