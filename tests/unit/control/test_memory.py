"""SHOW MEM."""

import os

from pglane.control.memory import memory_rows


def test_one_row_for_each_process(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "statm").write_text("900 120 30 1 0 80 0\n")
    (row,) = memory_rows({"worker": 7, "gone": 8}, tmp_path)
    assert (row["name"], row["used"], row["free"]) == ("worker", 120, 0)
    assert row["memtotal"] == 120 * row["size"]


def test_what_cannot_be_read_is_left_out(tmp_path):
    for number, text in (("1", ""), ("2", "x y z")):
        (tmp_path / number).mkdir()
        (tmp_path / number / "statm").write_text(text)
    assert memory_rows({"a": 1, "b": 2}, tmp_path) == []


def test_this_process_is_in_memory():
    for row in memory_rows({"supervisor": os.getpid()}):
        assert row["memtotal"] > 1_000_000
