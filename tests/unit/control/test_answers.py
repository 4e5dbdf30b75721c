"""Who answers what."""

import asyncio

from pglane.config.settings import Settings
from pglane.control.answers import Answers
from pglane.control.columns_of_inventory import CONFIG, MEM, STATE
from pglane.control.columns_of_statistics import COUNTERS, STATISTICS_TABLES
from pglane.control.lane_rows import LaneRows
from pglane.errors.processes import ConsoleSnapshotUnanswered
from pglane.errors.refused import RefusedError
from tests.support.lane_readings import written_lanes


class Worker:
    """Counts ten queries a second, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.now = 100.0

    async def ask(self, what):
        self.asked.append(what)
        counts = dict.fromkeys((each.key for each in COUNTERS), 0)
        counts["query_count"] = int(self.now * 10)
        return [{"database": "app", **counts}]

    def clock(self):
        return self.now


def answers_of(worker, processes=None, *, paused=False, lanes=None):
    rows = lanes or LaneRows(list, int)
    known = processes or {}
    return Answers(worker.ask, Settings, lambda: known, worker.clock, lambda: paused, rows)


def test_what_only_the_worker_knows_is_asked_of_it():
    worker = Worker()
    assert asyncio.run(answers_of(worker).ask("clients"))
    assert worker.asked == ["clients"]


def test_what_the_supervisor_knows_needs_no_worker():
    worker = Worker()
    answers = answers_of(worker, {"nobody": -1})
    (state, *_) = asyncio.run(answers.ask("state"))
    assert state == {"key": "active", "value": "yes"}
    assert asyncio.run(answers.ask("config"))[0].keys() == set(CONFIG.keys)
    assert asyncio.run(answers.ask("dns_zones")) == []
    assert worker.asked == []
    assert [row["key"] for row in asyncio.run(answers.ask("state"))] == list(STATE.row_names)
    assert MEM.keys


def test_memory_is_told_with_and_without_what_the_worker_counts():
    worker = Worker()
    answers = answers_of(worker, {"nobody": -1})
    (counted,) = asyncio.run(answers.ask("mem"))
    assert counted["database"] == "app"
    assert worker.asked == ["memory"]

    async def gone(what):
        raise RefusedError(ConsoleSnapshotUnanswered(reason=what))

    worker.ask = gone
    assert asyncio.run(answers_of(worker, {"nobody": -1}).ask("mem")) == []


def test_statistics_are_made_of_the_workers_counts():
    worker = Worker()
    answers = answers_of(worker)
    for table in STATISTICS_TABLES:
        (row, *_) = asyncio.run(answers.ask(table.name.lower()))
        assert tuple(row) == table.keys
    assert set(worker.asked) == {"traffic"}


def test_averages_are_those_of_the_last_period():
    worker = Worker()
    answers = answers_of(worker)
    asyncio.run(answers.period_ends())
    worker.now += 60.0
    asyncio.run(answers.period_ends())
    worker.now += 30.0
    (row,) = asyncio.run(answers.ask("stats"))
    assert (row["total_query_count"], row["avg_query_count"]) == (1900, 10)


def test_the_state_tells_a_pause_of_everything():
    answers = answers_of(Worker(), paused=True)
    state = {row["key"]: row["value"] for row in asyncio.run(answers.ask("state"))}
    assert state == {"active": "no", "paused": "yes", "suspended": "no"}


def test_lanes_are_read_from_memory_and_no_worker_is_asked():
    worker, written = Worker(), written_lanes()
    answers = answers_of(worker, lanes=written.rows)
    assert [row["lane"] for row in asyncio.run(answers.ask("lanes"))] == ["browse", "otp"]
    histograms = ("lane_histograms", "lane_give_backs", "tenant_histograms")
    reasons = ("lane_reasons", "tenant_reasons")
    for what in ("tenants", "waits", *reasons, *histograms, "lane_fairness"):
        assert asyncio.run(answers.ask(what)), what
    assert asyncio.run(answers.ask("lanes_left_out")) == [{"count": 0}]
    assert worker.asked == []
    written.close()
