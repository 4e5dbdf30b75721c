"""A bounded number by name, the others in common queues."""

from pglane.scheduler.tenants import FORGETTABLE_LOOKS, HAND, QUEUES, Tenants, hand_of


def test_a_name_is_one_tenant() -> None:
    tenants = Tenants("lane", 3)
    web = tenants.enter("web")
    assert tenants.enter("web") is web
    assert (web.name, web.lane, web.members) == ("web", "lane", 2)
    tenants.part(web)
    assert web.members == 1
    assert tenants.all() == [web]


def test_a_name_that_nobody_uses_makes_room() -> None:
    tenants = Tenants("lane", 2)
    kept, left = tenants.enter("kept"), tenants.enter("left")
    tenants.part(left)
    new = tenants.enter("new")
    assert tenants.all() == [kept, new]


def test_too_many_names_share_queues() -> None:
    tenants = Tenants("lane", FORGETTABLE_LOOKS + 1)
    named = [tenants.enter(f"name {n}") for n in range(FORGETTABLE_LOOKS + 1)]
    stranger = tenants.enter("stranger")
    assert stranger not in named
    assert len(tenants.all()) == len(named) + QUEUES
    assert len(tenants.known) == len(named)


def test_a_stranger_joins_the_emptiest_queue_of_its_hand() -> None:
    tenants = Tenants("lane", 0)
    joined = {tenants.enter("loud").name for _ in range(40)}
    assert len(joined) == HAND
    hand = {tenants.common[spot].name for spot in hand_of(b"loud")}
    assert joined == hand


def test_a_hand_is_four_different_queues_and_always_the_same() -> None:
    hands = [hand_of(str(number).encode()) for number in range(1000)]
    assert all(len(set(hand)) == HAND for hand in hands)
    assert {spot for hand in hands for spot in hand} == set(range(QUEUES))
    assert len({frozenset(hand) for hand in hands}) > 990
    assert hand_of(b"a") == hand_of(b"a")
