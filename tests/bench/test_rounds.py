"""Which runs the end-to-end benchmark makes, and in which order."""

import random

import pytest

from bench.end_to_end.cluster import Endpoint
from bench.end_to_end.contenders import Contender
from bench.end_to_end.rounds import in_order, plan, suits
from bench.end_to_end.workloads import ALL, Workload, chosen

SIZES = [4, 8, 20]


def contender(family: str, size: int, *, prepared: bool = True) -> Contender:
    return Contender(family, "1", size, Endpoint(1), 0, prepared=prepared)


@pytest.mark.parametrize(
    ("clients", "expected"), [(1, [4]), (8, [4, 8]), (16, SIZES), (64, SIZES)]
)
def test_more_server_connections_than_clients_are_tried_once(
    clients: int, expected: list[int]
) -> None:
    work = Workload("select-simple", clients, "simple")
    assert [s for s in SIZES if suits(contender("pglane", s), work, SIZES)] == expected
    assert suits(contender("direct", 0), work, SIZES)


def test_who_cannot_follow_prepared_statements_is_left_out() -> None:
    old = contender("pgbouncer", 4, prepared=False)
    assert not suits(old, Workload("select-prepared", 16, "prepared"), SIZES)
    assert suits(old, Workload("select-extended", 16, "extended"), SIZES)


def test_equals_follow_each_other() -> None:
    everybody = [contender(family, size) for size in SIZES for family in ("pgbouncer", "pglane")]
    for seed in range(20):
        order = in_order(everybody, random.Random(seed))
        assert sorted(map(id, order)) == sorted(map(id, everybody))
        assert all(a.size == b.size for a, b in zip(order[::2], order[1::2], strict=True))


def test_a_seed_gives_one_order() -> None:
    everybody = [contender("pglane", size) for size in SIZES]
    tidied: list[int] = []
    plans = [
        list(plan([everybody], list(ALL), SIZES, 3, random.Random(7), lambda: tidied.append(1)))
        for _ in range(2)
    ]
    assert plans[0] == plans[1]
    assert len(tidied) == 2 * 3
    assert {round_ for round_, _, _ in plans[0]} == {0, 1, 2}


def test_rounds_take_turns_among_starts() -> None:
    starts = [[contender("pglane", 4)], [contender("pglane", 4)]]
    work = Workload("select-simple", 1, "simple")
    runs = list(plan(starts, [work, work], SIZES, 3, random.Random(7), lambda: None))
    assert [round_ for round_, _, _ in runs] == [0, 0, 1, 1, 2, 2]
    expected = [starts[number][0] for number in (0, 0, 1, 1, 0, 0)]
    assert [id(one) for _, _, one in runs] == [id(one) for one in expected]


def test_workloads_are_chosen_by_their_first_words() -> None:
    assert [work.label for work in chosen(["select-simple-1"])] == ["select-simple-1"]
    assert len(chosen(["select-simple"])) == 3
    assert chosen([]) == list(ALL)
    with pytest.raises(
        ValueError, match="no workload is called 'selct'; there are: select-simple"
    ):
        chosen(["selct"])
