"""What a request needs, and what it is offered."""

import pytest

from pglane.connection.settings import Vectors
from pglane.doors.need import Need, SlotOffer, need_of
from pglane.pool.ledger import CLOSING, Ledger, Slot
from pglane.scheduler.request import Request

VECTORS = Vectors()
TUNED = VECTORS.of({"work_mem": "1MB"})
PLAIN = Need(VECTORS.empty, VECTORS.empty, exact=False, fresh=False)
EXACT = Need(TUNED, TUNED, exact=True, fresh=False)
FRESH = Need(VECTORS.empty, VECTORS.empty, exact=True, fresh=True)


def wish(user: str, need: Need = PLAIN) -> Request:
    return Request(None, None, user, need, object())


@pytest.mark.parametrize(
    ("need", "base", "accepted"),
    [
        (PLAIN, VECTORS.empty, True),
        (PLAIN, TUNED, False),
        (EXACT, TUNED, True),
        (EXACT, VECTORS.empty, False),
        (Need(TUNED, VECTORS.empty, exact=False, fresh=False), TUNED, True),
        (FRESH, VECTORS.empty, False),
        (PLAIN, None, False),
    ],
)
def test_a_need_accepts_a_base(need: Need, base: object, accepted: bool) -> None:
    assert need.accepts(base) is accepted


def test_an_offer_fits_role_and_settings() -> None:
    slot = Slot("anna", VECTORS.empty, 1.0)
    assert SlotOffer(slot, Ledger(3)).fits(wish("anna"))
    assert not SlotOffer(slot, Ledger(3)).fits(wish("berta"))
    assert not SlotOffer(slot, Ledger(3)).fits(wish("anna", EXACT))


def test_where_leases_rotate_the_last_one_is_for_whom_no_other_can_be_had() -> None:
    need = Need(VECTORS.empty, VECTORS.empty, exact=False, fresh=False)
    slot = need.last = Slot("anna", VECTORS.empty, 1.0)
    offer, request = SlotOffer(slot, Ledger(3)), wish("anna", need)
    assert offer.fits(request)
    offer.anew = True
    assert offer.fits(request), "the budget has no other"
    request.claimed = True
    assert not offer.fits(request), "another one is coming"
    request.claimed = False
    offer.has_room = True
    assert not offer.fits(request), "another one can be opened"


def test_another_one_may_come_of_the_same_role_that_would_do() -> None:
    ledger = Ledger(3)
    offer = SlotOffer(ledger.open("anna", VECTORS.empty, 1.0), ledger)
    assert not offer.may_come(wish("berta"))
    other = ledger.open("berta", VECTORS.empty, 1.0)
    assert offer.may_come(wish("berta"))
    assert not offer.may_come(wish("berta", EXACT))
    assert not offer.may_come(wish("berta", FRESH))
    ledger.move(other, CLOSING, 2.0)
    assert not offer.may_come(wish("berta"))


def test_one_that_no_class_was_called_for_is_the_same() -> None:
    made, same = (
        need_of(TUNED, VECTORS.empty, True, False),
        Need(TUNED, VECTORS.empty, True, False),
    )
    assert [getattr(made, name) for name in Need.__slots__] == [
        getattr(same, name) for name in Need.__slots__
    ]
