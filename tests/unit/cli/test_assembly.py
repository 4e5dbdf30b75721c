import pytest

from pglane.cli.assembly import SHOWN_TO_ALL, gather, settle
from pglane.cli.command import parser
from pglane.cli.password_verifiers import PasswordVerifiers
from pglane.config.settings import User
from pglane.errors import RefusedError
from pglane.wire.md5 import md5_stored
from pglane.wire.scram import Verifier

VERIFIER = "SCRAM-SHA-256$4096:c2FsdA==$" + "A" * 43 + "=:" + "B" * 43 + "="
HASH = "md5" + "0a" * 16


def put_together(*words, **environment):
    assembly = gather(parser().parse_args(["up", *words]), environment)
    return assembly.origin, settle(assembly, assembly.server)


def codes(*words, **environment):
    with pytest.raises(RefusedError) as caught:
        put_together(*words, **environment)
    return [type(refusal).__name__ for refusal in caught.value.refusals]


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="pglane.toml"):
        file = tmp_path / name
        file.write_text(text)
        file.chmod(0o600)
        return str(file)

    return write_file


URI = "postgresql://app:pw@db:6000/shop"
IN_FILE = "[server]\nuri = 'postgresql://file:pw@file/file'\nbudget = 7\n"
VARIABLES = {"PGHOST": "variable", "PGUSER": "v", "PGPASSWORD": "pw"}


def test_where_the_database_is_comes_from_one_place(write):
    file = write(IN_FILE)
    url = {"DATABASE_URL": "postgresql://url:pw@url/url"}
    found = [
        put_together(URI, "--config", file, **url, **VARIABLES),
        put_together("--config", file, **url, **VARIABLES),
        put_together(**url, **VARIABLES),
        put_together(**VARIABLES),
    ]
    assert [settings.server_host for _origin, settings in found] == [
        *("db", "file", "url", "variable")
    ]
    assert [origin for origin, _settings in found] == [
        *("the URI", f"{file}:2", "DATABASE_URL", "PG* variables")
    ]


def test_what_is_for_the_embedded_server_is_not_dropped_in_silence_beside_another():
    words = ("--data-dir", "/data", "--postgres-bin", "/bin", "--postgres-user", "pg")
    beside = parser().parse_args(["up", "postgresql://app@db/shop", *words])
    (note,) = gather(beside, {}).loaded.notes
    assert note.startswith("--data-dir, --postgres-bin, --postgres-user: ignored: ")
    assert note.endswith("the database comes from the URI")
    assert gather(parser().parse_args(["up", *words]), {}).loaded.notes == []


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://u:s@h/d",
        "postgresql://u:s[@h/d",
        "postgresql://u:s@[h]/d",
        "postgresql://u@h/d?password=s",
    ],
)
def test_a_secret_on_the_command_line_is_told(uri):
    assert gather(parser().parse_args(["up", uri]), {}).loaded.notes == [SHOWN_TO_ALL]
    assert not gather(parser().parse_args(["up"]), {"DATABASE_URL": uri}).loaded.notes
    plain = parser().parse_args(["up", "postgresql://u@h/d"])
    assert not gather(plain, {"PGPASSWORD": "s"}).loaded.notes


def test_without_any_of_them_it_is_the_embedded_one(write):
    assembly = gather(parser().parse_args(["up"]), {"PGPASSWORD": "x"})
    assert (assembly.origin, assembly.server) == ("", None)
    words = ["up", "--embedded", "--config", write(IN_FILE)]
    assembly = gather(parser().parse_args(words), {"DATABASE_URL": URI})
    assert (assembly.origin, assembly.server) == ("", None)


def test_embedded_and_a_uri_contradict():
    assert codes("--embedded", URI) == ["UriMalformed"]


def test_the_command_line_wins_over_the_file(write):
    file = write("[listen]\nsession_port = 1\naddresses = ['::1']\n[server]\nbudget = 7\n")
    words = (
        "--listen",
        "127.0.0.1",
        "--budget",
        "9",
        "--rotate",
        "2",
        "--auth",
        "trust",
        "--direct-port",
        "0",
    )
    settings = put_together(URI, "--config", file, *words, "--unix-socket-dir", "/run/x")[1]
    assert settings.listen_addresses == ("127.0.0.1",)
    assert (settings.budget, settings.session_port, settings.direct_port) == (9, 1, 0)
    assert settings.rotate == 2
    assert (settings.auth, settings.unix_socket_directory) == ("trust", "/run/x")


