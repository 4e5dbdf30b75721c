"""What a startup packet asks for."""

import pytest

from pglane.connection.startup_settings import (
    direct_startup,
    named_settings,
    octets,
    reported_part,
    server_startup,
    startup_settings,
    text,
)
from pglane.errors import Refusal
from pglane.errors.entering import NoSuchSetting, WordUnknown
from pglane.wire.startup import LENGTH_MAX, StartupMessage


def packet(**parameters: bytes) -> StartupMessage:
    return StartupMessage(3, 0, {"user": b"u", **parameters})


def test_every_parameter_that_is_not_the_protocols_is_a_setting() -> None:
    asked = packet(
        database=b"d",
        DateStyle=b"ISO",
        options=b"-c datestyle=SQL -c Work_Mem=1MB -c pglane.lane=otp",
        **{"_pq_.x": b"1"},
    )
    settings = startup_settings(asked, "u")
    assert not isinstance(settings, Refusal)
    assert settings.database == "d"
    assert settings.settings == {"datestyle": "ISO", "work_mem": "1MB", "pglane.lane": "otp"}
    assert settings.replication == ""


@pytest.mark.parametrize(
    ("word", "asked", "told"),
    [
        ("pglane.lanes", {"pglane.lanes": b"otp"}, "Did you mean pglane.lane?"),
        ("pglane.door", {"options": b"-c PGLANE.door=fast"}, "Leave it out."),
        ("pglane." + "x" * 900, {"pglane." + "x" * 900: b""}, "Leave it out."),
    ],
)
def test_a_word_that_is_not_ours_is_refused(word: str, asked: dict[str, bytes], told: str) -> None:
    refusal = startup_settings(packet(**asked), "u")
    assert isinstance(refusal, WordUnknown)
    assert word[:60] in refusal.text
    assert len(refusal.text) < 120
    assert refusal.hint_text == told


@pytest.mark.parametrize(
    "asked",
    [
        {"USER": b"postgres"},
        {"Database": b"other"},
        {"REPLICATION": b"database"},
        {"OPTIONS": b"-c role=postgres"},
        {"options": b"-c user=postgres"},
        {"options": b"--DATABASE=other"},
        {"_PQ_.command_tag_format": b"fqn"},
        {"options": b"-c _pq_.x=1"},
    ],
)
def test_a_setting_is_never_a_word_of_the_protocol(asked: dict[str, bytes]) -> None:
    assert isinstance(startup_settings(packet(**asked), "u"), NoSuchSetting)


def test_the_names_of_all_settings_however_they_are_asked_for() -> None:
    asked = packet(TimeZone=b"UTC", options=b"-c ro\\le=x --Work-Mem=1MB")
    assert named_settings(asked) == {"timezone", "role", "work_mem"}
    assert named_settings(packet(options=b"-x")) is None


def test_no_setting_says_who_opens_a_server_connection_and_where() -> None:
    settings = {"user": "postgres", "database": "other", "replication": "1", "options": "-c a=b"}
    made = server_startup("u", "d", settings, check_interval=False)
    assert made.parameters == {"user": b"u", "database": b"d"}


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
        options=b"-c a.b=x\\ y --pglane.lane=otp",
        TimeZone=b"UTC",
        **{"_pq_.x": b"1"},
    )
    made = direct_startup(asked, check_interval=True)
    assert made.parameters == {
        "user": b"u",
        "TimeZone": b"UTC",
        "options": b"-c a.b=x\\ y --pglane.lane=otp",
        "client_connection_check_interval": b"1000",
    }


def test_a_direct_connection_without_check_interval() -> None:
    assert direct_startup(packet(), check_interval=False).parameters == {"user": b"u"}
    replication = direct_startup(packet(replication=b"1"), check_interval=True)
    assert replication.parameters == {"user": b"u", "replication": b"1"}
    kept = direct_startup(packet(client_connection_check_interval=b"7"), check_interval=True)
    assert kept.parameters["client_connection_check_interval"] == b"7"


def test_a_long_packet_is_not_kept() -> None:
    short, long = packet(database=b"d"), packet(database=b"d" * 2000)
    assert startup_settings(short, "u") is startup_settings(short, "u")
    assert startup_settings(long, "u") == startup_settings(long, "u")
    assert startup_settings(long, "u") is not startup_settings(long, "u")


@pytest.mark.parametrize("spare", [100, 20, 0])
def test_the_longest_packet_still_fits_with_what_we_add(spare: int) -> None:
    """First the interval gives way, then the database, which is the user's name."""
    words = {"user": octets("u"), "x.long": b""}
    room = LENGTH_MAX - len(StartupMessage(3, 0, words).encode()) - spare
    settings = {"x.long": "v" * room}
    made = server_startup("u", "u", settings, check_interval=True)
    assert len(made.encode()) <= LENGTH_MAX
    assert ("client_connection_check_interval" in made.parameters) == (spare == 100)
    assert ("database" in made.parameters) == (spare >= 20)
    asked = StartupMessage(3, 0, words | {"x.long": b"v" * room})
    assert len(direct_startup(asked, check_interval=True).encode()) <= LENGTH_MAX


def test_a_database_that_was_named_is_never_left_out() -> None:
    words = {"user": b"u", "database": b"d"}
    room = LENGTH_MAX - len(StartupMessage(3, 0, words | {"x": b""}).encode())
    asked = StartupMessage(3, 0, words | {"x": b"v" * room})
    assert direct_startup(asked, check_interval=True).parameters == asked.parameters


def test_what_postgresql_reports_does_not_depend_on_our_words() -> None:
    plain = {"application_name": "a", "work_mem": "1MB"}
    assert reported_part(plain) is plain
    assert reported_part({**plain, "pglane.work": "order 1", "pglane.lane": "otp"}) == plain
    odd = {"pglane.work": "\u20ac"}
    assert reported_part(odd) == odd, "the database may have no such character"
