"""Who may change what."""

import asyncio
import io

import pytest

from pglane.config.settings import Settings
from pglane.control.actions import Action
from pglane.control.log import Log
from pglane.control.operator import Operator
from pglane.errors.console import ConsoleReloadImpossible
from pglane.errors.refused import RefusedError


class Gateway:
    """Remembers what it was made to do."""

    def __init__(self, reload=()):
        self.settings = Settings(admin_users=("boss",), stats_users=("eye",))
        self.done = []
        self.out = io.StringIO()
        self.operator = Operator(
            self,
            lambda: self.settings,
            self.done.append,
            lambda: list(reload),
            {word: lambda word=word: self.done.append(word) for word in ("", "WAIT_FOR_CLIENTS")},
            Log(self.out, "text", "info"),
        )

    async def run(self, action):
        self.done.append(action)

    def act(self, *words, user="boss"):
        asyncio.run(self.operator.act_for(user)(Action(*words)))
        return self.done

    def refused(self, *words, user="boss"):
        with pytest.raises(RefusedError) as caught:
            self.act(*words, user=user)
        (refusal,) = caught.value.refusals
        assert self.done == []
        return refusal


@pytest.mark.parametrize("words", [("PAUSE", "app"), ("KILL",), ("DISABLE", "app")])
def test_what_is_about_databases_is_the_workers(words):
    assert Gateway().act(*words) == [Action(*words)]


@pytest.mark.parametrize("user", ["eye", "nobody", ""])
@pytest.mark.parametrize("words", [("PAUSE",), ("SET", "log.level", "debug"), ("SHUTDOWN",)])
def test_who_may_only_look_changes_nothing(user, words):
    refusal = Gateway().refused(*words, user=user)
    assert (refusal.code, refusal.sqlstate) == ("PGL0830", "42501")
    assert words[0] in refusal.text


def test_whether_a_user_may_is_asked_each_time():
    gateway = Gateway()
    act = gateway.operator.act_for("eye")
    gateway.settings = Settings(admin_users=("eye",))
    asyncio.run(act(Action("PAUSE")))
    assert gateway.done == [Action("PAUSE")]


def test_a_change_is_logged_with_its_user_and_without_its_value():
    gateway = Gateway()
    gateway.act("SET", "clients.wait_ms_max", "1234")
    line = gateway.out.getvalue()
    assert "console_command" in line
    assert "user=boss" in line
    assert "1234" not in line


def test_a_reload_that_fails_is_told():
    assert Gateway().act("RELOAD") == []
    assert Gateway([ConsoleReloadImpossible()]).refused("RELOAD").code == "PGL0835"


def test_shutdowns():
    assert Gateway().act("SHUTDOWN") == [""]
    assert Gateway().act("SHUTDOWN", "WAIT_FOR_CLIENTS") == ["WAIT_FOR_CLIENTS"]


@pytest.mark.parametrize(
    ("key", "text", "change"),
    [
        ("server.budget", "7", {"budget": 7}),
        ("log.level", "debug", {"log_level": "debug"}),
        ("clients.stats_users", "a, b,", {"stats_users": ("a", "b")}),
    ],
)
def test_settings_are_changed(key, text, change):
    assert Gateway().act("SET", key, text) == [change]


@pytest.mark.parametrize(
    ("key", "text", "code"),
    [
        ("server.budget", "many", "TypeWrong"),
        ("server.budget", "-1", "OutOfRange"),
        ("log.level", "loud", "OutOfRange"),
        ("server.user", "x", "ConsoleSettingFixed"),
        ("server.password", "x", "ConsoleSettingFixed"),
        ("clients.salt_secret", "x" * 32, "ConsoleSettingFixed"),
        ("server.budgt", "1", "ConsoleSettingUnknown"),
        ("x.y", "1", "ConsoleSettingUnknown"),
        ("query_wait_timeout", "1", "ConsoleSettingUnknown"),
    ],
)
def test_values_that_cannot_be_are_refused(key, text, code):
    assert type(Gateway().refused("SET", key, text)).__name__ == code


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("budget", "server.budget"),
        ("budgt", "server.budget"),
        ("clients_max", "clients.connections_max"),
        ("idle_ms_max", "server.idle_ms_max or clients.idle_ms_max"),
    ],
)
def test_a_setting_without_its_table_is_told_with_it(key, meant):
    refusal = Gateway().refused("SET", key, "5")
    assert refusal.text == f'there is no setting "{key}"'
    assert refusal.hint_text.startswith(f"Did you mean {meant}? ")


def test_an_unknown_setting_gets_a_suggestion():
    assert "server.budget" in Gateway().refused("SET", "server.budgt", "1").hint_text
    assert "clients.wait_ms_max" in Gateway().refused("SET", "query_wait_timeout", "1").hint_text


def test_a_fixed_secret_is_not_told():
    gateway = Gateway()
    gateway.settings = Settings(admin_users=("boss",), server_password="hush")
    assert "hush" not in str(gateway.refused("SET", "server.password", "x"))
