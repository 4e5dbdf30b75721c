"""The configuration that the page about lanes ends with is one that can be used."""

import re
from pathlib import Path

from pglane.config import rules
from pglane.config.file import read_file
from pglane.config.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "choose-lanes.md"


def test_the_example_can_be_used(tmp_path: Path) -> None:
    found = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    for text in found:
        file = tmp_path / "pglane.toml"
        file.write_text(text)
        loaded = read_file(file, {})
        assert not loaded.refusals
        assert not rules.objections(Settings(**loaded.values), loaded.places)
