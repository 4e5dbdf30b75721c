import contextlib
import getpass

import pytest
from hypothesis import example, given, strategies as st

from pglane.config.uri import Server, holds_password, read_environment, read_uri
from pglane.errors import RefusedError
from pglane.errors.configuration import UriMalformed


def read(text, **environment):
    return read_uri(text, "the URI", environment)


def refusals(text, **environment):
    with pytest.raises(RefusedError) as caught:
        read(text, **environment)
    return caught.value.refusals


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://u:p@h:6000/d", ("h", 6000, "u", "p", "d")),
        ("postgres://u:p@h/d", ("h", 5432, "u", "p", "d")),
        ("POSTGRES://u:p@h/d", ("h", 5432, "u", "p", "d")),
        ("postgresql+asyncpg://u:p@h/d", ("h", 5432, "u", "p", "d")),
        ("jdbc:postgresql://h/d?user=u&password=p%26q", ("h", 5432, "u", "p&q", "d")),
        ("postgis://u:p@h/d", ("h", 5432, "u", "p", "d")),
        ("postgresql://u@h", ("h", 5432, "u", "", "u")),
        ("postgresql://u%40x:p%2F%3A%C3%A9@h/d%20e", ("h", 5432, "u@x", "p/:é", "d e")),
        ("postgresql://u:a:b@h/d", ("h", 5432, "u", "a:b", "d")),
        ("postgresql://u:p@[::1]:6000/d", ("::1", 6000, "u", "p", "d")),
        ("postgresql://u:p@[::1]/d", ("::1", 5432, "u", "p", "d")),
        ("postgresql://u:p@%2Frun%2Fpg:6000/d", ("/run/pg", 6000, "u", "p", "d")),
        ("postgresql://u:p@/d?host=/run/pg&port=6000", ("/run/pg", 6000, "u", "p", "d")),
        ("postgresql://u:p@h/d?dbname=e", ("h", 5432, "u", "p", "e")),
        ("postgresql://u:p@h/d?database=e", ("h", 5432, "u", "p", "e")),
        ("postgresql://u:p@h/d?hostaddr=10.0.0.1", ("10.0.0.1", 5432, "u", "p", "d")),
        (" postgresql://u:p@h/d\n", ("h", 5432, "u", "p", "d")),
        ("host=h user=u password=p dbname=d", ("h", 5432, "u", "p", "d")),
        (r"host = h user='u v' password='it\'s \\' dbname=d", ("h", 5432, "u v", "it's \\", "d")),
        ("host=/run/pg port=6000 user=u dbname=d", ("/run/pg", 6000, "u", "", "d")),
    ],
)
def test_what_is_understood(text, expected):
    assert read(text) == Server(*expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://u:p@h/d", True),
        ("postgresql://h/d?password=p", True),
        ("host=h password=p", True),
        ("postgresql://u@h/d", False),
        ("host=h user=u", False),
        ("postgresql://u:p@q@h/d", True),
        ("p", True),
    ],
)
def test_what_is_not_understood_may_hold_a_password(text, expected):
    assert holds_password(text) is expected


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("mysql://u@h/d", "mysql:// is not PostgreSQL"),
        ("db.example", "begins with no postgresql://"),
        ("", "begins with no postgresql://"),
        ("postgresql://u:p@q@h/d", "two @"),
        ("postgresql://u:pass/word@h/d", "written %2F and %3F"),
        ("postgresql://u:pass?word@h/d", "written %2F and %3F"),
        ("postgresql://u@h/d%zz", "two hexadecimal digits"),
        ("postgresql://u@h/d%ff", "not UTF-8"),
        ("postgresql://u@h/d%00", "%00"),
        ("postgresql://u@[::1/d", "a [ without its ]"),
        ("postgresql://u@[::1]x/d", "a [ without its ]"),
        ("postgresql://u@::1/d", "written [::1]"),
        ("postgresql://u@h:port/d", "'port' is no port"),
        ("postgresql://u@h:0/d", "'0' is no port"),
        ("postgresql://u@h:65536/d", "'65536' is no port"),
        ("postgresql://u@h:²/d", "is no port"),
        ("postgresql://u@h/d?sslmode", "'sslmode' has no value"),
        ("host=h password='unclosed", "from character 7 on"),
        ("postgresql://u:\udc80@h/d", "not UTF-8"),
    ],
)
def test_what_is_malformed(text, seen):
    refusal = refusals(text)[0]
    assert isinstance(refusal, UriMalformed)
    assert seen in refusal.detail_text
    assert refusal.text.startswith("the URI: ")
    assert "/word" not in refusal.detail_text
    assert "pass'" not in refusal.detail_text
    assert "word@" not in refusal.detail_text