def test_several_addresses_and_none(write):
    words = ("--listen", "127.0.0.1", "--listen", "::1")
    assert put_together(*words, URI)[1].listen_addresses == ("127.0.0.1", "::1")
    assert codes("--listen", "none", URI) == ["OutOfRange"], "there is no Unix socket either"
    words = ("--config", write('[listen]\nunix_socket_directory = "/tmp"\n'))
    assert put_together("--listen", "none", URI, *words)[1].listen_addresses == ()


def test_all_mistakes_of_all_places_at_once(write):
    file = write("[server]\nbudgt = 7\n")
    words = (URI + "?sslmode=sure", "--config", file, "--budget", "0")
    assert codes(*words) == ["KeyUnknown", "OutOfRange", "UriUnsupported"]


def test_without_configuration_exactly_the_uris_own_user():
    settings = put_together(URI)[1]
    (user,) = settings.users
    assert (user.name, user.password) == ("app", "pw")
    kept = Verifier.parse(user.verifier.encode())
    assert kept == Verifier.of_password(b"pw", kept.salt, kept.iterations)
    assert settings.admin_users == ("app",)


def test_salts_are_the_same_when_the_configuration_is_read_again():
    verifiers = PasswordVerifiers()
    assembly = gather(parser().parse_args(["up", URI]), {})
    first, again = (settle(assembly, assembly.server, verifiers) for _ in range(2))
    assert first == again
    assert first.salt_secret
    assert first.salt_secret not in repr(first)


def test_without_a_password_trust_must_be_asked_for_by_name():
    assert codes("postgresql://app@db/shop") == ["PasswordNeeded"]
    settings = put_together("postgresql://app@db/shop", "--auth", "trust")[1]
    assert settings.users == (User("app"),)


def test_trust_beyond_loopback_is_refused():
    words = ("--auth", "trust", "--listen", "0.0.0.0")
    assert codes(URI, *words) == ["TrustNotLocal", "NetworkInTheClear"]


def test_users_of_both_files_beside_the_uris_own(write):
    config = write(
        "[users.a]\npassword = 'x'\n[users.b]\npassword = 'x'\n[clients]\nadmin_users = ['a']\n"
    )
    users = write(f"[users.b]\nverifier = '{VERIFIER}'\n", "users.toml")
    settings = put_together(URI, "--config", config, "--users", users)[1]
    assert [user.name for user in settings.users] == ["app", "a", "b"]
    assert settings.users[2] == User("b", VERIFIER)
    assert settings.users[1].verifier
    assert settings.admin_users == ("a",)


def test_a_users_table_of_the_uris_own_name_is_kept(write):
    users = write(f"[users.app]\nverifier = '{VERIFIER}'\n", "users.toml")
    assert put_together(URI, "--users", users)[1].users == (User("app", VERIFIER),)


def test_a_missing_users_file(tmp_path):
    assert codes(URI, "--users", str(tmp_path / "nothing")) == ["FileUnreadable"]


def test_whose_password_is_all_that_is_known_is_asked_for_md5(write):
    users = write(
        f"[users.new]\nverifier = '{VERIFIER}'\npassword = 'x'\n"
        f"[users.bare]\nverifier = '{HASH}'\n",
        "users.toml",
    )
    known = put_together(URI, "--users", users, "--auth", "md5")[1].users
    assert known == (
        User("app", md5_stored(b"app", b"pw").decode(), "pw"),
        User("new", VERIFIER, "x"),
        User("bare", HASH),
    )


def test_a_hash_that_is_not_asked_for_is_told_with_its_line(write):
    users = write(f"[users.new]\npassword = 'x'\n[users.old]\nverifier = '{HASH}'\n", "users.toml")
    with pytest.raises(RefusedError, match=r"users.toml:3: user old has an md5 hash"):
        put_together(URI, "--users", users)


def test_the_way_to_log_in_may_have_another_programs_name():
    assert put_together(URI, "--auth", "scram-sha-256")[1].auth == "scram"
    assert codes(URI, "--auth", "any") == ["AuthUnsupported"]
