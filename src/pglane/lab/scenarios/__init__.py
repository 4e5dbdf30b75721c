"""All scenarios, by name."""

from pglane.lab.scenario import Scenario
from pglane.lab.scenarios.changes import LANES_CHANGED
from pglane.lab.scenarios.flood import (
    BROWSE_UNDER_OTP_FLOOD,
    OTP_ON_A_BUSY_DATABASE,
    OTP_UNDER_FLOOD,
    REPORTS,
)
from pglane.lab.scenarios.holders import IDLE_IN_TRANSACTION
from pglane.lab.scenarios.overhead import OVERHEAD
from pglane.lab.scenarios.storm import RESTART_STORM
from pglane.lab.scenarios.tenants import ONE_GREEDY_TENANT
from pglane.lab.scenarios.turns import FIRST_TURN

ALL: tuple[Scenario, ...] = (
    FIRST_TURN,
    OTP_UNDER_FLOOD,
    OTP_ON_A_BUSY_DATABASE,
    BROWSE_UNDER_OTP_FLOOD,
    REPORTS,
    IDLE_IN_TRANSACTION,
    RESTART_STORM,
    ONE_GREEDY_TENANT,
    LANES_CHANGED,
    OVERHEAD,
)


def chosen(names: list[str]) -> list[Scenario]:
    """Those of these names or numbers; all without any.

    Raises:
        ValueError: there is none of a name; says which there are.
    """
    found = []
    for name in names:
        fitting = [one for one in ALL if name.lower() in {one.name, one.number.lower()}]
        if not fitting:
            known = ", ".join(f"{one.name} ({one.number})" for one in ALL)
            raise ValueError(f"no scenario is called {name!r}; there are: {known}")
        found += fitting
    return found or list(ALL)
