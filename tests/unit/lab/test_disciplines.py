"""Who is next, in each way that is compared."""

import pytest

from pglane.lab.disciplines import Discipline, Lanes, Queues
from pglane.scheduler.policy import LanePolicy


def test_a_discipline_must_decide() -> None:
    bare = Discipline()
    for call in (
        lambda: bare.request("a", ""),
        lambda: bare.ask(1, 0.0),
        lambda: bare.end(1, 0.0),
    ):
        with pytest.raises(NotImplementedError):
            call()
    assert bare.refused() == []


def test_one_queue_serves_in_the_order_of_arrival() -> None:
    fifo = Queues(1, one=True)
    browse, otp, more = (fifo.request(kind, "") for kind in ("browse", "otp", "browse"))
    assert fifo.ask(browse, 0.0)
    assert not fifo.ask(otp, 0.0)
    assert not fifo.ask(more, 0.0)
    assert fifo.end(browse, 1.0) is otp
    assert fifo.end(otp, 1.0) is more
    assert fifo.end(more, 1.0) is None
    assert fifo.ask(browse, 2.0)


def test_a_pool_that_reuses_serves_its_own_first() -> None:
    reuse = Queues(1, one=False)
    browse, otp, more = (reuse.request(kind, "") for kind in ("browse", "otp", "browse"))
    assert reuse.ask(browse, 0.0)
    assert not reuse.ask(otp, 0.0)
    assert not reuse.ask(more, 0.0)
    assert reuse.end(browse, 1.0) is more
    assert reuse.end(more, 1.0) is otp
    assert reuse.end(otp, 1.0) is None


def test_lanes_serve_who_is_owed_a_place() -> None:
    lanes = Lanes(1, [LanePolicy("otp", reserve=1), LanePolicy("browse", wait_s_max=1.0)])
    browse, more, otp = (lanes.request(kind, "") for kind in ("browse", "browse", "otp"))
    assert lanes.ask(browse, 0.0)
    assert not lanes.ask(more, 0.0)
    assert not lanes.ask(otp, 0.5)
    assert lanes.end(browse, 1.0) is otp
    assert lanes.refused() == []
    assert lanes.end(otp, 2.0) is None
    assert lanes.refused() == [more]
