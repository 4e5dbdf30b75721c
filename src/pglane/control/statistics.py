"""From what the worker counted to the rows of SHOW STATS and its relatives.

The worker only counts (`connection/traffic.py`); averages are made here, from two readings. Their
period is a minute: the supervisor reads at its end, `Readings` keeps the last two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pglane.control.columns_of_statistics import COUNTERS, OWN, PGBOUNCERS, Counter, averages_key

Row = dict[str, Any]
Counts = Mapping[str, Row]
"""What was counted, by database."""

PERIOD_S = 60.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the worker had counted at a moment, in seconds of the supervisor's clock."""

    moment_s: float
    counts: Counts


@dataclass(slots=True)
class Readings:
    """The last readings, so that averages can be made.

    Attributes:
        before: the reading that the period began with; zeros at first.
        last: the reading that it ended with; None: none has ended yet.
    """

    before: Reading
    last: Reading | None = None

    def ended(self, reading: Reading) -> None:
        """A period is over."""
        if self.last is not None:
            self.before = self.last
        self.last = reading

    def averages(self, now: Reading) -> dict[str, Row]:
        """Averages by database, over the last whole period or since the start."""
        end = self.last or now
        seconds = end.moment_s - self.before.moment_s
        return {
            name: _averages(end.counts.get(name, {}), self.before.counts.get(name, {}), seconds)
            for name in now.counts
        }


def counts_of(rows: Sequence[Row]) -> dict[str, Row]:
    """The worker's rows by database."""
    return {row["database"]: row for row in rows}


def _averages(counts: Row, before: Row, seconds: float) -> Row:
    return {each.key: _average(each, counts, before, seconds) for each in COUNTERS}


def _average(counter: Counter, counts: Row, before: Row, seconds: float) -> int:
    grown = _grown(counter.key, counts, before)
    divisor = _grown(counter.per, counts, before) if counter.per else seconds
    return int(grown / divisor) if divisor > 0 else 0


def _grown(key: str, counts: Row, before: Row) -> int:
    """How much was added; a worker that was started again counts from zero."""
    now, then = int(counts.get(key, 0)), int(before.get(key, 0))
    return now - then if now >= then else now


@dataclass(frozen=True, slots=True)
class Statistics:
    """Totals and averages of one moment, as the four tables want them."""

    counts: Counts
    averages: Mapping[str, Row] = field(default_factory=dict)

    def stats(self) -> list[Row]:
        """SHOW STATS."""
        return [
            {"database": name} | self._stats_of(name, PGBOUNCERS) | self._stats_of(name, OWN)
            for name in self.counts
        ]

    def _stats_of(self, name: str, counters: tuple[Counter, ...]) -> Row:
        counts, averages = self.counts[name], self.averages[name]
        return {f"total_{each.stats[0]}": counts[each.key] for each in counters} | {
            f"avg_{each.stats[1]}": averages[each.key] for each in counters
        }

    def stats_totals(self) -> list[Row]:
        """SHOW STATS_TOTALS: the worker's own rows."""
        return list(self.counts.values())

    def stats_averages(self) -> list[Row]:
        """SHOW STATS_AVERAGES."""
        return [
            {"database": name}
            | {averages_key(each): self.averages[name][each.key] for each in COUNTERS}
            for name in self.counts
        ]

    def totals(self) -> list[Row]:
        """SHOW TOTALS: sums, but for times per one of something, which are means."""
        sums = {each.key: sum(row[each.key] for row in self.counts.values()) for each in COUNTERS}
        rows = [{"name": f"total_{each.totals}", "value": sums[each.key]} for each in COUNTERS]
        return rows + [
            {"name": f"avg_{each.totals}", "value": self._overall(each)} for each in COUNTERS
        ]

    def _overall(self, counter: Counter) -> int:
        averages = self.averages.values()
        if not counter.per:
            return sum(row[counter.key] for row in averages)
        weights = sum(row[counter.per] for row in averages)
        weighted = sum(row[counter.key] * row[counter.per] for row in averages)
        return weighted // weights if weights else 0
