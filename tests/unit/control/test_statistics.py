"""Averages from two readings."""

import pytest

from pglane.control.columns_of_statistics import (
    COUNTERS,
    STATS,
    STATS_AVERAGES,
    STATS_TOTALS,
    TOTALS,
)
from pglane.control.statistics import Reading, Readings, Statistics, counts_of


def counted(database="app", **counts):
    return {"database": database, **dict.fromkeys((each.key for each in COUNTERS), 0), **counts}


def reading(moment_s, *rows):
    return Reading(moment_s, counts_of(rows))


@pytest.fixture
def readings():
    return Readings(reading(100.0))


def test_until_a_period_is_over_averages_are_since_the_start(readings):
    now = reading(110.0, counted(xact_count=50, xact_time=2_000, bytes_sent=99))
    average = readings.averages(now)["app"]
    assert (average["xact_count"], average["xact_time"], average["bytes_sent"]) == (5, 40, 9)


def test_then_they_are_those_of_the_last_whole_period(readings):
    readings.ended(reading(160.0, counted(query_count=60)))
    readings.ended(reading(220.0, counted(query_count=180, query_time=1_200)))
    average = readings.averages(reading(250.0, counted(query_count=100_000)))["app"]
    assert (average["query_count"], average["query_time"]) == (2, 10)


def test_nothing_is_divided_by_nothing(readings):
    average = readings.averages(reading(100.0, counted(xact_time=5)))["app"]
    assert set(average.values()) == {0}


def test_a_worker_that_was_started_again_counts_from_zero(readings):
    readings.ended(reading(160.0, counted(query_count=600)))
    readings.ended(reading(220.0, counted(query_count=120)))
    assert readings.averages(reading(221.0, counted()))["app"]["query_count"] == 2


def test_a_database_that_came_later_has_averages_too(readings):
    readings.ended(reading(160.0, counted()))
    averages = readings.averages(reading(170.0, counted(), counted("new", query_count=7)))
    assert averages["new"]["query_count"] == 0


@pytest.fixture
def statistics():
    counts = counts_of(
        [
            counted(xact_count=10, xact_time=1_000, bytes_received=5),
            counted("b", xact_count=30, xact_time=9_000, bytes_received=2),
        ]
    )
    averages = {
        "app": counted(xact_count=1, xact_time=100),
        "b": counted(xact_count=3, xact_time=300),
    }
    return Statistics(counts, averages)


def test_rows_have_the_tables_keys(statistics):
    for rows, table in (
        (statistics.stats(), STATS),
        (statistics.stats_totals(), STATS_TOTALS),
        (statistics.stats_averages(), STATS_AVERAGES),
        (statistics.totals(), TOTALS),
    ):
        assert rows
        for row in rows:
            assert tuple(row) == table.keys


def test_totals_are_sums_and_weighted_means(statistics):
    rows = {row["name"]: row["value"] for row in statistics.totals()}
    assert list(rows) == list(TOTALS.row_names)
    assert (rows["total_xact_count"], rows["total_client_bytes"]) == (40, 7)
    assert (rows["avg_xact_count"], rows["avg_xact_time"]) == (4, 250)
    assert rows["avg_query_time"] == 0
