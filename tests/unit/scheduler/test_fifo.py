"""First come, first served; one bounded exception."""

import pytest

from pglane.scheduler.fifo import SWITCH_S_MAX, FifoQueue, Offer, Request, WaitReason


class OfferFor(Offer):
    """Fits one role."""

    def __init__(self, user: str) -> None:
        self.user = user

    def fits(self, request: Request) -> bool:
        return request.user == self.user


def ask(queue: FifoQueue, user: str, arrived: float, deadline: float = 99.0) -> Request:
    request = Request(user, None, arrived, deadline, object())
    queue.arrive(request)
    return request


def test_a_request_waits_for_a_free_server_connection_at_first() -> None:
    request = Request("anna", None, 1.0, 2.0, None)
    assert request.reason is WaitReason.NO_SERVER_FREE
    assert not request.claimed


def test_an_offer_must_say_whom_it_fits() -> None:
    with pytest.raises(NotImplementedError):
        Offer().fits(Request("anna", None, 1.0, 2.0, None))


def test_who_came_first_is_the_head() -> None:
    queue = FifoQueue()
    assert queue.head() is None
    assert queue.is_empty()
    assert queue.statistics().head_arrived is None
    first, second = ask(queue, "anna", 1.0), ask(queue, "anna", 2.0)
    assert queue.head() is first
    assert not queue.is_empty()
    assert list(queue) == [first, second]
    assert queue.statistics().waiting == len(queue) == 2
    assert queue.statistics().head_arrived == 1.0
    queue.leave(first)
    queue.leave(first)
    assert queue.head() is second
    assert first not in queue
    assert second in queue


def test_the_first_that_fits_is_chosen() -> None:
    queue = FifoQueue()
    ask(queue, "berta", 1.0)
    fitting = ask(queue, "anna", 1.0)
    ask(queue, "anna", 1.0)
    assert queue.choose(OfferFor("anna"), 1.0, True) is fitting


def test_nobody_is_chosen_where_nobody_fits() -> None:
    queue = FifoQueue()
    ask(queue, "berta", 1.0)
    assert queue.choose(OfferFor("anna"), 1.0, True) is None


def test_who_was_passed_over_too_long_is_chosen_though_it_does_not_fit() -> None:
    queue = FifoQueue()
    passed_over = ask(queue, "berta", 1.0)
    fitting = ask(queue, "anna", 1.0)
    late = 1.0 + SWITCH_S_MAX
    assert queue.choose(OfferFor("anna"), late, True) is passed_over
    assert queue.choose(OfferFor("anna"), late, False) is fitting
    passed_over.claimed = True
    assert queue.choose(OfferFor("anna"), late, True) is fitting


def test_the_first_without_anything_coming_is_found() -> None:
    queue = FifoQueue()
    assert queue.unclaimed() is None
    first, second = ask(queue, "anna", 1.0), ask(queue, "anna", 2.0)
    first.claimed = True
    assert queue.unclaimed() is second


def test_who_waited_its_whole_time_is_told_at_the_deadline_not_before() -> None:
    queue = FifoQueue()
    late = ask(queue, "anna", 1.0, deadline=5.0)
    ask(queue, "anna", 1.0, deadline=6.0)
    assert queue.expired(4.999) == []
    assert queue.expired(5.0) == [late]


def test_the_first_deadline_is_not_always_the_heads() -> None:
    queue = FifoQueue()
    assert queue.first_deadline() is None
    head = ask(queue, "anna", 1.0, 9.0)
    assert queue.first_deadline() == 9.0
    other = ask(queue, "anna", 2.0, 5.0)
    assert queue.first_deadline() == 5.0
    queue.leave(other)
    assert queue.first_deadline() == 9.0
    queue.leave(head)
    assert queue.first_deadline() is None
    ask(queue, "anna", 3.0, 4.0)
    assert queue.first_deadline() == 4.0
