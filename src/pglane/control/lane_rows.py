"""From what the worker wrote of its lanes to the rows of the console and of the metrics."""

from collections.abc import Callable, Sequence
from typing import Any

from pglane.engine.lane_board import LaneReading
from pglane.scheduler.bounds import NO_BOUND
from pglane.scheduler.counters import BUCKETS
from pglane.scheduler.reasons import RefusedBecause
from pglane.scheduler.statistics import (
    LaneStatistics,
    SchedulerStatistics,
    TenantStatistics,
    fairness,
)

Row = dict[str, Any]

MICROSECONDS = 1e6
MISSED = RefusedBecause.EXPIRED.value
"""What was not started before its deadline."""
BUCKETS_SHOWN = range(4, BUCKETS, 2)
"""Of the buckets of times those that metrics show: from 16 us, each four times as wide."""


class LaneRows:
    """The rows of lanes.

    Args:
        read: what is written of all lanes.
        left_out: how many lanes there was no room for.
    """

    def __init__(
        self, read: Callable[[], Sequence[LaneReading]], left_out: Callable[[], int]
    ) -> None:
        self._read = read
        self._left_out = left_out
        self._before: dict[str, SchedulerStatistics] = {}
        self._last: dict[str, SchedulerStatistics] = {}

    def period_ends(self) -> None:
        """What came before the period that has just ended is not of interest any more."""
        self._before, self._last = self._last, _by_database(self._read())

    def lanes(self) -> list[Row]:
        """SHOW LANES."""
        readings = self._read()
        fair = self._fairness(readings)
        return [_lane_row(each) | {"fairness": f"{fair[each.database]:.2f}"} for each in readings]

    def tenants(self) -> list[Row]:
        """SHOW TENANTS."""
        return [_tenant_row(each, tenant) for each in self._read() for tenant in each.tenants]

    def tenant_reasons(self) -> list[Row]:
        """Why requests of tenants were refused."""
        return [
            {**_told_tenant(each, tenant), "reason": reason, "count": count}
            for each in self._read()
            for tenant in each.tenants
            for reason, count in tenant.refused.items()
        ]

    def tenant_histograms(self) -> list[Row]:
        """The buckets of tenants' waits."""
        return [
            row
            for each in self._read()
            for tenant in each.tenants
            for row in _buckets(_told_tenant(each, tenant), _waits(tenant))
        ]

    def waits(self) -> list[Row]:
        """SHOW WAITS."""
        return [row for row in self.reasons() if row["count"]]

    def reasons(self) -> list[Row]:
        """Every reason of every lane, also what never happened: counters begin at zero."""
        return [
            {
                "database": each.database,
                "lane": each.lane.name,
                "kind": kind,
                "reason": reason,
                "count": count,
            }
            for each in self._read()
            for kind, counts in (
                ("wait", each.lane.reasons),
                ("refused", each.lane.refused),
                ("violation", each.lane.violations),
            )
            for reason, count in counts.items()
        ]

    def histograms(self) -> list[Row]:
        """The buckets of waits as metrics count them: each with all that are shorter."""
        return [row for each in self._read() for row in _buckets(_told(each), _waits(each.lane))]

    def give_backs(self) -> list[Row]:
        """The same of the times from asking for a place until it was free."""
        return [
            row for each in self._read() for row in _buckets(_told(each), each.lane.give_backs)
        ]

    def fairness(self) -> list[Row]:
        """By database, and how many lanes were left out."""
        fair = self._fairness(self._read())
        return [{"database": database, "fairness": index} for database, index in fair.items()]

    def left_out(self) -> list[Row]:
        """Lanes for which there was no room."""
        return [{"count": self._left_out()}]

    def _fairness(self, readings: Sequence[LaneReading]) -> dict[str, float]:
        nothing = SchedulerStatistics(0, 0, 0, 0, 0, ())
        return {
            database: fairness(self._before.get(database, nothing), now)
            for database, now in _by_database(readings).items()
        }


def _by_database(readings: Sequence[LaneReading]) -> dict[str, SchedulerStatistics]:
    lanes: dict[str, list[LaneStatistics]] = {}
    for each in readings:
        lanes.setdefault(each.database, []).append(each.lane)
    return {
        database: SchedulerStatistics(0, 0, 0, 0, 0, tuple(of)) for database, of in lanes.items()
    }