@pytest.mark.parametrize("place", ["h", "h:6000", "[::1]", "[::1]:6000"])
def test_a_database_with_an_at_is_no_cut_password(place):
    assert read(f"postgresql://{place}/d@x").database == "d@x"


def test_tls_of_the_text_wins_over_that_of_a_variable():
    assert read("postgresql://u@h/d", PGSSLMODE="require").tls == {"tls_sslmode": "require"}
    server = read("postgresql://u@h/d?sslmode=verify-full", PGSSLMODE="disable")
    assert server.values()["server_tls_sslmode"] == "verify-full"
    refusal = refusals("postgresql://u@h/d", PGSSLMODE="sure")[0]
    assert refusal.text.startswith("PGSSLMODE: ")


@pytest.mark.parametrize("mode", ["prefer", "require", "disable"])
def test_what_a_login_is_bound_to(mode):
    server = read(f"postgresql://u@h/d?channel_binding={mode}")
    assert server.values()["server_tls_channel_binding"] == mode
    assert read("postgresql://u@h/d", PGCHANNELBINDING=mode).tls == server.tls


@pytest.mark.parametrize(
    "option",
    [
        *(
            "ssl_mode=require",
            "sslmod=require",
            "channel_binding=sure",
            "channel_bindings=require",
            "gssencmode=require",
        ),
        *("require_auth=scram-sha-256", "target_session_attrs=writer", "replication=database"),
        *("service=prod", "load_balance_hosts=random"),
    ],
)
def test_what_must_not_be_ignored_is_refused(option):
    assert refusals(f"postgresql://u@h/d?{option}")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("postgresql://u@h,i/d", "h:5432,i:5432", 5432),
        ("postgresql://u@h:1,i:2/d", "h:1,i:2", 1),
        ("postgresql://u@h:1,i/d", "h:1,i:5432", 1),
        ("postgresql://u@[::1]:7,/d?host=::1,h&port=7", "[::1]:7,h:7", 7),
        ("postgresql://u@[::1]:7,[::2]/d", "[::1]:7,[::2]:5432", 7),
        ("host=h,i port=1,2 user=u dbname=d", "h:1,i:2", 1),
        ("host=h,/run/pg port=6 user=u dbname=d", "h:6,/run/pg:6", 6),
    ],
)
def test_several_hosts_have_a_port_each(text, host, port):
    server = read(text)
    assert (server.host, server.port) == (host, port)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("host=h,i port=1,2,3 user=u", "3 ports for 2 hosts"),
        ("host=h,,i user=u", "a host without a name"),
        ("host=h,h user=u", "a host twice"),
        ("host=h,i port=1,x user=u", "'x' is no port"),
        ("host=h target_session_attrs=Primary user=u", "Primary is none of any, read-write"),
    ],
)
def test_lists_that_are_none(text, seen):
    assert seen in refusals(text)[0].detail_text


def test_which_of_them_is_meant():
    server = read("postgresql://u@h,i/d?target_session_attrs=primary")
    assert server.values()["server_target_session_attrs"] == "primary"
    assert read("postgresql://u@h/d", PGTARGETSESSIONATTRS="standby").target == "standby"
    assert "server_target_session_attrs" not in read("postgresql://u@h/d").values()


def test_options_of_others_are_ignored_with_a_note():
    options = "pgbouncer=true&connection_limit=5&pool_timeout=0&schema=public&sslaccept=strict"
    server = read(f"postgresql://u:p@h/d?{options}")
    assert [note.split()[-3] for note in server.notes] == [
        *("pgbouncer", "connection_limit", "pool_timeout", "schema", "sslaccept")
    ]


