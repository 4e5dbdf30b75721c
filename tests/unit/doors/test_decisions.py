"""Decisions are values."""

from pglane.doors.decisions import Grant, Recall
from pglane.pool.ledger import Slot
from pglane.scheduler.request import Lease, Request


def test_decisions_are_matched_by_their_parts() -> None:
    request, slot = Request(None, None, "anna", None, object()), Slot("anna", None, 1.0)
    match Grant(request, slot):
        case Grant(whom, which):
            assert (whom, which) == (request, slot)
    lease = Lease(None, None, object())
    assert Recall(lease) == Recall(lease)