def _lane_row(reading: LaneReading) -> Row:
    lane = reading.lane
    waits, given_back = _waits(lane), sum(lane.give_backs)
    return {
        "database": reading.database,
        "lane": lane.name,
        "door": lane.door,
        "weight": f"{lane.weight:g}",
        "reserve": lane.promised,
        "kept": lane.reserve,
        "busy": lane.busy,
        "coming": lane.coming,
        "waiting": lane.waiting,
        "continuing": lane.continuing,
        "tickets": lane.tickets,
        "tickets_busy": lane.tickets_busy,
        "head_wait": _us(lane.head_age_s),
        "wait_bound": None if reading.bound_s == NO_BOUND else _us(reading.bound_s),
        "wait_p50": _quantile(waits, 0.50, lane.wait_s_max),
        "wait_p99": _quantile(waits, 0.99, lane.wait_s_max),
        "wait_max": _us(lane.wait_s_max),
        "wait_time": _us(lane.wait_s),
        "grants": lane.grants,
        "hold_avg": _us(lane.hold_s_mean),
        "service_time": _us(lane.service_s),
        "lent_time": _us(lane.lent_s),
        "borrowed_time": _us(lane.borrowed_s),
        "recalls": lane.recalls,
        "give_back_avg": _us(lane.give_back_s / given_back) if given_back else 0,
        "give_back_p99": _quantile(lane.give_backs, 0.99, lane.give_back_s_max),
        "give_back_max": _us(lane.give_back_s_max),
        "refused": sum(lane.refused.values()),
        "deadline_misses": lane.refused[MISSED],
        "violations": sum(lane.violations.values()),
        "tenants": reading.tenants_known,
        "head_wait_seconds": lane.head_age_s,
        "wait_seconds": lane.wait_s,
        "wait_max_seconds": lane.wait_s_max,
        "leases_waited": sum(waits),
        "give_back_seconds": lane.give_back_s,
        "leases_given_back": given_back,
    }


def _told(reading: LaneReading) -> Row:
    return {"database": reading.database, "lane": reading.lane.name}


def _told_tenant(reading: LaneReading, tenant: TenantStatistics) -> Row:
    return {**_told(reading), "tenant": tenant.name}


def _tenant_row(reading: LaneReading, tenant: TenantStatistics) -> Row:
    waits = _waits(tenant)
    return {
        **_told_tenant(reading, tenant),
        "clients": tenant.clients,
        "busy": tenant.busy,
        "waiting": tenant.waiting,
        "head_wait": _us(tenant.head_age_s),
        "wait_p50": _quantile(waits, 0.50, tenant.wait_s_max),
        "wait_p99": _quantile(waits, 0.99, tenant.wait_s_max),
        "wait_max": _us(tenant.wait_s_max),
        "grants": tenant.grants,
        "held_time": _us(tenant.held_s),
        "refused": sum(tenant.refused.values()),
        "deadline_misses": tenant.refused[MISSED],
        "head_wait_seconds": tenant.head_age_s,
        "wait_seconds": tenant.wait_s,
        "leases_waited": sum(waits),
    }


def _buckets(told: Row, counts: Sequence[int]) -> list[Row]:
    rows = [
        {**told, "le": f"{2**n / MICROSECONDS:.6g}", "count": sum(counts[: n + 1])}
        for n in BUCKETS_SHOWN
    ]
    return [*rows, {**told, "le": "+Inf", "count": sum(counts)}]


def _waits(of: LaneStatistics | TenantStatistics) -> list[int]:
    """Leases by bucket; those that came at once are in the first."""
    at_once = max(of.grants - sum(of.waits), 0)
    return [of.waits[0] + at_once, *of.waits[1:]]


def _quantile(waits: Sequence[int], part: float, longest_s: float) -> int:
    """An upper limit in microseconds: the end of a bucket, or the longest wait."""
    wanted = part * sum(waits)
    seen = 0
    for bucket, count in enumerate(waits):
        seen += count
        if seen >= wanted:
            return min(2**bucket if bucket else 0, _us(longest_s))
    return _us(longest_s)


def _us(seconds: float) -> int:
    return round(seconds * MICROSECONDS)
