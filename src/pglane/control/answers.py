"""Who answers what the console and the metrics ask: the worker, or the supervisor itself.

Everything is asked by one word. What only the supervisor knows (settings, processes) or makes from
the worker's rows (averages) is answered here; the rest goes to the worker as it is.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pglane.config.settings import Settings
from pglane.control.lane_rows import LaneRows
from pglane.control.memory import memory_rows
from pglane.control.settings_rows import settings_rows
from pglane.control.shows import Ask
from pglane.control.statistics import Reading, Readings, Statistics, counts_of
from pglane.errors.refused import RefusedError

Row = dict[str, Any]


class Answers:
    """Answers questions by word.

    Args:
        ask_worker: asks the worker; raises RefusedError when it does not answer.
        settings: those in force.
        processes: our processes' ids by name.
        clock: seconds, of the supervisor's clock.
        paused: whether everything is paused.
        lanes: what is written of lanes.
    """

    def __init__(
        self,
        ask_worker: Ask,
        settings: Callable[[], Settings],
        processes: Callable[[], Mapping[str, int]],
        clock: Callable[[], float],
        paused: Callable[[], bool],
        lanes: LaneRows,
    ) -> None:
        self._paused = paused
        self._ask_worker = ask_worker
        self._settings = settings
        self._processes = processes
        self._clock = clock
        self._readings = Readings(Reading(clock(), {}))
        self._own: dict[str, Callable[[], Awaitable[list[Row]]]] = {
            "config": self._config,
            "mem": self._mem,
            "dns_zones": self._nothing,
            "state": self._state,
            "stats": self._stats,
            "stats_totals": self._stats_totals,
            "stats_averages": self._stats_averages,
            "totals": self._totals,
        }
        self._lanes = lanes
        self._of_lanes: dict[str, Callable[[], list[Row]]] = {
            "lanes": lanes.lanes,
            "tenants": lanes.tenants,
            "waits": lanes.waits,
            "lane_reasons": lanes.reasons,
            "tenant_reasons": lanes.tenant_reasons,
            "tenant_histograms": lanes.tenant_histograms,
            "lane_histograms": lanes.histograms,
            "lane_give_backs": lanes.give_backs,
            "lane_fairness": lanes.fairness,
            "lanes_left_out": lanes.left_out,
        }

    async def ask(self, what: str) -> list[Row]:
        """The rows for `what`.

        Raises:
            RefusedError: the worker is needed and does not answer.
        """
        if what in self._of_lanes:
            return self._of_lanes[what]()
        own = self._own.get(what)
        return await (self._ask_worker(what) if own is None else own())

    async def period_ends(self) -> None:
        """Takes the reading that the averages of the next period begin with."""
        self._lanes.period_ends()
        self._readings.ended(await self._read())

    async def _read(self) -> Reading:
        rows = await self._ask_worker("traffic")
        return Reading(self._clock(), counts_of(rows))

    async def _statistics(self) -> Statistics:
        now = await self._read()
        return Statistics(now.counts, self._readings.averages(now))

    async def _stats(self) -> list[Row]:
        return (await self._statistics()).stats()

    async def _stats_totals(self) -> list[Row]:
        return (await self._statistics()).stats_totals()

    async def _stats_averages(self) -> list[Row]:
        return (await self._statistics()).stats_averages()

    async def _totals(self) -> list[Row]:
        return (await self._statistics()).totals()

    async def _config(self) -> list[Row]:
        return settings_rows(self._settings())

    async def _mem(self) -> list[Row]:
        rows = memory_rows(self._processes())
        with contextlib.suppress(RefusedError):  # it is not running: its figures are missing
            rows += await self._ask_worker("memory")
        return rows

    async def _nothing(self) -> list[Row]:
        return []

    async def _state(self) -> list[Row]:
        paused = self._paused()
        said = {"active": not paused, "paused": paused, "suspended": False}
        return [{"key": key, "value": "yes" if yes else "no"} for key, yes in said.items()]
