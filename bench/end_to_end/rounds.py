"""The order of runs: rounds over workloads, contenders shuffled, equals side by side."""

import random
from collections.abc import Callable, Iterator

from bench.end_to_end.contenders import Contender
from bench.end_to_end.workloads import Workload


def suits(contender: Contender, workload: Workload, sizes: list[int]) -> bool:
    """Whether this run says something.

    A contender with more server connections than the workload has clients does the same as the one
    that has just enough; a PgBouncer that does not follow prepared statements cannot serve them.
    """
    if workload.mode == "prepared" and not contender.prepared:
        return False
    enough = [size for size in sizes if size >= workload.clients]
    return contender.size <= min(enough, default=max(sizes))


def in_order(contenders: list[Contender], dice: random.Random) -> list[Contender]:
    """Random, but contenders with the same number of server connections follow each other."""
    sizes = sorted({contender.size for contender in contenders})
    dice.shuffle(sizes)
    order: list[Contender] = []
    for size in sizes:
        group = [contender for contender in contenders if contender.size == size]
        dice.shuffle(group)
        order += group
    return order


def plan(
    starts: list[list[Contender]],
    workloads: list[Workload],
    sizes: list[int],
    rounds: int,
    dice: random.Random,
    between: Callable[[], None],
) -> Iterator[tuple[int, Workload, Contender]]:
    """Every run of the benchmark; `between` tidies the tables before each round.

    Rounds take turns among `starts`, each of them all contenders: where its memory comes to lie
    makes a program faster or slower by more than what is to be found, for as long as it runs.
    """
    for round_ in range(rounds):
        between()
        for workload in workloads:
            contenders = starts[round_ % len(starts)]
            able = [one for one in contenders if suits(one, workload, sizes)]
            for contender in in_order(able, dice):
                yield round_, workload, contender
