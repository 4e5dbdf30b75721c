"""All clients come at once."""

from pglane.lab.scenario import Scenario, Target, Variant, all_refused, all_turns, all_waits
from pglane.lab.traffic import Stream

RESTART_STORM = Scenario(
    name="restart-storm",
    number="B9",
    title="Everybody connects after a restart",
    story="An application with 200 processes has restarted, 150 of the web and 50 that send mail. "
    "Each connects, with a password, and asks its first query; PostgreSQL takes 60 connections. A "
    "pool within each process has nothing to share; it is one connection, as without. Wait "
    "is the time from the wish to connect to the answer of the first query.",
    budget=20,
    variants=(
        Variant(
            "200 clients at once",
            (
                Stream("web", clients=150, once=True),
                Stream("mail", clients=50, once=True, critical=True),
            ),
        ),
    ),
    ways=("direct", "one user", "a user each", "two doors"),
    columns=(
        all_turns(),
        all_refused(),
        all_waits(0.5),
        all_waits(0.99),
        all_waits(1.0),
    ),
    targets=(
        Target("nobody is refused", all_refused(), at_most=0.0),
        Target("everybody is answered", all_turns(), at_least=200.0),
        Target("99 % have their first answer within 2 s", all_waits(0.99), at_most=2000.0),
    ),
    plotted="web",
    compared=all_turns(),
    seconds=20.0,
    warm_s=0.0,
)
