import pytest

from pglane.config.origins import Origins, objection
from pglane.config.settings import descriptions
from pglane.config.values import judge
from pglane.errors.configuration import OutOfRange

KNOWN = {each.name: each for each in descriptions()}


@pytest.mark.parametrize(
    ("words", "inside", "outside"),
    [
        (("10.1.0.0/16",), ["10.1.255.3", "::ffff:10.1.2.3"], ["10.2.0.1", "::1", "unix"]),
        (("192.0.2.7",), ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.2.8", "::192.0.2.7"]),
        (("2001:db8::/32",), ["2001:db8:1::5"], ["2001:db9::1", "10.1.0.1"]),
        (("::ffff:10.0.0.0/104",), ["10.9.9.9", "::ffff:10.0.0.1"], ["11.0.0.1"]),
        (("::ffff:10.0.0.1",), ["10.0.0.1"], ["10.0.0.2"]),
        (("::/0",), ["2001:db8::1", "::1"], ["10.0.0.1", "::ffff:10.0.0.1", "unix"]),
        (("0.0.0.0/0",), ["10.0.0.1", "127.0.0.1", "::ffff:10.0.0.1"], ["::1", "unix"]),
        (("loopback",), ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"], ["10.0.0.1"]),
        (("unix",), ["unix"], ["127.0.0.1", "::1"]),
        (("any",), ["unix", "10.0.0.1", "::1"], []),
        (("unix", "10.0.0.0/8"), ["unix", "10.0.0.1"], ["127.0.0.1"]),
        ((), [], ["unix", "127.0.0.1", "::1"]),
    ],
)
def test_who_is_in_it(words, inside, outside):
    origins = Origins(words)
    assert [host for host in inside if not origins.have(host)] == []
    assert [host for host in outside if origins.have(host)] == []


@pytest.mark.parametrize("name", ["allow_from", "superusers_from"])
@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("10.0.0.1/8", "no bits behind its prefix"),
        ("db.example", "names are not looked up"),
        ("10.0.0.0/33", "names are not looked up"),
        ("", "names are not looked up"),
        ("Any", "names are not looked up"),
    ],
)
def test_words_that_are_none(name, word, hint):
    _, refusal = judge(KNOWN[name], ["unix", word], "pglane.toml:4")
    assert isinstance(refusal, OutOfRange)
    assert str(refusal).startswith("pglane.toml:4: ")
    assert hint in refusal.hint_text


def test_none_at_all():
    assert judge(KNOWN["superusers_from"], [], "here") == ((), None)
    refusal = judge(KNOWN["allow_from"], [], "here")[1]
    assert isinstance(refusal, OutOfRange)
    assert 'say "any"' in refusal.hint_text


def test_other_settings_have_other_words():
    assert objection(KNOWN["admin_users"], ["anything"], "here") is None
