"""Clients that give up and try again, on virtual time: an overload that outlives its cause.

A *work* is what somebody wants: a transaction of `hold_s` that is of use only if it is answered
within `patience_s`. Whoever is not answered in time goes away and tries again at once, a few
times, as timeouts and retries of applications do. A transaction that has begun runs to its end,
for nobody.

For some seconds everything takes `SLOWDOWN` times as long. Before and after, the load is well
below what the server connections can do. In one queue, first come first served, the state after it
does not depend on the load any more but on the clients: the next in line is always the one that is
about to give up, so nearly every transaction is finished for nobody, and each of these works comes
again. Such a state is called metastable (Bronson et al., HotOS 2021).
"""

import heapq
import random
from dataclasses import dataclass

from pglane.lab.disciplines import Discipline

SLOWDOWN = 8.0
LOAD_HOLD_S = 0.020


@dataclass(frozen=True, slots=True)
class RetryStorm:
    """What happens.

    Attributes:
        load: of what all server connections could do together.
        patience_s: how long a client waits for its answer.
        retries: so often it tries again.
        slow_from_s: when everything gets slow, and until when.
        tell_from_s: from when on is counted.
    """

    load: float
    budget: int = 10
    patience_s: float = 0.5
    retries: int = 4
    slow_from_s: float = 10.0
    slow_until_s: float = 15.0
    tell_from_s: float = 25.0
    ends_s: float = 55.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of the works that were begun after `tell_from_s`: how many were answered in time.

    Attributes:
        attempts: tries for each work.
        refusals: of these tries, how many were answered without being started.
        waiting: how many wait at the end.
    """

    works: int
    good: int
    attempts: float
    refusals: float
    waiting: int

    @property
    def share(self) -> float:
        """1.0 where everybody was answered in time."""
        return self.good / self.works


class _Attempt:
    """One try of a work."""

    __slots__ = ("begun", "number", "over", "request", "work_s")

    def __init__(self, request: object, number: int, work_s: float) -> None:
        self.request = request
        self.number = number
        self.work_s = work_s  # when the work was wished for
        self.begun = False
        self.over = False


class StormSimulator:
    """One run."""

    def __init__(self, storm: RetryStorm, discipline: Discipline, seed: int) -> None:
        self.storm = storm
        self.discipline = discipline
        self.now = 0.0
        self._drawn = random.Random(seed)  # noqa: S311 -- traffic, not secrets
        self._calendar: list[tuple[float, int, str, _Attempt | None]] = []
        self._number = 0
        self._attempts: dict[int, _Attempt] = {}
        self._works = self._good = self._tries = self._refusals = 0

    def run(self) -> Outcome:
        """From an empty system to the end."""
        self._expect()
        while self._calendar[0][0] < self.storm.ends_s:
            self.now, _, event, attempt = heapq.heappop(self._calendar)
            if attempt is None:
                self._try(0, self.now)
                self._expect()
            elif event == "end":
                self._end(attempt)
            elif not attempt.over:
                self._give_up(attempt)
            for request in self.discipline.refused():
                self._refused(self._attempts.pop(id(request)))
        works = max(self._works, 1)
        waiting = sum(not attempt.begun for attempt in self._attempts.values())
        return Outcome(
            self._works, self._good, self._tries / works, self._refusals / works, waiting
        )

    def _enter(self, due: float, event: str, attempt: _Attempt | None) -> None:
        self._number += 1
        heapq.heappush(self._calendar, (due, self._number, event, attempt))

    def _expect(self) -> None:
        """The next work."""
        rate_per_s = self.storm.load * self.storm.budget / LOAD_HOLD_S
        self._enter(self.now + self._drawn.expovariate(rate_per_s), "work", None)

    def _counts(self, attempt: _Attempt) -> bool:
        return attempt.work_s >= self.storm.tell_from_s

    def _try(self, number: int, work_s: float) -> None:
        attempt = _Attempt(self.discipline.request("app", ""), number, work_s)
        if self._counts(attempt):
            self._works += number == 0
            self._tries += 1
        self._attempts[id(attempt.request)] = attempt
        self._enter(self.now + self.storm.patience_s, "give up", attempt)
        if self.discipline.ask(attempt.request, self.now):
            self._begin(attempt)

    def _begin(self, attempt: _Attempt) -> None:
        attempt.begun = True
        slow = self.storm.slow_from_s <= self.now < self.storm.slow_until_s
        hold_s = LOAD_HOLD_S * (SLOWDOWN if slow else 1.0)
        self._enter(self.now + hold_s, "end", attempt)

    def _end(self, attempt: _Attempt) -> None:
        del self._attempts[id(attempt.request)]
        if not attempt.over:
            attempt.over = True
            self._good += self._counts(attempt)
        following = self.discipline.end(attempt.request, self.now)
        if following is not None:
            self._begin(self._attempts[id(following)])

    def _give_up(self, attempt: _Attempt) -> None:
        """Its time is up: what waits goes away, what runs runs on."""
        attempt.over = True
        if not attempt.begun:
            del self._attempts[id(attempt.request)]
            self.discipline.leave(attempt.request, self.now)
        self._again(attempt)

    def _refused(self, attempt: _Attempt) -> None:
        attempt.over = True
        self._refusals += self._counts(attempt)
        self._again(attempt)

    def _again(self, attempt: _Attempt) -> None:
        if attempt.number < self.storm.retries:
            self._try(attempt.number + 1, attempt.work_s)
