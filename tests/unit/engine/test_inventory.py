"""Rows that list and count."""

from dataclasses import asdict

from pglane.config.settings import User
from pglane.control.columns_of_statistics import STATS_TOTALS
from pglane.engine.inventory import (
    active_socket_rows,
    database_rows,
    dns_host_rows,
    memory_rows,
    socket_rows,
    traffic_rows,
    user_rows,
)
from tests.support.engine_rig import APPLIED, READY, message, query

ONE_ROW = message(b"D", b"\0\1\0\0\0\x011") + message(b"C", b"SELECT 1\0")
IN_TRANSACTION = message(b"Z", b"T")


def traffic(rig):
    (row,) = traffic_rows(rig.worker)
    assert tuple(row) == STATS_TOTALS.keys
    return row


def test_the_configured_database_is_listed_before_anybody_comes(rigs) -> None:
    rig = rigs(server_database="shop")
    (row,) = database_rows(rig.worker)
    assert (row["name"], row["current_connections"], row["paused"]) == ("shop", 0, 0)
    assert traffic(rig)["database"] == "shop"
    rig.pair(database="shop")
    assert [row["name"] for row in database_rows(rig.worker)] == ["shop"]


def test_databases_tell_who_is_in_them(rig) -> None:
    rig.pair()
    rig.pair(database="other")
    rig.worker.operating.begin({"paused": ["other"], "disabled": ["other"]})
    one, other = database_rows(rig.worker)
    assert (one["name"], one["current_connections"]) == ("app", 1)
    assert one["current_client_connections"] == 1
    assert (one["pool_size"], one["server_lifetime"], one["port"]) == (2, 3600, 5432)
    assert (one["paused"], one["disabled"]) == (0, 0)
    assert (other["paused"], other["disabled"]) == (1, 1)


def test_users_are_those_that_may_come_and_those_that_are_here(rigs) -> None:
    rig = rigs(users=(User("anna", "", "secret"), User("carl", "", "x")))
    rig.pair()
    rows = {row["name"]: row for row in user_rows(rig.worker)}
    assert list(rows) == ["anna", "carl"]
    assert rows["anna"]["current_connections"] == 1
    assert rows["anna"]["current_client_connections"] == 1
    assert rows["carl"]["current_connections"] == 0


def test_sockets_tell_what_is_buffered(rig) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1")[:-2])
    rig.turn(2)
    of_client, of_server = socket_rows(rig.worker)
    assert (of_client["state"], of_server["state"]) == ("cl_idle", "sv_idle")
    assert of_client["pkt_avail"] == len(query("SELECT 1")) - 2
    assert list(active_socket_rows(rig.worker)) == []
    client.send(query("SELECT 1")[-2:])
    server.gets(b"SELECT 1")
    assert [row["state"] for row in active_socket_rows(rig.worker)] == ["cl_active", "sv_active"]


def test_one_that_is_being_opened_has_nothing_buffered(rig) -> None:
    rig.client()
    rig.accept()
    (row,) = [row for row in socket_rows(rig.worker) if row["type"] == "S"]
    assert (row["state"], row["send_avail"]) == ("sv_new", 0)


def test_a_name_is_shown_with_its_addresses(rigs) -> None:
    rig = rigs()
    assert list(dns_host_rows(rig.worker)) == []
    rig.say(type="reload", settings={**asdict(rig.settings), "server_host": "db.example"})
    rig.until(lambda: rig.worker.settings.server_host == "db.example")
    (row,) = dns_host_rows(rig.worker)
    assert row["hostname"] == "db.example"
    assert row["addrs"] == ""
    found = [{"family": "inet", "address": "192.0.2.1", "port": 5432}]
    rig.say(type="resolved", addresses=found, error="")
    rig.until(lambda: rig.worker.known_addresses()[0])
    assert [row["addrs"] for row in dns_host_rows(rig.worker)] == ["192.0.2.1"]
    rig.later(5.0)
    (row,) = dns_host_rows(rig.worker)
    assert row["ttl"] == 0


