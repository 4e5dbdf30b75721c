"""The tenants of a lane: a bounded number by name, the rest by a share of common queues.

Names come from clients (`application_name` as a rule), so their number is not ours to choose:
some drivers write a process id into theirs. Beyond the limit a name is given a *hand* of four out
of 64 common queues and joins the emptiest of them. A loud stranger then fills four queues, and a
quiet one has the same four with a chance of one to 635 376; that is as good as telling thousands
apart, at the price of 64.
"""

from hashlib import blake2b

from pglane.scheduler.tenant import Tenant

QUEUES = 64
HAND = 4
FORGETTABLE_LOOKS = 8
"""Names looked at for one that nobody uses, when there is no room for another."""


class Tenants:
    """All tenants of one lane.

    Attributes:
        known: by name, those that are told apart.
        common: the queues of all others; empty until there is one.
    """

    __slots__ = ("_lane", "common", "known", "known_max")

    def __init__(self, lane: object, known_max: int) -> None:
        self._lane = lane
        self.known_max = known_max
        self.known: dict[str, Tenant] = {}
        self.common: list[Tenant] = []

    def enter(self, name: str) -> Tenant:
        """A client of this name came."""
        tenant = self.known.get(name)
        if tenant is None:
            if len(self.known) < self.known_max or self._forget_one():
                tenant = self.known[name] = Tenant(name, self._lane)
            else:
                tenant = self._emptiest_of_hand(name)
        tenant.members += 1
        return tenant

    def part(self, tenant: Tenant) -> None:
        """A client left; the name is kept until its room is needed."""
        tenant.members -= 1

    def all(self) -> list[Tenant]:
        """Every tenant and every common queue."""
        return [*self.known.values(), *self.common]

    def _forget_one(self) -> bool:
        """Makes room where one of the first few is not used; those that are go to the end."""
        for name in list(self.known)[:FORGETTABLE_LOOKS]:
            tenant = self.known.pop(name)
            if tenant.is_idle():
                return True
            self.known[name] = tenant
        return False

    def _emptiest_of_hand(self, name: str) -> Tenant:
        if not self.common:
            self.common = [Tenant(f"others {n}", self._lane) for n in range(QUEUES)]
        raw = name.encode(errors="surrogatepass")
        hand = [self.common[spot] for spot in hand_of(raw)]
        return min(hand, key=lambda tenant: tenant.waiting + tenant.members)


def hand_of(name: bytes) -> list[int]:
    """Four different queues, all hands equally likely; always the same for a name."""
    left = int.from_bytes(blake2b(name, digest_size=8).digest())
    deck = list(range(QUEUES))
    hand: list[int] = []
    for _ in range(HAND):
        left, card = divmod(left, len(deck))
        hand.append(deck.pop(card))
    return hand
