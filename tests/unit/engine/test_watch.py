"""What follows from the monitor's news."""

from dataclasses import asdict

import pytest

from pglane.wire.md5 import Md5Hash, md5_stored
from pglane.wire.scram import ScramKeys
from pglane.wire.server_messages import parameter_status
from tests.support.engine_rig import LOGIN_ANSWER, READY, message, query

ANSWER = message(b"C", b"SELECT 1\x00") + READY


def defaults(rig, epoch):
    rig.say(type="defaults", database="app", epoch=epoch)
    rig.turn(2)


def test_the_first_server_connection_of_a_database_asks_for_a_monitor(rigs):
    rig = rigs()
    rig.pair()
    rig.pair(search_path="other")
    rig.until(lambda: rig.heard("watch"))
    assert [told["database"] for told in rig.heard("watch")] == ["app"]


def test_until_it_watches_it_is_told_as_whom_it_may(rigs):
    """What the server has let in; where there is a password, the supervisor knows it, too."""
    rig = rigs(budget=3)
    rig.pair()
    rig.pair(search_path="other")
    rig.until(lambda: rig.heard("lend"))
    login = {"user": "anna", "keys": None, "md5": None}
    assert [told["login"] for told in rig.heard("watch") + rig.heard("lend")] == [login, login]
    rig.say(type="monitor", database="app", state="watching")
    rig.pair(search_path="third")
    rig.turn(3)
    assert len(rig.heard("lend")) == 1


def test_who_watches_no_more_is_told_who_is_there(rigs):
    rig = rigs(budget=3)
    rig.pair("direct")
    rig.say(type="monitor", database="app", state="gone")
    rig.turn(3)
    assert not rig.heard("lend_again")
    rig.pair()
    rig.say(type="monitor", database="app", state="gone again")
    rig.until(lambda: rig.heard("lend_again"))
    (told,) = rig.heard("lend_again")
    assert (told["database"], told["login"]["user"]) == ("app", "anna")


def test_it_is_told_the_keys_that_worked(rigs):
    rig = rigs()
    keys = ScramKeys.of_password(b"secret", b"salt", 1)
    rig.worker._server_keys["anna"] = keys
    rig.worker.roles.hashes["anna"] = Md5Hash(md5_stored(b"anna", b"secret"))
    rig.pair()
    rig.until(lambda: rig.heard("watch"))
    (told,) = rig.heard("watch")
    assert told["login"]["keys"] == keys.told()
    assert told["login"]["md5"] == md5_stored(b"anna", b"secret").decode()


def test_a_direct_connection_asks_for_none(rigs):
    rig = rigs()
    rig.pair("direct")
    rig.turn(3)
    assert not rig.heard("watch")


def test_the_monitor_is_let_go_with_the_last_server_connection(rigs):
    rig = rigs(server_idle_ms_max=100)
    _, server = rig.pair()
    rig.later(2.0)
    server.ends()
    server.socket.close()
    rig.until(lambda: rig.worker.databases["app"].desk.ledger.used == 0)
    rig.later(2.0)
    rig.until(lambda: rig.heard("unwatch"))
    rig.later(2.0)
    assert len(rig.heard("unwatch")) == 1


def test_the_first_epoch_closes_nothing_and_the_same_one_neither(rigs):
    rig = rigs()
    client, server = rig.pair()
    defaults(rig, "a")
    defaults(rig, "a")
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(ANSWER)
    client.gets(READY)
    assert not rig.logged("defaults_changed") + rig.logged("defaults_known_late")


def test_another_epoch_closes_what_is_idle(rigs):
    rig = rigs()
    client, server = rig.pair()
    defaults(rig, "a")
    defaults(rig, "b")
    server.ends()
    client.send(query("SELECT 1"))
    fresh = rig.accept_login()
    fresh.gets(b"SELECT 1")
    (told,) = rig.logged("defaults_changed")
    assert "have changed, or PostgreSQL was restarted:" in told["text"]
    assert told["fields"] == {"database": "app", "connections": 1}
    assert not rig.logged("defaults_known_late")


