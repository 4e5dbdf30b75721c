"""Who may change something at the console, and who carries it out.

RELOAD, SET and SHUTDOWN are the supervisor's; what is about databases is the worker's. Each change
is one line in the log, with the user; a value is not, for it may be a secret.
"""

import difflib
from collections.abc import Callable
from typing import Any

from pglane.config.description import Description
from pglane.config.settings import Settings, descriptions
from pglane.config.values import judge
from pglane.control.actions import Act, Action
from pglane.control.log import Log
from pglane.control.settings_rows import HIDDEN, PGBOUNCER_NAMES
from pglane.control.worker_commands import WorkerCommands
from pglane.errors import Refusal
from pglane.errors.console import (
    ConsoleNeedsAdmin,
    ConsoleSettingFixed,
    ConsoleSettingUnknown,
)
from pglane.errors.refused import RefusedError


class Operator:
    """Carries out the actions of those who may.

    Args:
        commands: tells the worker.
        settings: those in force.
        change: puts other settings in force.
        reload: reads the configuration again; gives what is wrong with it.
        shutdowns: what ends the gateway, by the word behind SHUTDOWN.
        log: where changes are told.
    """

    def __init__(
        self,
        commands: WorkerCommands,
        settings: Callable[[], Settings],
        change: Callable[[dict[str, Any]], None],
        reload: Callable[[], list[Refusal]],
        shutdowns: dict[str, Callable[[], None]],
        log: Log,
    ) -> None:
        self._commands = commands
        self._settings = settings
        self._change = change
        self._reload = reload
        self._shutdowns = shutdowns
        self._log = log

    def act_for(self, user: str) -> Act:
        """What carries out the actions of a user; whether it may is asked each time."""

        async def act(action: Action) -> None:
            if user not in self._settings().admin_users:
                raise RefusedError(ConsoleNeedsAdmin(user=user, verb=action.verb))
            text = "somebody changes something at the console"
            told = {"verb": action.verb, "name": action.name, "user": user}
            self._log.write("info", "console_command", text, **told)
            await self._act(action)

        return act

    async def _act(self, action: Action) -> None:
        if action.verb == "RELOAD":
            if refusals := self._reload():
                raise RefusedError(*refusals)
        elif action.verb == "SET":
            self._set(action.name, action.value)
        elif action.verb == "SHUTDOWN":
            self._shutdowns[action.name]()
        else:
            await self._commands.run(action)

    def _set(self, key: str, text: str) -> None:
        setting = _setting_of(key)
        if setting.secret or not setting.reloadable:
            value = HIDDEN if setting.secret else getattr(self._settings(), setting.name)
            raise RefusedError(ConsoleSettingFixed(key=key, value=value))
        value, refusal = judge(setting, _value(setting, text), "SET")
        if refusal is not None:
            raise RefusedError(refusal)
        self._change({setting.name: value})


def _setting_of(key: str) -> Description:
    known = {setting.place: setting for setting in descriptions()}
    if key in known:
        return known[key]
    ours = PGBOUNCER_NAMES.get(key, ("",))[0]
    named = next((place for place, each in known.items() if each.name == ours), "")
    near = named or _alike(key, list(known.values()))
    raise RefusedError(
        ConsoleSettingUnknown(
            key=key,
            seen="PgBouncer's name, and its unit may be another" if named else "No such setting",
            suggestion=f"Did you mean {near}? " if near else "",
        )
    )


def _alike(key: str, known: list[Description]) -> str:
    """The places of the settings that may be meant, for a hint; empty: there are none."""
    places: dict[str, list[str]] = {}
    for each in known:
        for name in {each.place, each.key, each.name}:
            places.setdefault(name, []).append(each.place)
    nearest = [key] if key in places else difflib.get_close_matches(key, places, 1)
    return " or ".join(place for name in nearest for place in places[name])


def _value(setting: Description, text: str) -> object:
    """The value a text means, as a file would say it; what cannot be one is judged as it is."""
    if isinstance(setting.default, int):
        return int(text) if text.removeprefix("-").isdecimal() else text
    if isinstance(setting.default, tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text
