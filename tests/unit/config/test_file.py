import pytest

from pglane.config.file import FILE_BYTES_MAX, read_file, read_users
from pglane.config.settings import Settings, User

VERIFIER = "SCRAM-SHA-256$4096:c2FsdA==$" + "A" * 43 + "=:" + "B" * 43 + "="
GOOD = f"""
[listen]
addresses = ["::1"]
transaction_port = 0
[server]
uri_env = "SHOP"
budget = 7
[clients]
auth = "trust"
users_file = "users.toml"
[log]
level = "debug"
[users.alice]
verifier = "{VERIFIER}"
password_file = "alice.secret"
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="pglane.toml", mode=0o600):
        file = tmp_path / name
        file.write_text(text)
        file.chmod(mode)
        return file

    return write_file


def told(loaded):
    """Every refusal as (line, class, text)."""
    found = []
    for refusal in loaded.refusals:
        place = refusal.text.split(": ")[0]
        found.append((int(place.rpartition(":")[2]), type(refusal).__name__))
    return found


def test_a_whole_file(write):
    write('[users.bob]\npassword_env = "BOB"\n', "users.toml")
    write("the secret\nanother line\n", "alice.secret")
    environment = {"SHOP": "postgresql://app:pw@db/shop", "BOB": "bobs"}
    loaded = read_file(write(GOOD), environment)
    assert loaded.refusals == []
    assert loaded.notes == []
    assert Settings(**loaded.values) == Settings(
        listen_addresses=("::1",),
        transaction_port=0,
        server_host="db",
        server_user="app",
        server_password="pw",
        server_database="shop",
        budget=7,
        auth="trust",
        log_level="debug",
        users=(User("alice", VERIFIER, "the secret"), User("bob", "", "bobs")),
    )
    assert loaded.places["budget"].endswith("pglane.toml:7")


def test_every_mistake_with_its_line(write):
    text = """budgets = 3
[listen]
addresses = ["0.0.0.0", 5]
transaction_port = 70000
[servr]
[server]
host = "db"
budget = "20"
uri_env = "NOWHERE"
budget_max = 3
[clients]
auth = "Scrum"
wait_ms_max = 0
[users.bob]
[users.carol]
verifier = "md5abc"
pasword = "x"
"""
    assert told(read_file(write(text), {})) == [
        (1, "KeyUnknown"),
        (3, "TypeWrong"),
        (4, "OutOfRange"),
        (5, "KeyUnknown"),
        (8, "TypeWrong"),
        (9, "SecretMissing"),
        (10, "KeyUnknown"),
        (12, "OutOfRange"),
        (13, "OutOfRange"),
        (14, "SecretMissing"),
        (17, "KeyUnknown"),
        (15, "VerifierInvalid"),
    ]


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("[server]\nbugdet = 1", "did you mean budget?"),
        ("[clients]\nbudget = 1", "did you mean budget in the table [server]?"),
        ("budgets = 1", "did you mean budget in the table [server]?"),
        ("[clients]\nserver_idle_ms_max = 1", "did you mean idle_ms_max in the table [server]?"),
        ("[sever]", "did you mean server?"),
        ("[zebra]", "docs/reference/settings.md"),
    ],
)
def test_suggestions(write, text, suggestion):
    assert suggestion in read_file(write(text), {}).refusals[0].hint_text


def test_the_mark_that_editors_put_first_is_not_seen(write):
    loaded = read_file(write("\ufeff[gateway]\nmemory_bytes_max = 1000000000\n"), {})
    assert not told(loaded)
    assert loaded.values == {"memory_bytes_max": 1_000_000_000}


@pytest.mark.parametrize(
    ("text", "line"), [("[server\n", 1), ("a = 1\na = 2\n", 2), ('a = "x\nb = 1', 1)]
)
def test_no_toml(write, text, line):
    loaded = read_file(write(text), {})
    assert told(loaded) == [(line, "SyntaxInvalid")]
    assert loaded.readable


@pytest.mark.parametrize("text", ["a = " + "[" * 10_000, "a = " + "9" * 10_000])
def test_no_value_breaks_the_reader(write, text):
    assert told(read_file(write(text), {})) == [(1, "SyntaxInvalid")]


def test_a_table_that_is_none_and_users_that_are_none(write):
    loaded = read_file(write("server = 3\nusers = 4\n"), {})
    assert told(loaded) == [(1, "TypeWrong"), (2, "TypeWrong")]
    assert told(read_file(write("[users]\nalice = 4\n"), {})) == [(2, "TypeWrong")]


def test_files_that_cannot_be_read(write, tmp_path):
    large = tmp_path / "large.toml"
    with large.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    for file in (tmp_path / "nothing.toml", tmp_path, large, binary):
        loaded = read_file(file, {})
        assert not loaded.readable
        assert type(loaded.refusals[0]).__name__ == "FileUnreadable"


@pytest.mark.parametrize(
    "text",
    [
        '[server]\npassword = "hush"',
        '[server]\nuri = "postgresql://u:hush@h/d"',
        '[server]\nuri = "postgresql://h/d?user=u&password=hush"',
        '[server]\nuri = "host=h user=u password=hush"',
        '[users.a]\npassword = "hush"',
        f'[users.a]\nverifier = "{VERIFIER}"',
    ],
)
def test_a_secret_in_a_file_that_everybody_can_read(write, text):
    loaded = read_file(write(text, mode=0o604), {})
    assert told(loaded) == [(2, "SecretReadable")]
    assert "hush" not in str(loaded.refusals[0])
    assert read_file(write(text, mode=0o640), {}).refusals == []


def test_a_file_without_secrets_may_be_read_by_everybody(write):
    for said in (
        'password_env = "P"\nhost = "db"', 'uri = "postgresql://u@db/d"', 'uri = "host=db user=u"',
    ):  # fmt: skip
        loaded = read_file(write(f"[server]\n{said}", mode=0o644), {"P": "x"})
        assert loaded.refusals == [], said


def test_a_user_file_is_never_for_everybody(write):
    assert told(read_users(write('[users.a]\npassword_env = "P"', mode=0o644), {"P": "x"})) == [
        (1, "SecretReadable")
    ]


def test_a_secret_of_its_own_file_may_be_with_a_note(write):
    write("hush\n", "secret", mode=0o644)
    loaded = read_file(write('[server]\npassword_file = "secret"'), {})
    assert loaded.values["server_password"] == "hush"
    assert "everybody on this machine can read" in loaded.notes[0]


@pytest.mark.parametrize("content", ["", "\n", None])
def test_a_secret_file_without_a_secret(write, content):
    if content is not None:
        write(content, "secret")
    assert told(read_file(write('[server]\npassword_file = "secret"'), {})) == [
        (2, "SecretMissing")
    ]


def test_what_is_said_twice(write):
    text = """[server]