def test_a_first_epoch_that_comes_late_closes_what_was_opened_before(rigs):
    """Nobody knows whether anything changed, and the log does not say that it did."""
    rig = rigs()
    _, server = rig.pair()
    rig.later(1.5)
    defaults(rig, "a")
    server.ends()
    (told,) = rig.logged("defaults_known_late")
    assert "may have changed unseen" in told["text"]
    assert told["fields"] == {"database": "app", "connections": 1}
    assert not rig.logged("defaults_changed")
    defaults(rig, "b")
    assert len(rig.logged("defaults_changed")) == len(rig.logged("defaults_known_late")) == 1


def roleless(rig, *process_ids):
    rig.say(type="roleless", database="app", pids=list(process_ids))
    rig.turn(2)


def test_server_connections_whose_role_is_gone_are_closed(rigs):
    rig = rigs()
    client, server = rig.pair()
    (link,) = (slot.link for slot in rig.worker.databases["app"].desk.ledger)
    roleless(rig, link.process_id + 1)
    assert not server.look()
    roleless(rig, link.process_id)
    server.ends()
    roleless(rig)
    client.send(query("SELECT 1"))
    rig.accept_login().gets(b"SELECT 1")


def test_one_whose_role_went_while_it_was_opened_is_used_once_at_most(rigs):
    rig = rigs()
    client = rig.client()
    server = rig.accept()
    server.gets(b"user")
    roleless(rig, 42)
    server.send(LOGIN_ANSWER)
    client.gets(READY)
    server.gets(b"X\x00\x00\x00\x04")


def reports(**settings: str) -> bytes:
    told = b"".join(parameter_status(n.encode(), v.encode()) for n, v in settings.items())
    return LOGIN_ANSWER[:9] + told + LOGIN_ANSWER[9:]


def test_who_is_connected_is_told_what_new_server_connections_report(rigs):
    rig = rigs()
    client, server = rig.pair()
    defaults(rig, "a")
    defaults(rig, "b")
    server.ends()
    client.send(query("SELECT 1"))
    fresh = rig.accept()
    fresh.gets(b"user")
    fresh.send(reports(TimeZone="UTC", standard_conforming_strings="off"))
    fresh.gets(b"SELECT 1")
    fresh.send(ANSWER)
    told = client.gets(READY)
    assert told == (
        parameter_status(b"TimeZone", b"UTC")
        + parameter_status(b"standard_conforming_strings", b"off")
        + ANSWER
    )
    (link,) = rig.worker.clients.values()
    assert link.settled
    assert not link.requests.standard_strings
    client.send(query("SELECT 1"))
    fresh.gets(b"SELECT 1")
    fresh.send(ANSWER)
    assert client.gets(READY) == ANSWER


def test_a_report_that_nobody_asked_for_tells_of_a_reload(rigs):
    rig = rigs()
    client, server = rig.pair()
    server.send(parameter_status(b"standard_conforming_strings", b"off"))
    rig.turn(2)
    (link,) = rig.worker.clients.values()
    assert link.settled
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    assert not link.requests.standard_strings
    assert not link.settled
    server.send(ANSWER)
    assert parameter_status(b"standard_conforming_strings", b"off") in client.gets(READY)
    server.ends()


def test_what_is_leased_is_closed_when_the_lease_ends(rigs):
    rig = rigs()
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    defaults(rig, "a")
    accepted = rig.worker.databases["app"].accepted
    plain, other = (rig.worker.vectors.of(items) for items in ({}, {"work_mem": "9MB"}))
    assert accepted.text("anna", other, plain, plain, escapes=True)
    defaults(rig, "b")
    assert not accepted.text("anna", other, plain, plain, escapes=True)
    server.send(ANSWER)
    client.gets(READY)
    server.ends()


def test_one_whose_login_began_before_is_used_once(rigs):
    rig = rigs()
    client = rig.client()
    server = rig.accept()
    server.gets(b"user")
    rig.worker.databases["app"].watch.generation += 1
    server.send(LOGIN_ANSWER)
    client.gets(READY)
    server.ends()
    assert not rig.worker.databases["app"].welcomes


def test_a_direct_client_keeps_its_server_connection(rigs):
    rig = rigs()
    client, server = rig.pair("direct")
    rig.pair()
    defaults(rig, "a")
    defaults(rig, "b")
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")


