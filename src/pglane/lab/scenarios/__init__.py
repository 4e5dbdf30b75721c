"""All scenarios, by name."""

from pglane.lab.scenario import Scenario
from pglane.lab.scenarios.flood import OTP_UNDER_FLOOD

ALL: tuple[Scenario, ...] = (OTP_UNDER_FLOOD,)


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
