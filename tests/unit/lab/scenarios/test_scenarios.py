"""Every scenario is whole, and is found by its name and its number."""

import tomllib
from pathlib import Path

import pytest

from pglane.config import rules
from pglane.config.file import read_file
from pglane.config.settings import Settings
from pglane.lab import scenarios
from pglane.lab.contenders import DIRECT, LANES, WAYS
from pglane.lab.scenario import BASELINE, Change, Scenario
from pglane.lab.scenarios.market import MARKETPLACE


def test_they_are_found_by_name_and_number() -> None:
    first = scenarios.ALL[0]
    assert scenarios.chosen([first.name]) == scenarios.chosen([first.number.lower()]) == [first]
    assert scenarios.chosen([]) == list(scenarios.ALL)
    with pytest.raises(ValueError, match=f"there are: {first.name}"):
        scenarios.chosen(["nothing"])


def test_names_and_numbers_are_used_once() -> None:
    names = [one.name for one in scenarios.ALL] + [one.number for one in scenarios.ALL]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("one", scenarios.ALL, ids=lambda one: one.name)
def test_it_speaks_of_its_own_streams(one: Scenario) -> None:
    for variant in one.variants:
        kinds = variant.kinds
        assert len(set(kinds)) == len(kinds)
        assert one.plotted in kinds
        assert all(stream.clients or stream.rate_per_s for stream in variant.streams), (
            "nobody comes"
        )
    tomllib.loads(one.lanes)
    assert bool(set(one.ways) & set(LANES)) == bool(one.lanes)
    assert len({variant.name for variant in one.variants}) == len(one.variants)
    assert set(one.ways) <= set(WAYS)
    for target in one.targets:
        assert not target.ways or set(target.ways) & set(one.ways), "it holds for nobody"
        assert target.against in {"", *one.ways}
    if "direct" in one.ways:
        assert not any(target.relative for target in one.targets), f"{DIRECT} is no {BASELINE}"


@pytest.mark.parametrize("one", [*scenarios.ALL, MARKETPLACE], ids=lambda one: one.name)
def test_its_lanes_are_such_that_this_gateway_reads(one: Scenario, tmp_path: Path) -> None:
    file = tmp_path / "pglane.toml"
    for change in (Change("at first", one.budget, one.lanes), *one.changes):
        file.write_text(f"[server]\nbudget = {change.budget}\n{change.lanes}")
        loaded = read_file(file, {})
        assert not loaded.refusals
        settings = Settings(**loaded.values)
        assert not rules.objections(settings, loaded.places)
        assert not any("lane " in note for note in rules.notes(settings))
