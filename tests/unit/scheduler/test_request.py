"""Lines are left from anywhere, and keep their order."""

import pytest

from pglane.scheduler.reasons import WaitReason
from pglane.scheduler.request import Arrivals, Lease, Line, Offer, Request, request_of


def request(arrived: float = 0.0) -> Request:
    made = Request(None, None, "anna", None, object())
    made.arrived = arrived
    return made


def test_a_lease_holds_nothing_at_first() -> None:
    lease = Lease("lane", "tenant", "client")
    assert (lease.lane, lease.tenant, lease.client) == ("lane", "tenant", "client")
    assert not lease.held
    assert lease.recalled == -1.0


def test_a_request_waits_for_a_free_server_connection_at_first() -> None:
    made = request()
    assert made.user == "anna"
    assert made.reason is WaitReason.NO_SERVER_FREE
    assert made.refused is None
    assert not made.claimed
    assert not made.waiting


@pytest.mark.parametrize("leaving", [0, 1, 2])
def test_a_line_is_left_from_anywhere(leaving: int) -> None:
    line = Line()
    leases = [Lease(None, None, number) for number in range(3)]
    for lease in leases:
        line.append(lease)
    assert list(line) == leases
    line.remove(leases.pop(leaving))
    assert list(line) == leases
    assert (line.first, line.last) == (leases[0], leases[-1])
    for lease in leases:
        line.remove(lease)
    assert line.first is line.last is None


@pytest.mark.parametrize("leaving", [0, 1, 2])
def test_arrivals_are_left_from_anywhere(leaving: int) -> None:
    arrivals = Arrivals()
    requests = [request() for _ in range(3)]
    for each in requests:
        arrivals.append(each)
    assert list(arrivals) == requests
    arrivals.remove(requests.pop(leaving))
    assert list(arrivals) == requests
    assert (arrivals.first, arrivals.last) == (requests[0], requests[-1])
    for each in requests:
        arrivals.remove(each)
    assert arrivals.first is arrivals.last is None


def test_who_comes_back_stands_where_its_arrival_says() -> None:
    line = Line()
    middle = request(2.0)
    line.insert(middle)
    last, first, between, equal = request(4.0), request(1.0), request(3.0), request(2.0)
    for each in (last, first, between, equal):
        line.insert(each)
    assert list(line) == [first, middle, equal, between, last]
    backwards = []
    lease = line.last
    while lease is not None:
        backwards.append(lease)
        lease = lease.before
    assert backwards == [last, between, equal, middle, first]


def test_who_goes_before_all_others() -> None:
    line = Line()
    second, first = request(1.0), request(2.0)
    line.prepend(second)
    line.prepend(first)
    assert list(line) == [first, second]
    assert (line.first, line.last) == (first, second)
    assert second.before is first


def test_an_offer_must_say_whom_it_fits() -> None:
    with pytest.raises(NotImplementedError):
        Offer().fits(request())


def test_where_an_offer_does_not_know_better_others_may_come() -> None:
    assert Offer().may_come(request())


def test_one_that_no_class_was_called_for_is_the_same() -> None:
    need, client = object(), object()
    made, same = request_of("anna", need, client), Request(None, None, "anna", need, client)
    assert [getattr(made, name) for name in FIELDS] == [getattr(same, name) for name in FIELDS]


FIELDS = (*Lease.__slots__, *Request.__slots__)


@pytest.mark.parametrize(
    ("there", "arrived", "order"),
    [
        ([], 2.0, [2.0]),
        ([1.0, 3.0], 2.0, [1.0, 2.0, 3.0]),
        ([1.0, 3.0], 0.5, [0.5, 1.0, 3.0]),
        ([1.0, 3.0], 4.0, [1.0, 3.0, 4.0]),
    ],
)
def test_one_that_waits_again_stands_where_it_stood(
    there: list[float], arrived: float, order: list[float]
) -> None:
    arrivals = Arrivals()
    for at in there:
        arrivals.append(request(at))
    arrivals.insert(request(arrived))
    assert [one.arrived for one in arrivals] == order
    backwards = []
    one = arrivals.last
    while one is not None:
        backwards.append(one.arrived)
        one = one.older
    assert backwards == order[::-1]
