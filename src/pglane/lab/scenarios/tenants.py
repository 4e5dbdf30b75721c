"""Many of one kind, one of them greedy."""

from pglane.lab.scenario import Scenario, Target, Variant, fairness, rate, wait
from pglane.lab.traffic import Stream, sleeping

HOLD_S = 0.010
SMALL = 20
CLIENTS = 100


def tenant(name: str, clients: int) -> Stream:
    """One tenant; its application is named after it. Who has one client must not starve."""
    return Stream(
        name, clients=clients, sql=sleeping(HOLD_S), hold_s=HOLD_S, critical=clients == 1
    )


ONE_GREEDY_TENANT = Scenario(
    name="one-greedy-tenant",
    number="B10",
    title="One tenant with 100 clients beside twenty with one",
    story="Twenty-one customers share a database. One of them has 100 connections that ask "
    "without a pause, each of the others has a single one. A queue serves connections, so the "
    "loudest customer gets most of it. Jain's index is 1 when all got the same. At two doors the "
    "twenty come by the other one; each door has half, for nobody has said that they are more.",
    budget=4,
    variants=(
        Variant(
            "1 tenant of 100 clients, 20 of 1",
            (
                tenant("greedy", CLIENTS),
                *(tenant(f"small-{number:02}", 1) for number in range(1, SMALL + 1)),
            ),
        ),
    ),
    ways=("one user", "a user each", "two doors"),
    columns=(fairness(), rate("greedy"), rate("small-01"), wait("small-01", 0.5)),
    targets=(
        Target(
            "Jain's index is 0.95 or more",
            fairness(),
            at_least=0.95,
            ways=("one user", "a user each"),
        ),
    ),
    plotted="small-01",
    compared=fairness(),
    seconds=10.0,
)
