import pytest

from pglane.config.settings import User
from pglane.config.userlist import read_userlist
from pglane.errors.configuration import UserlistMalformed, VerifierInvalid

VERIFIER = "SCRAM-SHA-256$4096:c2FsdA==$" + "A" * 43 + "=:" + "B" * 43 + "="
HASH = "md5" + "0" * 32


def users(text):
    found, refusals = read_userlist(text, "list")
    assert refusals == []
    return found


def refused(text):
    _, refusals = read_userlist(text, "list")
    (refusal,) = refusals
    return refusal


def test_passwords_and_verifiers():
    text = f'"ann" "secret"\n"bob"  \t"{VERIFIER}"\n'
    assert users(text) == (User("ann", password="secret"), User("bob", verifier=VERIFIER))


def test_an_md5_hash_is_none_but_a_hash():
    assert users(f'"ann" "{HASH}"') == (User("ann", verifier=HASH),)


def test_where_each_user_stands():
    places = {}
    read_userlist('"a" "x"\n\n"b" "y"\n"a" "z"\n"c"', "list", places)
    assert places == {"users.a": "list:4", "users.b": "list:3"}


def test_two_quotes_are_one():
    assert users('"a""b" """""x"\n"c" "y"""') == (
        User('a"b', password='""x'),
        User("c", password='y"'),
    )


def test_what_is_passed_over():
    text = '\n; "x" "y"\n  ;\r\n \t\n  "a""" "b" "more" ; and more\r\n"c""d" "e" f'
    assert [user.name for user in users(text)] == ['a"', 'c"d']


def test_backslashes_and_semicolons_are_ordinary():
    assert users(r'"a;\" ";\n"') == (User("a;\\", password=r";\n"),)


def test_the_later_of_two_counts():
    assert users('"a" "one"\n"b" "x"\n"a" "two"') == (
        User("a", password="two"),
        User("b", password="x"),
    )


def test_an_empty_secret_is_none():
    assert users('"a" ""') == (User("a"),)


def test_what_only_looks_like_a_hash_is_a_password():
    assert users(f'"a" "{HASH}0"\n"b" "MD5{HASH[3:]}"\n"c" "scram"') == (
        User("a", password=HASH + "0"),
        User("b", password="MD5" + HASH[3:]),
        User("c", password="scram"),
    )


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("hush", "does not begin"),
        ("hush 'hush'", "does not begin"),
        ('"ann', "behind the name is missing"),
        ('"ann""', "behind the name is missing"),
        ('""', "a name of 0 bytes"),
        ('"" "hush"', "a name of 0 bytes"),
        ('"' + "ü" * 64 + '" "hush"', "a name of 128 bytes"),
        ('"ann"', "no secret in quotes behind the name ann"),
        ('"ann" hush', "no secret in quotes behind the name ann"),
        ('"ann" "hush', "behind the secret of ann is missing"),
        ('"ann" "hush""', "behind the secret of ann is missing"),
        ('"ann" "' + "h" * 2048 + '"', "a secret of 2048 bytes"),
    ],
)
def test_lines_that_are_none(line, seen):
    refusal = refused(f'"a" "b"\n\n{line}\n"c" "d"')
    assert isinstance(refusal, UserlistMalformed)
    assert str(refusal).startswith("list:3: ")
    assert seen in refusal.detail_text
    assert "hush" not in str(refusal)


def test_the_longest_name_and_secret():
    (user,) = users('"' + "n" * 127 + '" "' + "s" * 2047 + '"')
    assert (len(user.name), len(user.password)) == (127, 2047)


@pytest.mark.parametrize(
    ("secret", "seen"),
    [(VERIFIER[:-1], "not shown"), ("SCRAM-SHA-256$hush", "not shown")],
)
def test_secrets_that_no_client_could_log_in_with(secret, seen):
    refusal = refused(f'; list\n"ann" "{secret}"')
    assert isinstance(refusal, VerifierInvalid)
    assert str(refusal).startswith("list:2: ")
    assert "user ann" in str(refusal)
    assert seen in refusal.detail_text
    assert secret not in str(refusal)


def test_every_mistake_is_told():
    found, refusals = read_userlist('"a"\n"b" "x"\nc', "list")
    assert [user.name for user in found] == ["b"]
    assert [str(each).split(": ")[0] for each in refusals] == ["list:1", "list:3"]
