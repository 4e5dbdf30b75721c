import pytest

from pglane.config.file_settings import file_descriptions
from pglane.config.lanes import lane_descriptions
from pglane.config.values import example_of, judge, kind_of
from pglane.errors.configuration import OutOfRange, TypeWrong

KNOWN = {setting.name: setting for setting in (*lane_descriptions(), *file_descriptions())}


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("budget", 1, 1),
        ("budget", 10_000, 10_000),
        ("listen_addresses", [], ()),
        ("listen_addresses", ["::1"], ("::1",)),
        ("auth", "trust", "trust"),
        ("auth", "md5", "md5"),
        ("auth", "scram-sha-256", "scram"),
        ("server_host", "db", "db"),
        ("weight", 2, 2.0),
        ("weight", 0.5, 0.5),
    ],
)
def test_what_fits(name, value, kept):
    assert judge(KNOWN[name], value, "here") == (kept, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("budget", "20"), ("budget", True), ("budget", 2.0), ("budget", [1])),
        *(("listen_addresses", "::1"), ("listen_addresses", [1]), ("server_host", 1)),
        *(("weight", "1"), ("weight", True)),
    ],
)
def test_the_wrong_type_is_told_with_an_example(name, value):
    refusal = judge(KNOWN[name], value, "here")[1]
    assert isinstance(refusal, TypeWrong)
    assert kind_of(KNOWN[name]) in refusal.text
    assert example_of(KNOWN[name]) in refusal.hint_text


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("budget", 0, "the nearest is 1"),
        ("budget", 10_001, "the nearest is 10000"),
        ("weight", 0, "the nearest is 0.01"),
        ("auth", "Trusted", 'did you mean "trust"?'),
        ("auth", "kerberos", "the default is 'scram'"),
        ("server_user", "é" * 32, "shorten it"),
        ("admin_users", ["x"] * 1001, "shorten it"),
    ],
)
def test_out_of_range_is_told_with_a_way_out(name, value, hint):
    refusal = judge(KNOWN[name], value, "here")[1]
    assert isinstance(refusal, OutOfRange)
    assert hint in refusal.hint_text


def test_a_secret_is_not_shown():
    refusal = judge(KNOWN["server_password"], ["hush"], "here")[1]
    assert "hush" not in str(refusal)
    assert "(list)" in str(refusal)


def test_a_long_value_is_cut():
    assert len(judge(KNOWN["budget"], "x" * 5000, "here")[1].detail_text) < 120
