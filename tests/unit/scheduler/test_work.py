"""Works: what continues goes first, and a name is no way past the queue."""

from pglane.scheduler.lane import CONTINUED_MAX
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.reasons import RefusedBecause
from pglane.scheduler.request import Request
from pglane.scheduler.work import NAME_CHARACTERS_MAX, REQUESTS_MAX, stamp_of
from tests.support.lane_rig import LaneRig


def rig_of(places: int, **told) -> LaneRig:
    return LaneRig(places, LanePolicy("web", **told), LanePolicy("mail"))


def test_a_work_that_has_a_place_goes_before_newcomers() -> None:
    rig = rig_of(2)
    cart, other = rig.ask("web", work="cart"), rig.ask("web")
    newcomers = [rig.ask("web", tenant) for tenant in ("", "a", "b")]
    again = rig.ask("web", "c", work="cart")
    assert again.continues
    assert not any(each.continues for each in newcomers)
    assert rig.end(other) == [again]
    assert rig.end(cart) == [newcomers[0]]


def test_whatever_lane_its_place_is_in() -> None:
    rig = rig_of(1)
    held = rig.ask("mail", work="cart")
    first, again = rig.ask("web", "a"), rig.ask("web", "b", work="cart")
    assert again.continues
    assert rig.end(held) == [first]  # it gave back what it had: a newcomer like any other
    assert not again.continues


def test_nobody_goes_first_on_a_strangers_work() -> None:
    rig = rig_of(1)
    rig.ask("web", user="anna", work="cart")
    rig.ask("web", user="berta")
    assert not rig.ask("web", user="berta", work="cart").continues


def test_what_waited_before_its_work_had_a_place_continues_from_then_on() -> None:
    rig = rig_of(1)
    held = rig.ask("web")
    one = rig.ask("web", work="cart")
    newcomer, other = rig.ask("web", "a"), rig.ask("web", "b", work="cart")
    assert not other.continues
    assert rig.end(held) == [one]
    assert other.continues
    assert rig.queue.choose(None, None, rig.now, True) is None
    alone = rig.ask("web", "b")
    assert rig.lane("web").next(rig.now) is other
    rig.queue.leave(other, rig.now)
    assert rig.end(one) == [newcomer]
    assert rig.end(newcomer) == [alone]
    assert not rig.queue.works.known


def test_without_a_place_they_stand_first_among_their_tenants() -> None:
    rig = rig_of(2)
    cart, other = rig.ask("web", work="cart"), rig.ask("web")
    newcomer = rig.ask("web", "a")
    before = rig.ask("web", "c")
    again, third = (rig.ask("web", "c", work="cart") for _ in range(2))
    rig.queue.release(cart, rig.now)  # and nobody has decided yet
    assert not again.continues
    assert not third.continues
    assert rig.decide(None) == [newcomer]
    assert rig.end(other) == [again]
    assert third.continues
    assert rig.end(newcomer) == [third]
    assert rig.end(again) == [before]


def test_newcomers_have_a_turn_after_many_that_continue() -> None:
    rig = rig_of(2)
    rig.ask("web", work="endless")
    held = rig.ask("web", work="endless")
    newcomer = rig.ask("web", "a")
    served: list[Request] = []
    while newcomer not in served:
        rig.ask("web", work="endless")
        (held,) = rig.end(held)
        served.append(held)
    assert len(served) == CONTINUED_MAX + 1


def test_where_no_newcomer_waits_any_number_continues() -> None:
    rig = rig_of(2)
    rig.ask("web", work="endless")
    held = rig.ask("web", work="endless")
    for _ in range(2 * CONTINUED_MAX):
        again = rig.ask("web", work="endless")
        assert rig.end(held) == [again]
        held = again


def test_only_so_many_of_a_work_count() -> None:
    rig = rig_of(1)
    rig.ask("web", work="cart")
    asked = [rig.ask("web", work="cart") for _ in range(REQUESTS_MAX + 3)]
    assert [each.continues for each in asked] == [True] * (REQUESTS_MAX - 1) + [False] * 4


def test_of_many_that_waited_only_so_many_continue() -> None:
    rig = rig_of(1)
    held = rig.ask("web")
    asked = [rig.ask("web", work="cart") for _ in range(REQUESTS_MAX + 3)]
    assert rig.end(held) == [asked[0]]
    assert sum(each.continues for each in asked[1:]) == REQUESTS_MAX - 1
    rig.queue.release(asked[0], rig.now)
    assert not any(each.continues for each in asked[1:])
    assert rig.decide(None) == [asked[1]]


def test_who_continues_is_not_told_that_it_is_hopeless() -> None:
    rig = rig_of(1, wait_s_max=1.0)
    for _ in range(20):
        lease = rig.ask("web")
        rig.now += 5.0
        rig.end(lease)
    rig.ask("web", work="cart")
    first = rig.ask("web")
    assert rig.ask("web", work="cart").refused is None
    assert rig.ask("web").refused is RefusedBecause.HOPELESS
    assert first.refused is None


def test_a_claim_that_came_to_nothing_is_a_place_that_was_given_back() -> None:
    rig = rig_of(2)
    first, second = rig.request("web", work="cart"), rig.request("web", work="cart")
    for each in (first, second):
        rig.queue.arrive(each, rig.now)
    rig.queue.claim(first, rig.now)
    assert second.continues
    rig.queue.unclaim(first, rig.now)
    assert not second.continues
    assert not first.continues
    rig.queue.claim(second, rig.now)
    assert first.continues
    rig.queue.claim(first, rig.now)
    rig.queue.unclaim(first, rig.now)
    assert first.continues
    assert rig.lane("web").next(rig.now) is first


def test_a_work_is_forgotten_with_the_last_of_it() -> None:
    rig = rig_of(1)
    held = rig.ask("web", work="cart")
    again, waiting = rig.ask("web", work="cart"), rig.ask("web", work="mail")
    rig.queue.leave(again, rig.now)
    assert set(rig.queue.works.known) == {("", "cart"), ("", "mail")}
    assert rig.end(held) == [waiting]
    assert set(rig.queue.works.known) == {("", "mail")}
    rig.end(waiting)
    assert not rig.queue.works.known
    assert held.work is again.work is waiting.work is None


def test_what_waits_for_its_work_is_known() -> None:
    rig = rig_of(1)
    works = rig.queue.works
    rig.ask("web", work="cart")
    assert not works.is_waited_for(("", "cart"))
    assert not works.is_waited_for(("", "other"))
    rig.ask("web", work="cart")
    assert works.is_waited_for(("", "cart"))


def test_a_stamp_is_a_user_and_a_name_of_bounded_length() -> None:
    assert stamp_of("anna", "") is None
    assert stamp_of("anna", "cart") == ("anna", "cart")
    one, other = (stamp_of("anna", "x" * 100 + end) for end in "ab")
    assert one is not None
    assert other is not None
    assert len(one[1]) == len(other[1]) == NAME_CHARACTERS_MAX
    assert one != other
    assert stamp_of("anna", "x" * 100 + "a") == one
    assert len(stamp_of("anna", "\udcff" * 65)[1]) == NAME_CHARACTERS_MAX  # type: ignore[index]


def test_requests_of_works_that_wait_are_counted() -> None:
    rig = rig_of(1)
    held = rig.ask("web", work="cart")
    again, _ = rig.ask("web", work="cart"), rig.ask("web")
    assert rig.queue.works.waiting == 1
    rig.queue.leave(again, rig.now)
    rig.end(held)
    assert rig.queue.works.waiting == 0