def test_a_folder_and_an_address_contradict_each_other():
    assert "hostaddr" in refusals("host=/run/pg hostaddr=::1 user=u")[0].text


def test_everything_wrong_is_told_at_once():
    assert len(refusals("postgresql://u@h,,i/d?sslmode=sure&service=x")) == 3


def test_variables_fill_the_gaps_only():
    server = read("postgresql://u@h", PGUSER="v", PGPASSWORD="p", PGDATABASE="d", PGPORT="6000")
    assert server == Server("h", 6000, "u", "p", "d")


def test_environment_alone():
    assert read_environment({"PGPASSWORD": "p"}) is None
    server = read_environment({"PGHOST": "h", "PGPASSWORD": "p", "PGUSER": "u"})
    assert server == Server("h", 5432, "u", "p", "u")


def test_without_a_user_it_is_the_account_s():
    server = read("postgresql://h/d")
    assert server.user == getpass.getuser()


def test_without_a_host_a_local_socket_or_localhost(tmp_path, monkeypatch):
    monkeypatch.setattr("pglane.config.uri.SOCKET_FOLDERS", (str(tmp_path),))
    assert read("postgresql://u:p@/d").host == "localhost"
    (tmp_path / ".s.PGSQL.5432").touch()
    assert read("postgresql://u:p@/d").host == str(tmp_path)


PASSFILE = r"""
# host:port:database:user:password
other:*:*:*:wrong
h:5432:d:u\:v:with\:colon
*:6000:*:u:star
localhost:*:*:u:local
broken line
"""


@pytest.fixture
def passfile(tmp_path):
    file = tmp_path / ".pgpass"
    file.write_text(PASSFILE)
    file.chmod(0o600)
    return file


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("postgresql://u%3Av@h/d", "with:colon"),
        ("postgresql://u@x:6000/d", "star"),
        ("postgresql://u@h/d", ""),
        ("postgresql://u@localhost/d", "local"),
        ("postgresql://u:own@localhost/d", "own"),
        ("host=/tmp user=u dbname=d", "local"),
    ],
)
def test_password_file(text, password, passfile):
    assert read(text, HOME=str(passfile.parent)).password == password
    assert read(text, PGPASSFILE=str(passfile)).password == password


def test_a_password_file_that_others_can_read_is_ignored(passfile):
    passfile.chmod(0o640)
    server = read("postgresql://u@localhost/d", PGPASSFILE=str(passfile))
    assert server.password == ""
    assert "chmod 600" in server.notes[0]


def test_a_password_file_that_is_no_text_or_no_file(tmp_path, passfile):
    passfile.write_bytes(b"\xff")
    assert read("postgresql://u@localhost/d", PGPASSFILE=str(passfile)).password == ""
    assert read("postgresql://u@localhost/d", PGPASSFILE=str(tmp_path)).password == ""


def test_no_password_in_any_message_or_repr():
    assert "hush" not in repr(read("postgresql://u:hush@h/d"))
    wrong = (
        *("postgresql://u:hush@x@h/d", "postgresql://u:hush%@h/d", "mysql://u:hush@h/d"),
        *("postgresql://u:hush@h:x/d?sslmode=require&ssl_x=1", "password=hush '"),
    )
    for text in wrong:
        assert all("hush" not in str(refusal) for refusal in refusals(text)), text


@given(st.text(max_size=60))
@example("postgresql://[")
@example("postgresql://%")
@example("='")
def test_any_text_gives_a_server_or_a_refusal(text):
    for prefix in ("", "postgresql://", "host=x "):
        with contextlib.suppress(RefusedError):
            assert 1 <= read(prefix + text).port <= 65535


@pytest.mark.parametrize("text", ["postgresql://anna:pw@db/app", ""])
def test_settings_of_the_environment_are_not_dropped_in_silence(text):
    environment = {"PGHOST": "db", "PGUSER": "anna", "PGOPTIONS": "-c work_mem=1GB"}
    server = read_uri(text, "URI", environment) if text else read_environment(environment)
    assert server.notes == (
        "PGOPTIONS is ignored here: each client's own options hold for it, so set it there",
    )
    assert read_uri("postgresql://anna@db/app", "URI", {"PGOPTIONS": ""}).notes == ()
