"""Four sums that say whether one more may be granted."""

from pglane.scheduler.group import Group


def test_a_group_has_a_place_until_its_limit() -> None:
    group = Group("", 2, None)
    assert group.has_place()
    group.busy = 2
    assert not group.has_place()


def test_what_is_guarded_stays_free() -> None:
    group = Group("", 3, None)
    group.busy, group.guarded = 1, 1
    assert group.may_share()
    group.busy = 2
    assert not group.may_share()


def test_leases_without_an_end_stay_off_what_is_reserved() -> None:
    group = Group("session", 4, Group("", 9, None))
    group.reserved, group.unbounded = 3, 0
    assert group.may_hold()
    group.unbounded = 1
    assert not group.may_hold()


def test_a_loan_is_what_does_not_fit_beside_the_reservations() -> None:
    group = Group("", 4, None)
    group.reserved, group.excess = 3, 1
    assert group.on_loan() == 0
    group.excess = 3
    assert group.on_loan() == 2
    group.limit = 2
    assert group.on_loan() == 3


def test_sums_begin_anew() -> None:
    group = Group("", 4, None)
    group.busy = group.reserved = group.guarded = group.excess = group.unbounded = 7
    group.forget()
    assert (group.busy, group.reserved, group.guarded) == (0, 0, 0)
    assert (group.excess, group.unbounded) == (0, 0)
