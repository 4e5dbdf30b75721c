"""What the end-to-end benchmark reads from pgbench and from the gateways."""

from pathlib import Path

import pytest

from bench.end_to_end import pgbench

STDOUT = "number of failed transactions: {failed} (0.000%)\n"


@pytest.mark.parametrize(
    ("code", "stderr", "failed", "expected"),
    [
        (0, "pgbench: starting\n", 0, ""),
        (0, "pgbench: error: client 3 aborted\n", 0, "pgbench: error: client 3 aborted"),
        (2, "", 0, "pgbench ended with 2"),
        (0, "", 7, "7 transactions failed"),
    ],
)
def test_a_run_with_errors_is_not_clean(
    code: int, stderr: str, failed: int, expected: str
) -> None:
    assert pgbench.complaint(code, STDOUT.format(failed=failed), stderr) == expected


def test_latencies_of_all_threads_are_read(tmp_path: Path) -> None:
    (tmp_path / "log.1").write_text("0 1 900 0 1700000000 1\n1 1 failed 0 1700000000 2\n")
    (tmp_path / "log.1.1").write_text("2 1 100 0 1700000000 3\n")
    assert pgbench._latencies_us(tmp_path) == [100, 900]


def test_quantiles() -> None:
    assert pgbench.quantile_ms(list(range(1000, 101_000, 1000)), 0.5) == 51.0
    assert pgbench.quantile_ms([4000], 0.99) == 4.0
