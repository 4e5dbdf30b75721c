"""What a startup packet asks for."""

import pytest

from pglane.connection.startup_settings import (
    direct_startup,
    octets,
    server_startup,
    startup_settings,
    text,
)
from pglane.errors import Refusal
from pglane.wire.startup import StartupMessage


def packet(**parameters: bytes) -> StartupMessage:
    return StartupMessage(3, 0, {"user": b"u", **parameters})


def test_every_parameter_that_is_not_the_protocols_is_a_setting() -> None:
    asked = packet(
        database=b"d",
        DateStyle=b"ISO",
        options=b"-c datestyle=SQL -c Work_Mem=1MB -c pglane.class=batch",
        **{"_pq_.x": b"1", "pglane.door": b"fast"},
    )
    settings = startup_settings(asked, "u")
    assert not isinstance(settings, Refusal)
    assert settings.database == "d"
    assert settings.settings == {"datestyle": "ISO", "work_mem": "1MB"}
    assert settings.directives == {"class": "batch", "door": "fast"}
    assert settings.replication == ""


def test_the_database_is_the_users_if_none_is_named() -> None:
    settings = startup_settings(packet(), "u")
    assert not isinstance(settings, Refusal)
    assert settings.database == "u"


@pytest.mark.parametrize(
    ("value", "meant"), [(b"database", "database"), (b"1", "1"), (b"OFF", ""), (b"no", "")]
)
def test_replication(value: bytes, meant: str) -> None:
    settings = startup_settings(packet(replication=value), "u")
    assert not isinstance(settings, Refusal)
    assert settings.replication == meant


def test_options_that_cannot_be_understood_are_refused() -> None:
    assert isinstance(startup_settings(packet(options=b"-x"), "u"), Refusal)


def test_what_is_not_utf8_survives() -> None:
    assert octets(text(b"\xff\xc3\xa4")) == b"\xff\xc3\xa4"


def test_a_server_connection_notices_that_we_are_gone() -> None:
    made = server_startup("u", "d", {"timezone": "UTC"}, check_interval=True)
    assert made.parameters == {
        "user": b"u",
        "database": b"d",
        "timezone": b"UTC",
        "client_connection_check_interval": b"1000",
    }
    asked = {"client_connection_check_interval": "5"}
    assert (
        server_startup("u", "d", asked, check_interval=True).parameters[
            "client_connection_check_interval"
        ]
        == b"5"
    )
    assert set(server_startup("u", "d", {}, check_interval=False).parameters) == {
        "user",
        "database",
    }


def test_a_direct_connection_asks_what_its_client_asked() -> None:
    asked = packet(
        options=b"-c a.b=x\\ y -c pglane.class=batch",
        TimeZone=b"UTC",
        **{"_pq_.x": b"1", "PGLane.door": b"x"},
    )
    made = direct_startup(asked, check_interval=True)
    assert made.parameters == {
        "user": b"u",
        "TimeZone": b"UTC",
        "options": b"-c a.b=x\\ y",
        "client_connection_check_interval": b"1000",
    }


def test_a_direct_connection_without_check_interval() -> None:
    assert direct_startup(packet(), check_interval=False).parameters == {"user": b"u"}
    replication = direct_startup(packet(replication=b"1"), check_interval=True)
    assert replication.parameters == {"user": b"u", "replication": b"1"}
    kept = direct_startup(packet(client_connection_check_interval=b"7"), check_interval=True)
    assert kept.parameters["client_connection_check_interval"] == b"7"


def test_options_that_cannot_be_understood_are_not_passed_on() -> None:
    assert "options" not in direct_startup(packet(options=b"-x"), check_interval=False).parameters


def test_a_long_packet_is_not_kept() -> None:
    short, long = packet(database=b"d"), packet(database=b"d" * 2000)
    assert startup_settings(short, "u") is startup_settings(short, "u")
    assert startup_settings(long, "u") == startup_settings(long, "u")
    assert startup_settings(long, "u") is not startup_settings(long, "u")
