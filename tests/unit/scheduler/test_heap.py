"""A heap whose members can leave from the middle."""

import random

from pglane.scheduler.heap import Heap, Node


def node(key: float) -> Node:
    made = Node()
    made.key = key
    return made


def emptied(heap: Heap) -> list[Node]:
    found: list[Node] = []
    while (first := heap.first()) is not None:
        heap.remove(first)
        found.append(first)
    return found


def test_an_empty_heap_has_no_first() -> None:
    heap = Heap()
    assert heap.first() is None
    assert len(heap) == 0
    assert heap.among_first(3) == []


def test_the_least_comes_first_and_equals_in_the_order_they_came() -> None:
    heap = Heap()
    nodes = [node(key) for key in (3.0, 1.0, 2.0, 1.0, 3.0)]
    for each in nodes:
        heap.push(each)
    assert len(heap) == 5
    assert heap.among_first(2)[0] is nodes[1]
    assert emptied(heap) == [nodes[1], nodes[3], nodes[2], nodes[0], nodes[4]]
    assert all(each.spot == -1 for each in nodes)


def test_who_was_served_goes_behind_its_equals() -> None:
    heap = Heap()
    nodes = [node(1.0) for _ in range(4)]
    for each in nodes:
        heap.push(each)
    turns: list[Node] = []
    for _ in range(8):
        first = heap.first()
        assert first is not None
        turns.append(first)
        heap.served(first)
    assert turns == nodes + nodes


def test_any_sequence_keeps_the_order() -> None:
    drawn = random.Random(7)
    heap = Heap()
    inside: list[Node] = []
    for _ in range(3000):
        choice = drawn.random()
        if choice < 0.5 or not inside:
            inside.append(node(float(drawn.randrange(20))))
            heap.push(inside[-1])
        elif choice < 0.7:
            leaving = inside.pop(drawn.randrange(len(inside)))
            heap.remove(leaving)
        else:
            moving = drawn.choice(inside)
            moving.key = float(drawn.randrange(20))
            heap.moved(moving)
        least = min(inside, key=lambda each: (each.key, each.order), default=None)
        assert heap.first() is least
    assert emptied(heap) == sorted(inside, key=lambda each: (each.key, each.order))


def test_a_move_costs_no_more_than_the_height() -> None:
    heap = Heap()
    nodes = [node(float(number)) for number in range(1 << 12)]
    for each in nodes:
        heap.push(each)
    before = heap.steps
    nodes[0].key = 1e9
    heap.moved(nodes[0])
    assert heap.steps - before <= 2 * 13


def test_one_alone_stays_where_it_is() -> None:
    heap = Heap()
    alone = node(1.0)
    heap.push(alone)
    before = heap.steps
    alone.key = 5.0
    heap.moved(alone)
    heap.served(alone)
    assert (heap.first(), alone.spot, heap.steps) == (alone, 0, before)


def test_places_that_members_left_are_used_again() -> None:
    heap = Heap()
    nodes = [node(float(key)) for key in range(5)]
    for each in nodes:
        heap.push(each)
    for each in nodes[:3]:
        heap.remove(each)
    assert set(heap.members()) == set(nodes[3:])
    heap.push(nodes[0])
    assert heap.count == 3
    assert heap.first() is nodes[0]
    assert set(heap.members()) == {nodes[0], nodes[3], nodes[4]}
    assert emptied(heap) == [nodes[0], nodes[3], nodes[4]]
    assert heap.first() is None
    assert heap.members() == heap.among_first(9) == []