uri = "postgresql://u:p@h/d"
user = "v"
password_env = "A"
password_file = "b"
[users.a]
verifier_env = "A"
verifier_file = "b"
"""
    found = told(read_file(write(text), {"A": VERIFIER}))
    assert found == [
        (5, "SettingsConflict"),
        (8, "SettingsConflict"),
        (3, "SettingsConflict"),
        (4, "SettingsConflict"),
    ]


def test_a_user_in_both_files(write):
    write('[users.a]\npassword = "x"', "more.toml")
    text = '[clients]\nusers_file = "more.toml"\n[users.a]\npassword = "x"'
    loaded = read_file(write(text), {})
    assert told(loaded) == [(3, "SettingsConflict")]
    assert "user a" in loaded.refusals[0].detail_text


def test_a_secret_that_is_no_text(write):
    loaded = read_file(write("[server]\npassword = 5\n[users.a]\npassword = 5"), {})
    assert told(loaded) == [(2, "TypeWrong"), (4, "TypeWrong")]


def test_a_wrong_uri_is_told_with_the_line(write):
    loaded = read_file(write('[server]\n\nuri = "mysql://u:hush@h/d"'), {})
    assert told(loaded) == [(3, "UriMalformed")]
    assert "hush" not in str(loaded.refusals[0])


def test_a_user_file_holds_users_only(write):
    loaded = read_users(write("[server]\nbudget = 3"), {})
    assert told(loaded) == [(1, "KeyUnknown")]
    assert loaded.values["users"] == ()


@pytest.mark.parametrize(
    "verifier",
    [
        *("SCRAM-SHA-1$" + VERIFIER[14:], VERIFIER[:-1], VERIFIER.replace("4096", "0")),
        *(VERIFIER + " ", "sesame", VERIFIER.replace("c2FsdA==", "")),
    ],
)
def test_wrong_verifiers(write, verifier):
    loaded = read_file(write(f'[users.a]\nverifier = "{verifier}"'), {})
    assert told(loaded) == [(1, "VerifierInvalid")]
    assert "sesame" not in loaded.refusals[0].detail_text


def test_the_users_of_pgbouncers_list(write):
    write('"bob" "x"\n', "userlist.txt")
    write('[users.carol]\npassword = "y"', "more.toml")
    text = """[clients]
