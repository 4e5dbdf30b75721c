"""What slices count, and how the best are compared by them."""

from argparse import Namespace
from pathlib import Path

import pytest

from bench.end_to_end import __main__ as program
from bench.end_to_end.comparison import Entry, Spread
from bench.end_to_end.duels import judged, rivals
from bench.end_to_end.pgbench import Run
from bench.end_to_end.slices import Slice, Span, cut, finished
from pglane.lab.processes import CannotStartError


def test_transactions_of_all_threads_are_read_in_the_order_in_which_they_ended(
    tmp_path: Path,
) -> None:
    (tmp_path / "log.1").write_text("0 1 900 0 1700000000 500000\n")
    (tmp_path / "log.1.1").write_text("2 1 100 0 1700000000 250000 30\n")
    assert finished(tmp_path) == [(1700000000.25, 100), (1700000000.5, 900)]


def test_a_transaction_counts_where_it_ended() -> None:
    ended = [(0.5, 1000), (1.0, 1000), (1.9, 1000), (2.5, 1000), (3.5, 1000)]
    first, second = cut([Span(1.0, 2.0, 0.1), Span(3.0, 4.0, 0.2)], ended)
    assert (first.transactions, second.transactions) == (2, 1)
    assert (first.tps, second.cpu_s) == (2.0, 0.2)


def test_latencies_leave_out_who_stood_still() -> None:
    begin = 10.0
    ended = [(begin + 0.001, 150_000), (begin + 0.05, 2000), (begin + 0.06, 4000)]
    (only,) = cut([Span(begin, begin + 0.2, 0.0)], ended)
    assert (only.p50_ms, only.p99_ms) == (4.0, 4.0)
    (none,) = cut([Span(begin, begin + 0.04, 0.0)], ended)
    assert (none.transactions, none.p50_ms) == (1, 0.0)


def one(transactions: int, cpu_s: float = 0.1) -> Slice:
    return Slice(0.2, transactions, cpu_s, 1.0, 2.0)


def test_ratios_are_taken_within_a_turn() -> None:
    slow_for_both = (one(60), one(50))
    starts = [[(one(110), one(100)), slow_for_both], [slow_for_both]]
    duel = judged("select", ["p"], ["b"], starts)
    assert duel.tps_ratio == Spread(1.2, 1.1, 1.2)
    assert duel.tps_ratios == [(1.1 + 1.2) / 2, 1.2]
    assert duel.cpu_ratio == Spread(50 / 60, 50 / 60, 100 / 110)
    assert duel.p99_ratio == Spread(1.0, 1.0, 1.0)
    assert duel.tps_total == pytest.approx(230 / 200)


def test_turns_in_which_one_finished_nothing_do_not_count() -> None:
    duel = judged("select", ["p"], ["b"], [[(one(0), one(100))], [(one(100), one(100))]])
    assert (duel.turns, duel.tps_ratios) == (1, [1.0])
    none = judged("select", ["p"], ["b"], [[]])
    assert (none.tps_ratio, none.tps_total) == (None, None)


def test_luck_in_one_half_of_the_turns_does_not_count() -> None:
    turns = [(one(200), one(100), one(100)), (one(90), one(100), one(100))] * 5
    duel = judged("select", ["p4", "p8"], ["b"], [turns])
    assert duel.tps_ratio == Spread(0.95, 0.9, 1.0)
    assert duel.pglane == "p8 or p4"


def test_each_side_sends_the_one_that_is_best() -> None:
    turn = (one(100), one(130), one(120), one(110))
    duel = judged("select", ["p4", "p8"], ["b4", "b8"], [[turn] * 4])
    assert (duel.pglane, duel.pgbouncer) == ("p8", "b4")
    assert duel.tps_total == pytest.approx(130 / 120)


def test_two_of_a_side_come_that_differ_in_what_is_used() -> None:
    def entry(version: str, size: int, tps: float, errors: str = "") -> Entry:
        run = Run("select", "pgbouncer", version, size, 0, errors, 100, tps)
        return Entry("select", "pgbouncer", version, size, {0: run}, [errors] if errors else [])

    found = [entry("1", 4, 95), entry("1", 8, 100), entry("2", 8, 90), entry("1", 20, 200, "no")]
    assert rivals(found, clients=16) == [found[1], found[0]]
    assert rivals(found, clients=1) == [found[1], found[2]]


class Unlucky:
    """An arena in which nobody can start."""

    def __init__(self, *_: object) -> None: ...

    def prepare(self) -> None: ...

    def duel(self, label: str, candidates: list[Entry]) -> None:
        raise CannotStartError(f"no {label} of {len(candidates)}")


def test_who_cannot_duel_costs_its_row_and_nothing_that_was_measured_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "Arena", Unlucky)
    chosen = Namespace(turns=1, tls=False, seed=1)
    found = program.duel_all(None, tmp_path, chosen, [Entry("select", "direct", "15", 0, {}, [])])  # type: ignore[arg-type]
    assert found == ([], ["select side by side: no select of 1"])
