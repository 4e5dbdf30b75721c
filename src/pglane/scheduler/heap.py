"""A binary heap whose members know where they are: what waits can leave from the middle.

`heapq` cannot take out or move a member without looking at all of them, and tombstones let a
heap grow with every client that gives up. Here a member is a `Node` and carries its own spot, so
that pushing, removing and moving cost at most the height of the tree.

Members with equal keys come in the order in which they were pushed or served last. So equal
claims take turns, and a tie is never broken by an address in memory.
"""


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
        nodes: the tree, to be read only: the first member is the least.
        steps: comparisons made so far; tests hold the growth of a decision by it.
    """

    __slots__ = ("_ordered", "nodes", "steps")

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._ordered = 0
        self.steps = 0

    def __len__(self) -> int:
        return len(self.nodes)

    def first(self) -> Node | None:
        """The member that comes first."""
        return self.nodes[0] if self.nodes else None

    def among_first(self, count: int) -> list[Node]:
        """So many of the first members, roughly in order: the top of the tree."""
        return self.nodes[:count]

    def push(self, node: Node) -> None:
        """It becomes a member, behind those of equal key."""
        self._ordered += 1
        node.order = self._ordered
        self.nodes.append(node)
        self._rise(node, len(self.nodes) - 1)

    def remove(self, node: Node) -> None:
        """It is no member any more."""
        spot = node.spot
        node.spot = -1
        last = self.nodes.pop()
        if last is not node:
            self._settle(last, spot)

    def moved(self, node: Node) -> None:
        """The key of a member changed."""
        if len(self.nodes) > 1:
            self._settle(node, node.spot)

    def served(self, node: Node) -> None:
        """As `moved`, and it goes behind those of equal key: it had its turn."""
        self._ordered += 1
        node.order = self._ordered
        if len(self.nodes) > 1:
            self._settle(node, node.spot)

    def _settle(self, node: Node, spot: int) -> None:
        self._sink(node, spot)
        if node.spot == spot:
            self._rise(node, spot)

    def _rise(self, node: Node, spot: int) -> None:
        nodes = self.nodes
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
        nodes = self.nodes
        size = len(nodes)
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
