"""All clients come at once."""

from pglane.lab.scenario import Scenario, Target, Variant, refused, turns, wait
from pglane.lab.traffic import Stream

RESTART_STORM = Scenario(
    name="restart-storm",
    number="B9",
    title="Everybody connects after a restart",
    story="An application with 200 processes has restarted. Each connects, with a password, and "
    "asks its first query; PostgreSQL takes 60 connections. Wait is the time from the wish to "
    "connect to the answer of the first query.",
    budget=20,
    variants=(Variant("200 clients at once", (Stream("storm", clients=200, once=True),)),),
    ways=("direct", "one user"),
    columns=(
        turns("storm"),
        refused("storm"),
        wait("storm", 0.5),
        wait("storm", 0.99),
        wait("storm", 1.0),
    ),
    targets=(
        Target("nobody is refused", refused("storm"), at_most=0.0),
        Target("everybody is answered", turns("storm"), at_least=200.0),
        Target("99 % have their first answer within 2 s", wait("storm", 0.99), at_most=2000.0),
    ),
    plotted="storm",
    compared=turns("storm"),
    seconds=20.0,
    warm_s=0.0,
)
