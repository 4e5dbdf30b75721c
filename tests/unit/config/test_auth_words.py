import pytest

from pglane.config import auth_words
from pglane.config.file_settings import file_descriptions
from pglane.config.values import judge
from pglane.errors.configuration import AuthUnsupported

(AUTH,) = [each for each in file_descriptions() if each.name == "auth"]


def test_ours_are_what_the_setting_takes():
    assert AUTH.choices == auth_words.OURS
    assert set(auth_words.SAME.values()) <= set(auth_words.OURS)


@pytest.mark.parametrize(
    ("word", "ours"), [("scram-sha-256", "scram"), ("password", "plain"), ("md5", "md5")]
)
def test_words_for_the_same(word, ours):
    assert auth_words.meant(word) == ours
    assert judge(AUTH, word, "here") == (ours, None)


@pytest.mark.parametrize(
    ("word", "reason"),
    [("any", "logs in as the user itself"), ("hba", "pg_hba.conf"), ("pam", "")],
)
def test_ways_of_others_are_refused_with_the_reason(word, reason):
    kept, refusal = judge(AUTH, word, "pglane.toml:3")
    assert kept is None
    assert isinstance(refusal, AuthUnsupported)
    assert str(refusal).startswith("pglane.toml:3: ")
    assert reason in refusal.detail_text
    assert "auth =" in refusal.hint_text or "allow_from" in refusal.hint_text


def test_other_words_are_not_theirs():
    assert auth_words.objection("scarm", "here") is None
