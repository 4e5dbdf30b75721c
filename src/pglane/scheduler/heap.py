# cython: boundscheck=False, wraparound=False
"""A binary heap whose members know where they are: what waits can leave from the middle.

`heapq` cannot take out or move a member without looking at all of them, and tombstones let a
heap grow with every client that gives up. Here a member is a `Node` and carries its own spot, so
that pushing, removing and moving cost at most the height of the tree.

Places that members have left are kept for those who come: where one comes and goes, as in most
turns of a busy budget, no memory is asked for. Every index below lies within `_nodes`.

Members with equal keys come in the order in which they were pushed or served last. So equal
claims take turns, and a tie is never broken by an address in memory.
"""

from typing import Any


class Node:
    """What can be a member of one heap at a time.

    Attributes:
        key: the least comes first.
        order: breaks ties; given by the heap.
        spot: where in the heap it is; -1: in none.
    """

    __slots__ = ("key", "order", "spot")

    def __init__(self) -> None:
        self.key = 0.0
        self.order = 0
        self.spot = -1


class Heap:
    """Nodes, the least first.

    Attributes:
        count: how many there are.
        steps: comparisons made so far; tests hold the growth of a decision by it.
    """

    __slots__ = ("_nodes", "_ordered", "count", "steps")

    def __init__(self) -> None:
        self._nodes: list[Any] = []  # the tree, and None behind it
        self.count = 0
        self._ordered = 0
        self.steps = 0

    def __len__(self) -> int:
        return self.count

    def first(self) -> Node | None:
        """The member that comes first."""
        return self._nodes[0] if self.count else None

    def among_first(self, count: int) -> list[Node]:
        """So many of the first members, roughly in order: the top of the tree."""
        return self._nodes[: min(count, self.count)]

    def members(self) -> list[Node]:
        """All, in no order that matters."""
        return self.among_first(self.count)

    def push(self, node: Node) -> None:
        """It becomes a member, behind those of equal key."""
        self._ordered += 1
        node.order = self._ordered
        spot = self.count
        self.count = spot + 1
        if spot == len(self._nodes):
            self._nodes.append(node)
        else:
            self._nodes[spot] = node
        self._rise(node, spot)

    def remove(self, node: Node) -> None:
        """It is no member any more."""
        spot = node.spot
        node.spot = -1
        last_spot = self.count - 1
        last = self._nodes[last_spot]
        self._nodes[last_spot] = None
        self.count = last_spot
        if last is not node:
            self._settle(last, spot)

    def moved(self, node: Node) -> None:
        """The key of a member changed."""
        if self.count > 1:
            self._settle(node, node.spot)

    def served(self, node: Node) -> None:
        """As `moved`, and it goes behind those of equal key: it had its turn."""
        self._ordered += 1
        node.order = self._ordered
        if self.count > 1:
            self._settle(node, node.spot)

    def _settle(self, node: Node, spot: int) -> None:
        self._sink(node, spot)
        if node.spot == spot:
            self._rise(node, spot)

    def _rise(self, node: Node, spot: int) -> None:
        nodes = self._nodes
        while spot > 0:
            above = (spot - 1) >> 1
            other = nodes[above]
            self.steps += 1
            if other.key < node.key or (other.key == node.key and other.order < node.order):
                break
            nodes[spot] = other
            other.spot = spot
            spot = above
        if spot != node.spot:
            nodes[spot] = node
            node.spot = spot

    def _sink(self, node: Node, spot: int) -> None:
        nodes = self._nodes
        size = self.count
        below = 2 * spot + 1
        while below < size:
            other = nodes[below]
            if below + 1 < size:
                right = nodes[below + 1]
                self.steps += 1
                if right.key < other.key or (right.key == other.key and right.order < other.order):
                    other = right
                    below += 1
            self.steps += 1
            if node.key < other.key or (node.key == other.key and node.order < other.order):
                break
            nodes[spot] = other
            other.spot = spot
            spot = below
            below = 2 * spot + 1
        if spot != node.spot:
            nodes[spot] = node
            node.spot = spot
