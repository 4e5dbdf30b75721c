"""SHOW STATS and its relatives have PgBouncer's columns, in its order, then ours."""

from pglane.control.columns_of_statistics import (
    COUNTERS,
    STATS,
    STATS_AVERAGES,
    STATS_TOTALS,
    TOTALS,
    average_of,
    averages_key,
)

STATS_KNOWN = """
database total_server_assignment_count total_xact_count total_query_count total_received
total_sent total_xact_time total_query_time total_wait_time total_client_parse_count
total_server_parse_count total_bind_count total_client_login_count avg_server_assignment_count
avg_xact_count avg_query_count avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time
avg_client_parse_count avg_server_parse_count avg_bind_count avg_client_login_count
total_pipelined_count total_fell_back_count avg_pipelined_count avg_fell_back_count
"""
TOTALS_KNOWN = """
database server_assignment_count xact_count query_count bytes_received bytes_sent xact_time
query_time wait_time client_parse_count server_parse_count bind_count client_login_count
pipelined_count fell_back_count
"""
AVERAGES_KNOWN = """
database server_assignment_count xact_count query_count bytes_received bytes_sent xact_time
query_time wait_time avg_client_parse_count avg_server_parse_count avg_bind_count
avg_client_login_count pipelined_count fell_back_count
"""


def test_columns_are_the_known_ones():
    assert list(STATS.keys) == STATS_KNOWN.split()
    assert list(STATS_TOTALS.keys) == TOTALS_KNOWN.split()
    assert list(STATS_AVERAGES.keys) == AVERAGES_KNOWN.split()


def test_rows_of_totals_are_the_known_ones():
    names = list(TOTALS.row_names)
    assert names[3:5] == ["total_client_bytes", "total_server_bytes"]
    assert names[14:] == [name.replace("total_", "avg_") for name in names[:14]]


def test_averages_say_what_they_are_divided_by():
    per = {averages_key(each): average_of(each).rpartition("; ")[2] for each in COUNTERS}
    assert per["bytes_sent"] == "per second"
    assert per["xact_time"] == "per one of xact_count"
    assert per["avg_bind_count"] == "per second"
