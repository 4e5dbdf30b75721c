"""LISTEN and NOTIFY: who hears what, through every door, as on a private connection."""

from contextlib import ExitStack

import psycopg
import pytest

from tests.support import protocol as p
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target


def connect(target: Target) -> psycopg.Connection:
    return psycopg.connect(target.uri(), autocommit=True)


def heard(connection: psycopg.Connection, count: int) -> list[tuple[str, str]]:
    """The next `count` notifications; fewer if no more come in time."""
    told = connection.notifies(timeout=5, stop_after=count)
    return [(each.channel, each.payload) for each in told][:count]


def hears_only(connection: psycopg.Connection, target: Target, *expected: str) -> bool:
    """Whether exactly these payloads come on channel `a`, up to one that is sent now."""
    with connect(target) as other:
        other.execute("NOTIFY a, 'the last'")
    told = [payload for _, payload in heard(connection, len(expected) + 1)]
    return told == [*expected, "the last"]


def test_notifications_reach_those_who_listen(crowded_target: Target) -> None:
    target = crowded_target
    with connect(target) as first, connect(target) as second, connect(target) as stranger:
        first.execute("LISTEN a")
        second.execute('LISTEN "B"')
        second.execute("LISTEN a")
        stranger.execute("NOTIFY a, 'one'")
        stranger.execute("""NOTIFY "B", 'two'""")
        stranger.execute("NOTIFY b, 'nobody listens'")
        stranger.execute("SELECT pg_notify('a', 'three')")
        assert heard(first, 2) == [("a", "one"), ("a", "three")]
        assert heard(second, 3) == [("a", "one"), ("B", "two"), ("a", "three")]
        stranger.execute("LISTEN c")
        stranger.execute("NOTIFY c, 'mine'")
        assert heard(stranger, 1) == [("c", "mine")], "and nothing before it"