def test_the_state_is_what_the_monitor_says(rigs):
    rig = rigs()
    rig.pair()
    rig.say(type="monitor", database="app", state="no such role")
    rig.say(type="monitor", database="unknown", state="watching")
    rig.until(lambda: rig.worker.databases["app"].watch.state == "no such role")


def catalog(rig, epoch, **told):
    lists = {name: [] for name in ("reads", "writes", "calls", "draws", "runs", "custom")}
    flags = {"acts": False, "asks": False, "computes": False, "everything": ""}
    message = {**lists, "settings": ["work_mem"], **flags, **told}
    rig.say(type="catalog", database="app", epoch=epoch, **message)
    rig.turn(2)


def test_new_catalogs_renew_the_verdicts_of_prepared_statements(rigs):
    rig = rigs()
    client, server = rig.pair()
    text = b"INSERT INTO t VALUES (1)"
    client.send(message(b"P", b"s\0" + text + b"\0\0\0") + message(b"S"))
    server.gets(b"INSERT")
    server.send(message(b"1") + READY)
    client.gets(READY)
    (link,) = rig.worker.clients.values()
    (statement,) = link.requests.statements.values()
    assert statement.verdict.effects == 0
    catalog(rig, "a", writes=["t"], calls=["values"])
    assert statement.verdict.effects != 0
    catalog(rig, "a")
    assert statement.verdict.effects != 0, "the same epoch again changes nothing"
    catalog(rig, "b", calls=["values"], custom=["app.x"])
    assert statement.verdict.effects == 0
    watch = rig.worker.databases["app"].watch
    assert watch.looked_at(["a.b"]) == ["work_mem", "app.x", "a.b"]


def test_many_clients_have_their_turn_in_parts(rigs, monkeypatch):
    monkeypatch.setattr("pglane.engine.watch.CLIENTS_PER_TURN", 1)
    rig = rigs()
    rig.pair()
    others = [rig.client() for _ in range(3)]
    for other in others:
        other.gets(READY)
    watch = rig.worker.databases["app"].watch
    catalog(rig, "a")
    watch.renew()
    watch.renew()
    rig.turn(8)
    assert watch.catalog_epoch == "a"


def test_where_nothing_can_be_proved_the_log_says_why_once(rigs):
    rig = rigs()
    rig.pair()
    catalog(rig, "a", everything="an operator")
    catalog(rig, "b", everything="an operator")
    catalog(rig, "c")
    assert len(rig.logged("nothing_proved")) == 1
    assert rig.worker.databases["app"].watch.unprovable == ""


def test_a_reload_changes_the_size_of_the_cache(rigs):
    rig = rigs()
    rig.pair()
    watch = rig.worker.databases["app"].watch
    verdicts = watch.verdicts
    told = {**asdict(rig.settings), "verdict_cache_entries": 2}
    rig.say(type="reload", settings=told)
    rig.until(lambda: rig.worker.settings.verdict_cache_entries == 2)
    for number in range(9):
        verdicts.lookup(b"SELECT a%d" % number, "UTF8", True)
    assert verdicts is watch.verdicts
    assert verdicts.statistics().entries <= 2


def test_a_monitor_that_fails_makes_all_names_doubtful_again(rigs):
    rig = rigs()
    rig.pair()
    watch = rig.worker.databases["app"].watch
    unread = watch.sight.names
    rig.say(type="monitor", database="app", state="no way in")
    catalog(rig, "a", reads=["f"])
    assert watch.sight.names.reads == {b"f"}
    rig.say(type="monitor", database="app", state="watching")
    rig.turn(2)
    assert watch.catalog_epoch == "a"
    rig.say(type="monitor", database="app", state="gone")
    rig.turn(2)
    assert watch.catalog_epoch == ""
    assert watch.sight.names is not unread
    assert not watch.sight.names.reads


def test_ddl_of_a_client_makes_the_monitor_look(rigs):
    rig = rigs()
    client, server = rig.pair()
    client.send(query("CREATE VIEW t AS SELECT 1"))
    server.gets(b"CREATE")
    server.send(message(b"C", b"CREATE VIEW\x00") + READY)
    client.gets(READY)
    rig.until(lambda: rig.heard("look"))