# Traffic ------------------------------------------------------------------------------------


def test_one_transaction_is_counted_with_its_time(rig) -> None:
    client, server = rig.pair()
    before = traffic(rig)
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    rig.clock.now += 0.25
    server.send(ONE_ROW + READY)
    client.gets(READY)
    after = traffic(rig)
    grown = {key: after[key] - before[key] for key in before if key != "database"}
    assert (grown["xact_count"], grown["query_count"]) == (1, 1)
    assert grown["server_assignment_count"] == 1
    assert grown["bytes_received"] == len(query("SELECT 1"))
    assert grown["bytes_sent"] == len(ONE_ROW + READY)
    assert (grown["query_time"], grown["xact_time"]) == (250_000, 250_000)
    assert grown["wait_time"] == 0
    assert after["client_login_count"] == 1


def test_a_transaction_lasts_longer_than_its_queries(rig) -> None:
    client, server = rig.pair()
    for text, answer in (("BEGIN", IN_TRANSACTION), ("SELECT 1", IN_TRANSACTION), ("END", READY)):
        client.send(query(text))
        server.gets(text.encode())
        rig.clock.now += 1.0
        server.send(message(b"C", b"X\0") + answer)
        client.gets(answer)
        rig.clock.now += 2.0
    row = traffic(rig)
    assert (row["query_count"], row["xact_count"]) == (3, 1)
    assert (row["query_time"], row["xact_time"]) == (3_000_000, 7_000_000)


def test_who_waits_is_counted_when_its_turn_comes(rigs) -> None:
    rig = rigs(budget=1)
    client, server = rig.pair(application_name="a")
    waiting = rig.client(application_name="a")
    waiting.gets(READY)
    before = traffic(rig)["wait_time"]
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    waiting.send(query("SELECT 2"))
    rig.turn(2)
    rig.clock.now += 3.0
    server.send(ONE_ROW + READY)
    server.gets(b"SELECT 2")
    assert traffic(rig)["wait_time"] - before == 3_000_000


def test_what_a_welcome_takes_is_nobodys_query(rig) -> None:
    client, server = rig.pair(application_name="shop")
    assert APPLIED
    rig.clock.now += 50.0
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(ONE_ROW + READY)
    client.gets(READY)
    row = traffic(rig)
    assert (row["query_time"], row["xact_time"]) == (0, 0)


def test_prepared_statements_are_counted(rig) -> None:
    client, server = rig.pair()
    parse = message(b"P", b"s\0SELECT 1\0\0\0")
    bind = message(b"B", b"\0s\0\0\0\0\0\0\0")
    execute = message(b"E", b"\0\0\0\0\0")
    sync = message(b"S")
    client.send(parse + bind + execute + sync)
    server.gets(sync)
    server.send(message(b"1") + message(b"2") + ONE_ROW + READY)
    client.gets(READY)
    row = traffic(rig)
    assert (row["client_parse_count"], row["server_parse_count"]) == (1, 1)
    assert row["bind_count"] == 1
    other = rig.client()
    other.gets(READY)
    other.send(parse + bind + execute + sync)
    server.gets(sync)
    server.send(message(b"2") + ONE_ROW + READY)
    other.gets(READY)
    row = traffic(rig)
    assert (row["client_parse_count"], row["server_parse_count"]) == (2, 1)
    assert row["bind_count"] == 2


def test_memory_is_what_is_counted_against_the_bound(rigs) -> None:
    rig = rigs(memory_bytes_max=1 << 30)
    (row,) = memory_rows(rig.worker)
    assert row["memtotal"] == rig.loop.memory.used_bytes
    assert row["bytes_max"] == 1 << 30
    assert 0 <= (1 << 30) - (row["used"] + row["free"]) * row["size"] < 2 * row["size"]
    assert (row["ended"], row["refused"]) == (0, 0)