def test_a_trigger_notifies(crowded_target: Target, cluster: PostgresCluster, table: str) -> None:
    cluster.admin(
        f"CREATE FUNCTION f_{table}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN PERFORM pg_notify('rows', NEW.id::text); RETURN NEW; END$$; "
        f"CREATE TRIGGER g AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION f_{table}()",
        database="app",
    )
    with connect(crowded_target) as listener, connect(crowded_target) as writer:
        listener.execute("LISTEN rows")
        with writer.transaction():
            writer.execute(f"INSERT INTO {table} VALUES (1)")
            writer.execute(f"INSERT INTO {table} VALUES (2)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            writer.execute(f"INSERT INTO {table} VALUES (3), (1)")
        writer.execute(f"INSERT INTO {table} VALUES (4)")
        assert heard(listener, 3) == [("rows", "1"), ("rows", "2"), ("rows", "4")]


def test_databases_and_roles(target: Target) -> None:
    other = target.at_database("other").as_user("second")
    with ExitStack() as stack:
        here, there, notifier, role = (
            stack.enter_context(connect(each))
            for each in (target, other, other, target.as_user("third"))
        )
        here.execute("LISTEN a")
        there.execute("LISTEN a")
        role.execute("LISTEN a")
        notifier.execute("NOTIFY a, 'there'")
        assert heard(there, 1) == [("a", "there")]
        assert hears_only(here, target)
        assert hears_only(role, target, "the last"), "another role hears the same"


KEEPING = {
    # after these the client keeps its server connection, through the transaction door too
    "listened before": ["LISTEN a", "SELECT 1; PREPARE q AS SELECT 1", "LISTEN a"],
    "in the same text": ["PREPARE q AS SELECT 1; LISTEN a", "LISTEN a"],
    "by itself too": ["LISTEN a", "DO $$ BEGIN EXECUTE 'LISTEN a'; END $$"],
    "by itself first": ["DO $$ BEGIN EXECUTE 'LISTEN a'; END $$", "LISTEN a"],
}


@pytest.mark.parametrize("texts", KEEPING.values(), ids=KEEPING.keys())
def test_who_keeps_its_server_connection_hears_all_once(target: Target, texts: list[str]) -> None:
    with connect(target) as client, connect(target) as other:
        for text in texts:
            client.execute(text)
        other.execute("NOTIFY a, 'one'")
        client.execute("NOTIFY a, 'two'")
        assert hears_only(client, target, "one", "two")
        client.execute("DO $$ BEGIN EXECUTE 'LISTEN b'; END $$")
        other.execute("NOTIFY b, 'by a function'")
        assert heard(client, 1) == [("b", "by a function")]


CHANGES = {
    # statements in one transaction, how it ends: is `a` listened to, which was not before
    "commit": (["LISTEN a"], "COMMIT", True),
    "rollback": (["LISTEN a"], "ROLLBACK", False),
    "unlisten": (["LISTEN a", "UNLISTEN a"], "COMMIT", False),
    "unlisten all": (["LISTEN a", "UNLISTEN *", "LISTEN b"], "COMMIT", False),
    "again": (["LISTEN a", "UNLISTEN *", "LISTEN a"], "COMMIT", True),
    "savepoint": (["SAVEPOINT s", "LISTEN a", "ROLLBACK TO s"], "COMMIT", False),
    "before a savepoint": (
        ["LISTEN a", "SAVEPOINT s", "UNLISTEN a", "ROLLBACK TO s"],
        "END",
        True,
    ),
    "released": (["SAVEPOINT s", "LISTEN a", "RELEASE s"], "COMMIT", True),
    "released and undone": (
        ["SAVEPOINT s", "SAVEPOINT t", "LISTEN a", "RELEASE t", "ROLLBACK TO s"],
        "COMMIT",
        False,
    ),
    "same name": (
        ["LISTEN b", "SAVEPOINT s", "LISTEN a", "SAVEPOINT s", "LISTEN c", "ROLLBACK TO s"],
        "COMMIT",
        True,
    ),
    "error": (["LISTEN a", "SELECT 1/0"], "COMMIT", False),
    "error behind a savepoint": (
        ["LISTEN a", "SAVEPOINT s", "LISTEN b", "SELECT 1/0", "ROLLBACK TO s"],
        "COMMIT",
        True,
    ),
}


@pytest.mark.parametrize("extended", [False, True], ids=["simple", "extended"])
@pytest.mark.parametrize("case", CHANGES)
def test_a_block_listens_when_it_commits(
    crowded_target: Target, case: str, extended: bool
) -> None:
    statements, end, listens = CHANGES[case]
    with ScriptedClient.login(crowded_target) as client:
        for statement in ["BEGIN", *statements, end]:
            if extended:
                client.send(p.parse(statement) + p.bind() + p.execute() + p.sync())
                client.read_until("Z")
            else:
                client.query(statement)
        client.query("LISTEN z")
        with connect(crowded_target) as other:
            other.execute("NOTIFY a")
            other.execute("NOTIFY z")
        channels = [] if not listens else ["a"]
        got = [client.read_message() for _ in [*channels, "z"]]
        assert [(m.kind, m.body[4:].split(b"\0")[0].decode()) for m in got] == [
            ("A", channel) for channel in [*channels, "z"]
        ]


TEXTS = {
    # one text of several statements: is `a` listened to
    "LISTEN a; SELECT 1": True,
    "LISTEN a; SELECT 1/0": False,
    "BEGIN; LISTEN a; COMMIT; SELECT 1/0": True,
    "BEGIN; LISTEN a; ROLLBACK": False,
    "LISTEN a; UNLISTEN *": False,
    "LISTEN a; COMMIT; SELECT 1/0": True,
    "LISTEN a; ROLLBACK; SELECT 1": False,
    "LISTEN a; DISCARD ALL": False,
    "SELECT 1; SELECT ';'; LISTEN a": True,
}


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
@pytest.mark.parametrize("extended", [False, True], ids=["simple", "extended"])
def test_a_failed_block_ends_and_its_client_listens_at_once(
    crowded_target: Target, end: str, extended: bool
) -> None:
    with ScriptedClient.login(crowded_target) as client:
        client.query("BEGIN; SELECT 1/0")
        if extended:
            parts = [p.parse(text) + p.bind() + p.execute() for text in (end, "LISTEN a")]
            client.extended(*parts)
        else:
            client.query(f"{end}; LISTEN a")
        with connect(crowded_target) as other:
            other.execute("NOTIFY a")
        assert client.read_message().kind == "A"


@pytest.mark.parametrize("text", TEXTS)
def test_texts_of_several_statements(crowded_target: Target, text: str) -> None:
    with ScriptedClient.login(crowded_target) as client:
        client.query(text)
        client.query("LISTEN z")
        with connect(crowded_target) as other:
            other.execute("NOTIFY a")
            other.execute("NOTIFY z")
        channels = ["a", "z"] if TEXTS[text] else ["z"]
        got = [client.read_message() for _ in channels]
        assert [m.body[4:].split(b"\0")[0].decode() for m in got] == channels


def test_what_is_notified_before_the_commit_of_listen_is_not_heard(
    crowded_target: Target, cluster: PostgresCluster
) -> None:
    with connect(crowded_target) as client:
        client.execute("BEGIN")
        client.execute("LISTEN a")
        cluster.admin("NOTIFY a, 'too early'", database="app")
        client.execute("COMMIT")
        cluster.admin("NOTIFY a, 'in time'", database="app")
        assert heard(client, 1) == [("a", "in time")]


def test_nothing_comes_inside_a_transaction(target: Target, cluster: PostgresCluster) -> None:
    with connect(target) as client:
        told: list[str] = []
        client.add_notify_handler(lambda each: told.append(each.payload))
        client.execute("LISTEN a")
        client.execute("BEGIN")
        client.execute("SELECT 1")
        cluster.admin("NOTIFY a, 'x'", database="app")
        client.execute("SELECT 1")
        assert told == []
        client.execute("COMMIT")
        assert told == ["x"], "before the transaction's end is told"


def test_a_session_hears_itself_before_its_statement_ends(crowded_target: Target) -> None:
    with connect(crowded_target) as client:
        told: list[psycopg.Notify] = []
        client.add_notify_handler(told.append)
        client.execute("LISTEN a")
        client.execute("NOTIFY a, 'one'")
        assert [each.payload for each in told] == ["one"]
        with client.transaction():
            client.execute("SELECT pg_notify('a', 'two')")
        assert [each.payload for each in told] == ["one", "two"]


def test_what_was_notified_before_a_query_comes_with_its_answer(
    crowded_target: Target, cluster: PostgresCluster
) -> None:
    with connect(crowded_target) as client:
        told: list[str] = []
        client.add_notify_handler(lambda each: told.append(each.payload))
        client.execute("LISTEN a")
        for number in range(20):
            cluster.admin(f"NOTIFY a, '{number}'", database="app")
            client.execute("SELECT 1")
            assert told[-1:] == [str(number)]


def test_unlisten(crowded_target: Target) -> None:
    with connect(crowded_target) as client:
        client.execute("LISTEN a")
        client.execute("LISTEN b")
        client.execute("UNLISTEN a")
        with connect(crowded_target) as other:
            other.execute("NOTIFY a")
            other.execute("NOTIFY b, 'one'")
        assert heard(client, 1) == [("b", "one")]
        client.execute("UNLISTEN *")
        client.execute("LISTEN c")
        with connect(crowded_target) as other:
            other.execute("NOTIFY b")
            other.execute("NOTIFY c")
        assert heard(client, 1) == [("c", "")]


@pytest.mark.parametrize(
    ("listen", "notify"),
    [
        ("MixedCase", "mixedcase"),
        ('"MixedCase"', '"MixedCase"'),
        ('"with ""quotes"" and ;"', '"with ""quotes"" and ;"'),
        ("n" * 70, "n" * 63),
        (f'"{"n" * 62}é"', f'"{"n" * 62}"'),
        ("gr\u00fcn", "gr\u00fcn"),
    ],
)
def test_names(crowded_target: Target, listen: str, notify: str) -> None:
    with connect(crowded_target) as client:
        client.execute(f"LISTEN {listen}")
        with connect(crowded_target) as other:
            other.execute(f"NOTIFY {notify}, 'x'")
        assert [payload for _, payload in heard(client, 1)] == ["x"]


def test_each_client_gets_its_encoding(crowded_target: Target) -> None:
    latin = psycopg.connect(crowded_target.uri(client_encoding="LATIN1"), autocommit=True)
    with latin, connect(crowded_target) as plain, connect(crowded_target) as other:
        for client in (latin, plain):
            client.execute('LISTEN "grün"')
        other.execute("""NOTIFY "grün", 'é'""")
        assert heard(latin, 1) == heard(plain, 1) == [("grün", "é")]