auth_file = "userlist.txt"
users_file = "more.toml"
[users.ann]
password = "z"
"""
    loaded = read_file(write(text), {})
    assert loaded.refusals == []
    assert [user.name for user in loaded.values["users"]] == ["ann", "carol", "bob"]
    assert "auth_file" not in loaded.values


def test_mistakes_in_pgbouncers_list(write):
    write('\n"bob"\n"ann" "y"', "userlist.txt", mode=0o644)
    text = '[clients]\nauth_file = "userlist.txt"\n[users.ann]\npassword = "x"'
    loaded = read_file(write(text), {})
    assert told(loaded) == [
        (2, "UserlistMalformed"),
        (1, "SecretReadable"),
        (3, "SettingsConflict"),
    ]


@pytest.mark.parametrize("content", [b"\xff", None])
def test_a_list_that_cannot_be_read(tmp_path, write, content):
    if content is not None:
        (tmp_path / "userlist.txt").write_bytes(content)
    loaded = read_file(write('[clients]\nauth_file = "userlist.txt"'), {})
    assert [type(each).__name__ for each in loaded.refusals] == ["FileUnreadable"]


def test_lanes_are_read_with_their_places(write):
    loaded = read_file(write("[lanes.otp]\nreserve = 1\nrang = 3\n"), {})
    assert [lane.name for lane in loaded.values["lanes"]] == ["otp"]
    assert loaded.places["lanes.otp.reserve"].endswith("pglane.toml:2")
    assert told(loaded) == [(3, "KeyUnknown")]


OWN_LIMITS = """
[transaction]
pinned_max = 3
query_ms_max = 5
[session]
query_ms_max = 6
[databases.shop]
budget = 4
idle_ms_max = 7
[users.alice]
password = "x"
connections_max = 8
[users.app]
wait_ms_max = 9
"""


def test_limits_of_doors_databases_and_users(write):
    loaded = read_file(write(OWN_LIMITS), {})
    assert loaded.refusals == []
    told = {
        (one.scope, one.name, one.key, one.value, one.where.rpartition(":")[2])
        for one in loaded.values["overrides"]
    }
    assert told == {
        ("door", "transaction", "query_ms_max", 5, "4"),
        ("door", "session", "query_ms_max", 6, "6"),
        ("database", "shop", "budget", 4, "8"),
        ("database", "shop", "client_idle_ms_max", 7, "9"),
        ("user", "alice", "clients_max", 8, "12"),
        ("user", "app", "wait_ms_max", 9, "14"),
    }
    assert [user.name for user in loaded.values["users"]] == ["alice"]
    assert loaded.values["pinned_max"] == 3


def test_limits_of_users_of_another_file(write):
    write('[users.bob]\npassword_env = "BOB"\nquery_ms_max = 2\n', "users.toml")
    text = '[clients]\nusers_file = "users.toml"\n[session]\nwait_ms_max = 3\n'
    loaded = read_file(write(text), {"BOB": "x"})
    assert loaded.refusals == []
    assert [one.name for one in loaded.values["overrides"]] == ["session", "bob"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("databases = 3", "databases wants a table"),
        ("[databases]\nshop = 3", "[databases.shop]"),
        ("[databases.shop]\nbugdet = 3", "did you mean budget?"),
        ("[direct]\nquery_ms_max = 3", "query_ms_max"),
        ("[users.anna]\nquery_ms = 3", "did you mean query_ms_max?"),
        ("[clients]\nquery_timeout = 3", "query_ms_max in the table [clients], in milliseconds"),
    ],
)
def test_limits_that_are_none(write, text, seen):
    assert seen in "".join(str(refusal) for refusal in read_file(write(text), {}).refusals)


@pytest.mark.parametrize("name", ["\\u0000", "~nobody-of-this-name/x"])
def test_a_file_that_cannot_have_such_a_name_is_told(write, name):
    text = f'[clients]\nusers_file = "{name}"\n[users.alice]\npassword_file = "{name}"\n'
    loaded = read_file(write(text), {})
    told = [type(refusal).__name__ for refusal in loaded.refusals]
    assert told == ["SecretMissing", "FileUnreadable"]
