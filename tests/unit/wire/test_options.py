import pytest
from hypothesis import given, strategies as st

from pglane.errors import Refusal
from pglane.wire.options import encode_options, split_options


@pytest.mark.parametrize(
    ("value", "settings"),
    [
        (b"", []),
        (b"  \t\n\v\f\r ", []),
        (b"-c a=1", [("a", b"1")]),
        (b"-c a=1 --", [("a", b"1")]),
        (b"-ca=1", [("a", b"1")]),
        (b"--a=1", [("a", b"1")]),
        (b" -c  a=1\t--b=2 -c a=3 ", [("a", b"1"), ("b", b"2"), ("a", b"3")]),
        (b"-c a=", [("a", b"")]),
        (b"-c a=b=c", [("a", b"b=c")]),
        (b"--work-mem=1", [("work_mem", b"1")]),
        (b"-c work-mem=1", [("work_mem", b"1")]),
        (b"-c a-b=c-d", [("a_b", b"c-d")]),
        (b"-c search_path=a,\\ b", [("search_path", b"a, b")]),
        (b"-c a=\\\\", [("a", b"\\")]),
        (b"-c a=x\\", [("a", b"x")]),
        (b"-c a=\\'", [("a", b"'")]),
        (b"-c app.tenant=\xc3\xa4", [("app.tenant", b"\xc3\xa4")]),
    ],
)
def test_settings_are_found(value: bytes, settings: list[tuple[str, bytes]]) -> None:
    assert split_options(value) == settings


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (b"-d 3", "-d"),
        (b"-e", "-e"),
        (b"a=1", "a=1"),
        (b"-- -c a=1", "-c"),
        (b"-", "-"),
        (b"\\", ""),
        (b"-c a=1 b=2", "b=2"),
        (b"x" * 70, "x" * 64 + "…"),
    ],
)
def test_other_switches_are_refused(value: bytes, word: str) -> None:
    refusal = split_options(value)
    assert isinstance(refusal, Refusal)
    assert refusal.sqlstate == "42601"
    assert refusal.text == (
        f'invalid command-line argument in the startup parameter "options": {word}'
    )


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (b"-c", "-c"),
        (b"-c a", "a"),
        (b"--a", "a"),
        (b"-c =1", "=1"),
        (b"--=1", "=1"),
        (b"-ca", "a"),
    ],
)
def test_a_setting_has_name_and_value(value: bytes, word: str) -> None:
    refusal = split_options(value)
    assert isinstance(refusal, Refusal)
    assert refusal.text.endswith(f"has no name or no value: {word}")


names = st.text(st.characters(codec="utf-8", exclude_characters="=-\0"), min_size=1)
values = st.binary().filter(lambda value: b"\0" not in value)


@given(settings=st.lists(st.tuples(names, values)))
def test_encoded_settings_are_split_again(settings: list[tuple[str, bytes]]) -> None:
    assert split_options(encode_options(settings)) == settings


@pytest.mark.parametrize("name", ["", "a=b", "a-b"])
def test_names_that_cannot_be_written_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a setting"):
        encode_options([(name, b"")])
