import dataclasses
import json

import pytest

from pglane.config.file_settings import file_descriptions
from pglane.config.lanes import LaneMatch, LaneSettings
from pglane.config.limits import Override
from pglane.config.settings import Settings, User, descriptions


def test_json_round_trip_keeps_types_and_secrets():
    settings = Settings(
        listen_addresses=("127.0.0.1",),
        server_password="hush",
        users=(User("alice", "SCRAM-SHA-256$x", "hush"), User("bob")),
        admin_users=("alice",),
        lanes=(LaneSettings("otp", reserve=2, match=(LaneMatch(user="mailer"),)),),
        overrides=(Override("user", "alice", "query_ms_max", 5, "a.toml:1"),),
        places=(("budget", "a.toml:2"),),
    )
    again = Settings.from_json(settings.to_json())
    assert again == settings
    assert again.places == settings.places


def test_from_json_refuses_a_name_that_is_no_setting():
    with pytest.raises(TypeError):
        Settings.from_json(json.dumps({"budgets": 3}))


def test_repr_shows_no_secret():
    user = User("alice", "the-verifier", "the-password")
    shown = repr(Settings(server_password="the-password", users=(user,)))
    assert "alice" in shown
    assert "the-password" not in shown
    assert "the-verifier" not in shown


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().budget = 3


def test_every_default_is_within_its_own_limits():
    for setting in file_descriptions():
        if isinstance(setting.default, int):
            assert setting.minimum <= setting.default <= setting.maximum, setting.name
            assert setting.unit, setting.name
        else:
            assert len(setting.default) <= setting.maximum, setting.name
        if setting.choices:
            assert setting.default in setting.choices, setting.name


def test_every_field_but_lists_is_described_once():
    described = [setting.name for setting in descriptions()]
    fields = [field.name for field in dataclasses.fields(Settings)]
    lists = ("users", "lanes", "overrides", "places")
    assert [name for name in fields if name not in lists] == described
    places = [setting.place for setting in file_descriptions()]
    assert len(set(places)) == len(places)


def test_the_defaults_of_a_first_start():
    settings = Settings()
    assert settings.listen_addresses == ("127.0.0.1", "::1")
    assert (settings.transaction_port, settings.session_port, settings.direct_port) == (
        6543,
        6544,
        6545,
    )
    assert (settings.auth, settings.users, settings.budget) == ("scram", (), 20)
