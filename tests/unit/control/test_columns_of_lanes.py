"""The tables about lanes: every reason has a meaning."""

from pglane.control.columns_of_lanes import (
    HOLDER_TABLES,
    LANE_TABLES,
    REASONS,
    REFUSALS,
    VIOLATIONS,
)
from pglane.scheduler import counters, reasons


def test_every_reason_is_documented_and_no_other():
    assert list(REASONS) == [reason.value for reason in reasons.REASONS]
    assert list(REFUSALS) == [reason.value for reason in reasons.REFUSALS]
    assert tuple(VIOLATIONS) == counters.VIOLATIONS


def test_tables_are_named_and_their_columns_are_ours():
    assert [table.name for table in LANE_TABLES] == ["LANES", "TENANTS", "WAITS"]
    assert [table.name for table in HOLDER_TABLES] == ["HOLDERS", "QUEUE"]
    assert all(column.ours for table in LANE_TABLES + HOLDER_TABLES for column in table.columns)
