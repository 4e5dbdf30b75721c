"""What a client asks for in its startup packet holds for it, and for nobody else."""

import pytest

from tests.support import protocol as p
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ConnectionEndedError, LoginRefusedError, ScriptedClient
from tests.support.target import Target

ASKED = (
    {"options": "-c statement_timeout=1234 -c search_path=x", "application_name": "first"},
    {"options": "-c statement_timeout=4321 --search-path=y,z", "application_name": "second"},
    {"statement_timeout": "5s", "search_path": "w", "application_name": "third"},
    {"application_name": "plain"},
    {"options": "-cwork_mem=5MB -c my.setting=a\\ b"},
    {"DateStyle": "SQL, DMY", "TimeZone": "Asia/Tokyo", "IntervalStyle": "iso_8601"},
    {"client_encoding": "LATIN1", "extra_float_digits": "0", "my.setting": "other"},
)
LOOKED_AT = (
    "statement_timeout", "search_path", "application_name", "work_mem", "DateStyle", "TimeZone",
    "IntervalStyle", "client_encoding", "extra_float_digits",
)  # fmt: skip
QUERY = "SELECT " + ", ".join(f"current_setting('{name}')" for name in LOOKED_AT)
CUSTOM = "SELECT coalesce(nullif(current_setting('my.setting', true), ''), 'none')"


def _values_on_the_server(target: Target, asked: dict[str, str]) -> tuple:
    with ScriptedClient.login(target, **asked) as client:
        return (rows(client.query(QUERY)), rows(client.query(CUSTOM)), client.parameters)


@pytest.fixture
def expected(cluster) -> list[tuple]:
    """What a private connection has after each of the startup packets."""
    return [_values_on_the_server(cluster.target(), asked) for asked in ASKED]


def test_each_client_has_its_own_values_on_every_query(
    crowded_target: Target, expected: list[tuple]
) -> None:
    clients = [ScriptedClient.login(crowded_target, **asked) for asked in ASKED]
    for turn in range(4):
        order = range(len(clients)) if turn % 2 == 0 else range(len(clients) - 1, -1, -1)
        for number in order:
            got = clients[number].query(QUERY)
            assert rows(got) == expected[number][0], (turn, ASKED[number])
            assert rows(clients[number].query(CUSTOM)) == expected[number][1]
    for client in clients:
        client.close()


def test_parameter_status_tells_each_client_its_values(
    crowded_target: Target, expected: list[tuple]
) -> None:
    volatile = {"in_hot_standby"}
    clients = [ScriptedClient.login(crowded_target, **asked) for asked in ASKED]
    for client, (_, _, parameters) in zip(clients, expected, strict=True):
        client.query("SELECT 1")
        told = {name: client.parameters.get(name) for name in parameters if name not in volatile}
        assert told == {name: parameters[name] for name in told}
    for client in clients:
        client.close()


def test_text_is_converted_for_each_clients_encoding(crowded_target: Target) -> None:
    with (
        ScriptedClient.login(crowded_target, client_encoding="LATIN1") as latin,
        ScriptedClient.login(crowded_target, client_encoding="UTF8") as modern,
    ):
        for _ in range(2):
            (row,) = [one for one in latin.query(b"SELECT 'a\xe4', 'b'") if one.kind == "D"]
            assert row.values == (b"a\xe4", b"b")
            (row,) = [one for one in modern.query("SELECT 'aä', 'b'") if one.kind == "D"]
            assert row.values == ("aä".encode(), b"b")


def test_values_hold_in_blocks_and_after_errors(crowded_target: Target) -> None:
    with (
        ScriptedClient.login(crowded_target, search_path="mine") as one,
        ScriptedClient.login(crowded_target, search_path="yours") as other,
    ):
        one.query("BEGIN")
        assert one.value("SHOW search_path") == "mine"
        assert errors(one.query("SELECT 1/0")) == ["22012"]
        one.query("ROLLBACK")
        assert other.value("SHOW search_path") == "yours"
        one.query("BEGIN; SET LOCAL search_path = local_only; COMMIT")
        assert other.value("SHOW search_path") == "yours"
        assert one.value("SHOW search_path") == "mine"


def test_reset_goes_back_to_what_was_asked_for(crowded_target: Target) -> None:
    """RESET means the value of the startup packet, as on a private connection."""
    with (
        ScriptedClient.login(crowded_target, options="-c work_mem=7MB") as one,
        ScriptedClient.login(crowded_target, options="-c work_mem=9MB") as other,
    ):
        assert one.value("SHOW work_mem") == "7MB"
        assert other.value("SHOW work_mem") == "9MB"
        one.query("BEGIN; SET LOCAL work_mem = '1MB'; RESET work_mem")
        assert one.value("SHOW work_mem") == "7MB"
        one.query("COMMIT")
        assert other.value("SHOW work_mem") == "9MB"
        assert one.value("SHOW work_mem") == "7MB"


