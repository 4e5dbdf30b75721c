"""Who may come from where; the rig's clients come through Unix sockets."""

import pytest

from pglane.config.limits import Override
from pglane.config.settings import Settings
from pglane.engine.origins import AllowedOrigins, host_of
from tests.support.engine_rig import LOGIN_ANSWER, READY, message, query

ELSEWHERE = {"superusers_from": ("loopback",)}


def of(*words, **own):
    overrides = tuple(
        Override("user", name, "allow_from", list(places), "") for name, places in own.items()
    )
    return AllowedOrigins(Settings(allow_from=words, overrides=overrides))


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        (b"", "unix"),
        (("127.0.0.1", 9), "127.0.0.1"),
        (("2001:db8::1", 9), "2001:db8::1"),
        (("::ffff:1.2.3.4", 9), "::ffff:1.2.3.4"),
    ],
)
def test_the_address_of_a_peer(peer, host):
    assert host_of(peer) == host


def test_a_users_own_places_come_before_those_of_all():
    allowed = of("10.0.0.0/8", anna=["unix"], berta=["any"])
    assert allowed.restricted
    for user, peer, may in (
        ("anna", b"", True),
        ("anna", ("10.0.0.1", 9), False),
        ("berta", ("192.0.2.1", 9), True),
        ("carla", ("10.0.0.1", 9), True),
        ("carla", b"", False),
    ):
        refusal = allowed.objection(user, peer)
        assert (refusal is None) is may
        assert may or user in str(refusal)


def test_nothing_is_looked_at_where_everybody_may_come_from_everywhere():
    assert not of("any").restricted
    assert of("any", anna=["unix"]).restricted


def test_who_may_not_come_from_there_is_told_so(rigs):
    rig = rigs(allow_from=("loopback",))
    told = rig.client().ends()
    assert b"PGL0209" in told
    assert b"password was not looked at" not in told
    assert rig.worker.clients == {}
    (line,) = rig.logged("refused")
    assert (line["level"], line["fields"]["user"]) == ("warning", "anna")


def test_the_console_too(rigs):
    rig = rigs(allow_from=("loopback",), admin_users=("anna",))
    assert b"PGL0209" in rig.client(database="pglane").ends()
    assert not rig.heard("console")


def reporting(value):
    told = message(b"S", b"is_superuser\0" + value + b"\0")
    return LOGIN_ANSWER.removesuffix(READY) + told + READY


def meet(rig, value, door="transaction"):
    """A client whose server connection reports this; None: nothing."""
    client = rig.client(door)
    server = rig.accept()
    server.gets(b"\x00\x03\x00\x00")
    server.send(LOGIN_ANSWER if value is None else reporting(value))
    return client, server


@pytest.mark.parametrize("door", ["transaction", "session", "direct"])
@pytest.mark.parametrize("value", [b"on", None])
def test_superusers_and_who_may_be_one_are_sent_away(rigs, door, value):
    rig = rigs(**ELSEWHERE)
    client, _ = meet(rig, value, door)
    told = client.ends()
    assert b"PGL0210" in told
    assert READY not in told
    assert (b"does not say" in told) is (value is None)
    assert rig.worker.clients == {}
    if door != "direct":  # the welcome is known now
        assert b"PGL0210" in rig.client(door).ends()


@pytest.mark.parametrize("door", ["transaction", "session", "direct"])
def test_others_are_welcome(rigs, door):
    client, _ = meet(rigs(**ELSEWHERE), b"off", door)
    client.gets(READY)


@pytest.mark.parametrize("value", [b"on", None])
def test_superusers_are_welcome_where_they_may_come_from(rig, value):
    client, _ = meet(rig, value)
    client.gets(READY)


def test_the_lease_of_one_that_was_sent_away_is_for_others(rigs):
    rig = rigs(**ELSEWHERE, budget=1)
    client, _ = meet(rig, b"on")
    assert b"PGL0210" in client.ends()
    assert b"PGL0210" in rig.client().ends()
    ledger = rig.worker.databases["app"].desk.ledger
    assert ledger.statistics().leased == 0


def test_who_becomes_one_is_sent_away_with_the_next_lease(rigs):
    rig = rigs(**ELSEWHERE)
    client, server = meet(rig, b"off")
    client.gets(READY)
    rig.say(type="defaults", database="app", epoch="one")
    rig.later(5.0)
    rig.say(type="defaults", database="app", epoch="two")
    server.ends()
    client.send(query("SELECT 1"))
    rig.accept().send(reporting(b"on"))
    told = client.ends()
    assert b"PGL0210" in told
    assert b"SELECT" not in told