def ddl(client, server):
    client.send(query("ALTER TABLE t ADD b int"))
    server.gets(b"ALTER")
    server.send(message(b"C", b"ALTER TABLE\x00") + READY)


def test_ddl_that_can_run_nothing_makes_nobody_look(rigs):
    rig = rigs()
    client, server = rig.pair()
    catalog(rig, "a", calls=["t"])
    client.send(query("CREATE TABLE t (a int)"))
    server.gets(b"CREATE")
    server.send(message(b"C", b"CREATE TABLE\x00") + READY)
    server.gets(b"pg_listening_channels")
    rig.turn(2)
    assert not rig.heard("look")
    assert not rig.worker.databases["app"].unread


@pytest.mark.parametrize(("unclean", "looks"), [("f", 0), ("int", 1)])
def test_ddl_that_was_on_its_way_when_a_type_was_hidden_is_read(rigs, unclean, looks):
    """Other names cannot matter to it; who makes tables all the time has always one on its way."""
    rig = rigs()
    client, server = rig.pair()
    catalog(rig, "a", calls=["t"])
    client.send(query("CREATE TABLE t (a int)"))
    server.gets(b"CREATE")
    catalog(rig, "b", reads=[unclean])
    server.send(message(b"C", b"CREATE TABLE\x00") + READY)
    server.gets(b"pg_listening_channels")
    rig.turn(2)
    assert len(rig.heard("look")) == looks


def is_looked_at(client, server):
    """Whether a statement that nothing is said of is followed by a look; that is left waiting."""
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(ANSWER)
    client.gets(READY)
    return b"pg_listening_channels" in (server.look() or b"")


def looked(rig, number):
    rig.say(type="looked", database="app", look=number)
    rig.turn(2)


def test_until_ddl_is_read_the_session_is_looked_at_whatever_the_text_says(rigs):
    rig = rigs()
    client, server = rig.pair()
    catalog(rig, "a")
    assert not is_looked_at(client, server)
    ddl(client, server)
    server.gets(b"pg_listening_channels")
    (told,) = rig.heard("look")
    assert (told["database"], told["look"]) == ("app", 1)


def test_only_the_answer_to_the_last_ddl_ends_that(rigs):
    rig = rigs()
    rig.pair()
    database = rig.worker.databases["app"]
    catalog(rig, "a")
    database.watch.look()
    database.watch.look()
    looked(rig, 1)
    assert database.unread
    catalog(rig, "b")
    assert database.unread
    looked(rig, 2)
    assert not database.unread


def test_after_the_answer_nothing_is_looked_at(rigs):
    rig = rigs()
    client, server = rig.pair()
    catalog(rig, "a")
    rig.worker.databases["app"].watch.look()
    looked(rig, 1)
    assert not is_looked_at(client, server)


def test_a_monitor_let_go_before_its_answer_is_asked_again(rigs):
    rig = rigs(server_idle_ms_max=100)
    _, server = rig.pair()
    rig.later(2.0)
    catalog(rig, "a")
    database = rig.worker.databases["app"]
    database.watch.look()
    server.ends()
    server.socket.close()
    rig.until(lambda: database.desk.ledger.used == 0)
    rig.later(2.0)
    rig.until(lambda: rig.heard("unwatch"))
    assert [told["look"] for told in rig.heard("look")] == [1]
    database.watch.begin("anna")
    rig.until(lambda: len(rig.heard("look")) == 2)
    looked(rig, 1)
    assert not database.unread


def test_where_nobody_has_read_catalogs_nobody_waits_for_them(rigs):
    rig = rigs()
    rig.pair()
    database = rig.worker.databases["app"]
    database.watch.look()
    assert not database.unread
    catalog(rig, "a")
    assert database.unread, "they may have been read before the DDL"
    rig.say(type="monitor", database="app", state="gone")
    rig.turn(2)
    assert not database.unread


def test_after_ddl_statements_are_looked_at_anew(rigs):
    rig = rigs()
    rig.pair()
    shapes = rig.worker.shapes
    before = shapes.of(b"SELECT 1", b"", None)
    rig.say(type="ddl", database="app", epoch="a")
    rig.turn(2)
    assert shapes.of(b"SELECT 1", b"", None) is not before
