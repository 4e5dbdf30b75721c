import tomllib

import pytest

from pglane.config.places import error_place, line_of, lines_of

TEXT = '''# a comment
[listen]  # where
addresses = [
  "127.0.0.1",
]
"session_port" = 5

[users."alice b"]
verifier = """
password = "not a key"
"""
password = "x"
[ users . bob ]
log.level = "info"
[[lanes.a.match]]
user = "x"
'''


def test_headers_and_keys_have_their_lines():
    tomllib.loads(TEXT)
    assert lines_of(TEXT) == {
        ("listen",): 2,
        ("listen", "addresses"): 3,
        ("listen", "session_port"): 6,
        ("users", "alice b"): 8,
        ("users", "alice b", "verifier"): 9,
        ("users", "alice b", "password"): 12,
        ("users", "bob"): 13,
        ("users", "bob", "log", "level"): 14,
        ("lanes", "a", "match"): 15,
        ("lanes", "a", "match", "user"): 16,
    }


def test_what_has_no_line_has_that_of_its_table():
    lines = lines_of(TEXT)
    assert line_of(lines, ("listen", "nothing")) == 2
    assert line_of(lines, ("nothing",)) == 1


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb = = 2\n", 2), ("a = 1\nb = [1,\n", 3)])
def test_place_of_a_syntax_error(text, line):
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    assert error_place(caught.value, text)[0] == line