@pytest.mark.gateway
def test_who_says_another_work_comes_in_without_a_server_connection(
    single_transaction_door: Target,
) -> None:
    """PostgreSQL tells everybody the same whatever the work; the only one is held meanwhile."""
    with ScriptedClient.login(single_transaction_door) as holder:
        holder.query("BEGIN")
        clients = [
            ScriptedClient.login(single_transaction_door, options=f"-c pglane.work=order-{number}")
            for number in range(8)
        ]
        assert all(client.parameters == holder.parameters for client in clients)
        holder.query("COMMIT")
    for number, client in enumerate(clients):
        assert client.value("SHOW pglane.work") == f"order-{number}"
        client.close()


def test_timeouts_that_were_asked_for_fire(crowded_target: Target) -> None:
    with (
        ScriptedClient.login(crowded_target, options="-c statement_timeout=150ms") as hasty,
        ScriptedClient.login(crowded_target) as calm,
    ):
        for _ in range(2):
            assert errors(hasty.query("SELECT pg_sleep(20)")) == ["57014"]
            assert not errors(calm.query("SELECT pg_sleep(0.3)"))


@pytest.mark.parametrize(
    ("asked", "sqlstate"),
    [
        ({"nosuch_setting": "1"}, "42704"),
        ({"options": "-c nosuch_setting=1"}, "42704"),
        ({"USER": "second"}, "42704"),
        ({"options": "-c user=second"}, "42704"),
        ({"DATABASE": "postgres"}, "42704"),
        ({"REPLICATION": "database"}, "42704"),
        ({"statement_timeout": "soon"}, "22023"),
        ({"local_preload_libraries": "nosuch"}, "58P01"),
        ({"options": "-c work_mem=lots"}, "22023"),
        ({"options": "--nonsense"}, "42601"),
        ({"options": "-c shared_buffers=1GB"}, "55P02"),
        ({"options": "-c log_statement=all"}, "42501"),
    ],
)
def test_what_cannot_be_given_is_refused_and_never_dropped(
    crowded_target: Target, asked: dict[str, str], sqlstate: str
) -> None:
    """PostgreSQL refuses the login; a door may instead refuse the first query, and ends then."""
    seen = ""
    try:
        with ScriptedClient.login(crowded_target, **asked) as client:
            answer = client.query("SELECT 1")
            seen = (errors(answer) or [""])[0]
            assert not rows(answer), f"{asked} was dropped silently"
    except LoginRefusedError as refused:
        seen = refused.sqlstate
    except ConnectionEndedError as ended:
        seen = (errors(ended.messages) or [""])[0]
    assert seen == sqlstate
    with ScriptedClient.login(crowded_target) as client:
        assert client.value("SELECT 1") == "1"


def test_roles_are_not_mixed(crowded_target: Target) -> None:
    users = ("app", "second", "third")
    clients = [ScriptedClient.login(crowded_target.as_user(user)) for user in users]
    for _ in range(3):
        for user, client in zip(users, clients, strict=True):
            found = rows(client.query("SELECT current_user, session_user"))
            assert found == [(user, user)]
            assert client.parameters["session_authorization"] == user
    for client in clients:
        client.close()


def test_is_superuser_is_told_by_role(crowded_target: Target) -> None:
    with (
        ScriptedClient.login(crowded_target.as_user("postgres")) as great,
        ScriptedClient.login(crowded_target) as small,
    ):
        assert great.value("SELECT 1") == "1"
        assert great.parameters["is_superuser"] == "on"
        assert small.parameters["is_superuser"] == "off"


def test_a_minor_version_and_unknown_protocol_options_are_negotiated(target: Target) -> None:
    """libpq of PostgreSQL 19 asks for 3.9999 and for options nobody knows."""
    client = ScriptedClient(target)
    client.send_startup((3 << 16) | 9999, **{"_pq_.test_grease": "", "_pq_.other": "1"})
    client.authenticate()
    assert client.negotiated is not None
    assert b"_pq_.test_grease\0" in client.negotiated.body
    assert b"_pq_.other\0" in client.negotiated.body
    assert client.value("SELECT 1") == "1"
    client.close()


@pytest.mark.gateway  # a server may know one of the two
@pytest.mark.parametrize("code", ["ssl", "gssenc", "ssl then gssenc", "gssenc then ssl"])
def test_encryption_is_refused_politely(target: Target, code: str) -> None:
    asked = {"ssl": p.ssl_request(), "gssenc": p.gssenc_request()}
    client = ScriptedClient(target)
    for word in code.split(" then "):
        client.send(asked[word])
        assert client.socket.recv(1) == b"N"
    client.send_startup()
    client.authenticate()
    assert client.value("SELECT 1") == "1"
    client.close()


def test_the_startup_packet_in_pieces(target: Target) -> None:
    client = ScriptedClient(target)
    client.send_bytewise(p.startup({"user": "app", "database": "app"}))
    client.authenticate()
    client.send_bytewise(p.query("SELECT 1"))
    assert rows(client.read_until()) == [("1",)]
    client.close()


def test_the_database_is_the_user_when_none_is_given(target: Target) -> None:
    client = ScriptedClient(target)
    client.send(p.startup({"user": "app"}))
    client.authenticate()
    assert client.value("SELECT current_database()") == "app"
    client.close()
