"""Every setting: a reload changes it while clients are connected, or names it."""

import dataclasses
import io
import json
import re

import pytest

from pglane.config.description import Description
from pglane.config.settings import Settings, descriptions
from pglane.control.log import Log
from pglane.control.settings_rows import settings_rows
from pglane.control.supervisor import Supervisor
from pglane.errors.processes import NowhereToListen
from pglane.errors.refused import RefusedError


def another(setting: Description) -> object:
    """A value that it does not have by default."""
    if isinstance(setting.default, int):
        return setting.minimum if setting.default != setting.minimum else setting.minimum + 1
    if isinstance(setting.default, tuple):
        return (*setting.default, "another")
    if setting.choices:
        return next(choice for choice in setting.choices if choice != setting.default)
    return setting.default + "x"


@pytest.mark.parametrize("setting", descriptions(), ids=lambda setting: setting.name)
def test_it_is_in_force_or_named(setting: Description) -> None:
    stream = io.StringIO()
    before = Settings()
    changed = dataclasses.replace(before, **{setting.name: another(setting)})
    sent: list[dict[str, object]] = []
    supervisor = Supervisor(
        before, on_ready=lambda _: None, reload=lambda: changed, log=Log(stream)
    )
    supervisor._send = lambda message: sent.append(message) or True  # type: ignore[method-assign]
    assert supervisor._reload_settings() == []
    named = re.findall(r"reload_needs_restart.* setting=([\w.]+)", stream.getvalue())
    (told,) = [message["settings"] for message in sent if message["type"] == "reload"]
    in_force = json.loads(json.dumps(told))[setting.name]
    wanted = changed if setting.reloadable else before
    assert in_force == json.loads(wanted.to_json())[setting.name]
    assert named == ([] if setting.reloadable else [setting.place])
    row = next(row for row in settings_rows(supervisor._settings) if row["key"] == setting.place)
    assert row["changeable"] == ("yes" if setting.reloadable else "no")


@pytest.mark.parametrize("error", [RefusedError(NowhereToListen()), OSError("gone")])
def test_a_reload_that_is_refused_says_once_what_stays_in_force(error: Exception) -> None:
    def reload() -> Settings:
        raise error

    stream = io.StringIO()
    supervisor = Supervisor(Settings(), on_ready=lambda _: None, reload=reload, log=Log(stream))
    assert supervisor._reload_settings()
    assert re.search("reload_refused: .*previous .*stays in force", stream.getvalue())
    assert stream.getvalue().count("stays in force") == 1
