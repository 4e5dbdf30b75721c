"""Virtual time: a million events of traffic against a discipline, in seconds and without a server.

Time jumps from one event to the next. What is measured is what scheduling alone does: transactions
last as long as they were drawn to last, whatever else runs, so there is no contention inside the
database. The same seed gives the same traffic to every discipline as long as its clients do not
wait for answers.
"""

import heapq
import math
import random
from dataclasses import dataclass

from pglane.lab.disciplines import Discipline
from pglane.lab.workloads import Traffic, Workload

SPREAD = 1.0
"""Sigma of the log-normal holds: the longest of a thousand is about twenty times the median."""
RETRY_S = 1.0
"""How long a refused client waits before it asks again."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one kind fared.

    Attributes:
        asked: requests that came.
        served: those that were granted.
        refused: those that were answered without being started.
        wait_s_median: half of those that were granted waited no longer; with the next two.
        oldest_s: how long the first of those that still wait has waited at the end; 0.0: nobody.
    """

    kind: str
    asked: int
    served: int
    refused: int
    served_per_s: float
    wait_s_median: float
    wait_s_99: float
    wait_s_max: float
    oldest_s: float


class Arrival:
    """One request on its way."""

    __slots__ = ("arrived", "request", "traffic")

    def __init__(self, traffic: Traffic, request: object, arrived: float) -> None:
        self.traffic = traffic
        self.request = request
        self.arrived = arrived


class Simulator:
    """One run."""

    def __init__(self, workload: Workload, discipline: Discipline, seed: int) -> None:
        self.workload = workload
        self.discipline = discipline
        self.now = 0.0
        self.events = 0
        self.busy_s = 0.0
        self._drawn = random.Random(seed)  # noqa: S311 -- traffic, not secrets
        self._calendar: list[tuple[float, int, Arrival | None, Traffic]] = []
        self._number = 0
        self._arrivals: dict[int, Arrival] = {}
        self._waiting: dict[str, dict[int, Arrival]] = {}
        self._waits: dict[str, list[float]] = {}
        self._asked: dict[str, int] = {}
        self._refused: dict[str, int] = {}
        for traffic in workload.traffic:
            self._waits[traffic.kind] = []
            self._waiting[traffic.kind] = {}
            self._asked[traffic.kind] = 0
            self._refused[traffic.kind] = 0
            for _ in range(traffic.clients):
                self._ask(traffic)
            if traffic.rate_per_s:
                self._expect(traffic)

    def run(self, events: int) -> list[Score]:
        """So many arrivals and ends."""
        while self.events < events:
            self.now, _, arrival, traffic = heapq.heappop(self._calendar)
            self.events += 1
            if arrival is not None:
                self._end(arrival)
            else:
                self._ask(traffic)
                if traffic.rate_per_s:
                    self._expect(traffic)
            for request in self.discipline.refused():
                self._refuse(request)
        return [self._score(traffic) for traffic in self.workload.traffic]

    def _enter(self, due: float, arrival: Arrival | None, traffic: Traffic) -> None:
        self._number += 1
        heapq.heappush(self._calendar, (due, self._number, arrival, traffic))

    def _expect(self, traffic: Traffic) -> None:
        """The next one from outside."""
        self._enter(self.now + self._drawn.expovariate(traffic.rate_per_s), None, traffic)

    def _ask(self, traffic: Traffic) -> None:
        request = self.discipline.request(traffic.kind, "")
        arrival = Arrival(traffic, request, self.now)
        self._asked[traffic.kind] += 1
        if self.discipline.ask(request, self.now):
            self._begin(arrival)
        else:  # if it was refused, that is told next
            self._arrivals[id(request)] = arrival
            self._waiting[traffic.kind][id(request)] = arrival

    def _begin(self, arrival: Arrival) -> None:
        traffic = arrival.traffic
        self._waits[traffic.kind].append(self.now - arrival.arrived)
        middle = math.log(traffic.hold_s_mean) - SPREAD * SPREAD / 2
        hold_s = min(self._drawn.lognormvariate(middle, SPREAD), traffic.hold_s_max)
        self.busy_s += hold_s
        self._enter(self.now + hold_s, arrival, traffic)

    def _end(self, arrival: Arrival) -> None:
        following = self.discipline.end(arrival.request, self.now)
        if following is not None:
            granted = self._arrivals.pop(id(following))
            del self._waiting[granted.traffic.kind][id(following)]
            self._begin(granted)
        if arrival.traffic.clients:
            self._ask(arrival.traffic)

    def _refuse(self, request: object) -> None:
        """It is told so; a client that asks again and again does so after a while."""
        refused = self._arrivals.pop(id(request))
        kind = refused.traffic.kind
        del self._waiting[kind][id(request)]
        self._refused[kind] += 1
        if refused.traffic.clients:
            self._enter(self.now + RETRY_S, None, refused.traffic)

    def _score(self, traffic: Traffic) -> Score:
        waits = sorted(self._waits[traffic.kind]) or [0.0]
        waiting = self._waiting[traffic.kind]
        served = len(self._waits[traffic.kind])
        return Score(
            traffic.kind,
            self._asked[traffic.kind],
            served,
            self._refused[traffic.kind],
            served / self.now,
            waits[len(waits) // 2],
            waits[len(waits) * 99 // 100],
            waits[-1],
            max((self.now - arrival.arrived for arrival in waiting.values()), default=0.0),
        )
