"""Where tokens begin and end."""

import pytest

from pglane.wire import lexemes
from pglane.wire.lexemes import Lexer

NAMES = {
    lexemes.WORD: "word",
    lexemes.QUOTED: "quoted",
    lexemes.QUOTED_UNICODE: "unicode",
    lexemes.STRING: "string",
    lexemes.NUMBER: "number",
    lexemes.SYMBOL: "symbol",
    lexemes.BROKEN: "BROKEN",
}


def tokens(text: str | bytes, *, strings: bool = True) -> list[tuple[str, str]]:
    raw = text if isinstance(text, bytes) else text.encode()
    lexer = Lexer(raw, strings)
    found = []
    while (token := lexer.next()) != lexemes.END:
        found.append((NAMES[token], lexer.piece().decode("latin-1")))
        if token == lexemes.BROKEN:
            break
    return found


def shape(text: str | bytes, *, strings: bool = True) -> str:
    return " ".join(name for name, _ in tokens(text, strings=strings))


def pieces(text: str, *, strings: bool = True) -> list[str]:
    return [piece for _, piece in tokens(text, strings=strings)]


@pytest.mark.parametrize("blank", [" ", "\t", "\n", "\r", "\f", "\v", "-- a\n", "--a\r", "/**/"])
def test_blanks_part_words(blank: str) -> None:
    assert pieces(f"{blank}a{blank}{blank}b{blank}") == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/* b */c", ["a", "c"]),
        ("a/* /* b */ c */d", ["a", "d"]),
        ("a/*/* b */*/c", ["a", "c"]),
        ("a/***/b", ["a", "b"]),
        ("a/*/ b */c", ["a", "c"]),
        ("a+/*b*/c", ["a", "+", "c"]),
        ("a+--b\nc", ["a", "+", "c"]),
        ("a-b", ["a", "-", "b"]),
        ("a/b", ["a", "/", "b"]),
        ("a -", ["a", "-"]),
        ("a /", ["a", "/"]),
        ("a --", ["a"]),
        ("/* -- */ a", ["a"]),
        ("-- /*\na", ["a"]),
        ("/* ' */ a", ["a"]),
    ],
)
def test_comments(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    "text", ["/*", "/* /* */", "/*/", "'", "'a''", '"', '"a""', "$$", "$a$ $$"]
)
def test_what_does_not_end_is_broken(text: str) -> None:
    assert shape(f"a {text}") == "word BROKEN"


@pytest.mark.parametrize("prefix", ["e", "E", "u&", "U&", "b", "B", "x", "X", "n", "N", ""])
def test_prefixes_belong_to_strings(prefix: str) -> None:
    assert tokens(f"{prefix}'a''b' c") == [("string", f"{prefix}'a''b'"), ("word", "c")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('u&"a""b" c', "unicode word"),
        ('U&"a"', "unicode"),
        ('"a""b" c', "quoted word"),
        ('"a\\" b', "quoted word"),
        ("u &'a'", "word symbol string"),
        ("u&a", "word symbol word"),
        ("u&", "word symbol"),
        ("a&'b'", "word symbol string"),
        ("a'b'", "word string"),
        ("be'\\'", "word string"),
        ('e"a"', "word quoted"),
        ("e", "word"),
        ("\u00e9'a'", "word string"),
        (b"\xe9'a'", "word string"),
        ("_", "word"),
        ("a$b$c $1", "word number"),
    ],
)
def test_words_and_prefixes(text: str | bytes, expected: str) -> None:
    assert shape(text) == expected


def test_words_know_letters_beyond_ascii() -> None:
    lexer = Lexer("ab \u00e9 a\u00e9 a \u00e9'".encode(), True)
    found = []
    for _ in range(5):
        assert lexer.next() == lexemes.WORD
        found.append(bool(lexer.high))
    assert found == [False, True, True, False, True]


@pytest.mark.parametrize(
    ("text", "standard", "escaping"),
    [
        ("'a\\' b", "string word", "BROKEN"),
        ("'a\\'' b", "BROKEN", "string word"),
        ("e'a\\' b' c", "string word", "string word"),
        ("n'a\\' b", "string word", "BROKEN"),
        ("b'\\' a", "string word", "string word"),
        ("u&'\\' a", "string word", "string word"),
        ("e'\\\\' a", "string word", "string word"),
        ("e'\\", "BROKEN", "BROKEN"),
        ('"\\" a', "quoted word", "quoted word"),
        ("$$\\$$ a", "string word", "string word"),
    ],
)
def test_backslashes(text: str, standard: str, escaping: str) -> None:
    assert shape(text) == standard
    assert shape(text, strings=False) == escaping


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a'\n'b'", ["'a'\n'b'"]),
        ("'a' \t\r 'b'", ["'a' \t\r 'b'"]),
        ("'a' -- c\n'b'\n'c' d", ["'a' -- c\n'b'\n'c'", "d"]),
        ("'a' 'b'", ["'a'", "'b'"]),
        ("'a' /*\n*/ 'b'", ["'a'", "'b'"]),
        ("'a'\n-", ["'a'", "-"]),
        ("'a'\n--", ["'a'"]),
        ("'a'\n", ["'a'"]),
        ("'a'\n e'b'", ["'a'", "e'b'"]),
        ("e'a'\n'\\'b' c", ["e'a'\n'\\'b'", "c"]),
        ("e'a' '\\' b", ["e'a'", "'\\'", "b"]),
    ],
)
def test_strings_go_on_after_a_line_end(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_a_continuation_may_be_broken() -> None:
    assert shape("'a'\n'b") == "BROKEN"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("'a'", True),
        ("'a\\b'", True),
        ("'a''b'", False),
        ("'a'\n'b'", False),
        ("e'a'", False),
        ("n'a'", False),
        ("$$a$$", False),
    ],
)
def test_plain_strings_stand_for_their_bytes(text: str, *, plain: bool) -> None:
    lexer = Lexer(text.encode(), True)
    assert lexer.next() == lexemes.STRING
    assert bool(lexer.plain) is plain


def test_an_escape_makes_a_string_not_plain() -> None:
    lexer = Lexer(b"'a\\b'", False)
    assert lexer.next() == lexemes.STRING
    assert not lexer.plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$$a$b$$ c", ["$$a$b$$", "c"]),
        ("$a$ $$ $b$ $a$ c", ["$a$ $$ $b$ $a$", "c"]),
        ("$a1_$ $a$ $a1_$", ["$a1_$ $a$ $a1_$"]),
        ("$a$$b$a$", ["$a$$b$a$"]),
        ("$$$a$$ b", ["$$$a$$", "b"]),
        ("$A$ $a$ $A$", ["$A$ $a$ $A$"]),
        ("$1 $12a", ["$1", "$12", "a"]),
        ("$1$$a$$", ["$1", "$$a$$"]),
        ("12$$a$$", ["12", "$$a$$"]),
        ("$a b", ["$", "a", "b"]),
        ("$ b", ["$", "b"]),
        ("$", ["$"]),
        ("$a", ["$", "a"]),
        ("$\u00e9$'$\u00e9$", ["$\u00c3\u00a9$'$\u00c3\u00a9$"]),
    ],
)
def test_dollars(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_numbers() -> None:
    assert pieces("1 23.5e6 0x1F 1e'\\'' 7") == [
        *("1", "23", ".", "5", "e6", "0", "x1F", "1", "e'\\''", "7")
    ]


def test_symbols_give_their_byte() -> None:
    lexer = Lexer(b"(;)", True)
    found = []
    while lexer.next() == lexemes.SYMBOL:
        found.append(lexer.symbol)
    assert bytes(found) == b"(;)"


def test_a_caller_can_look_ahead_and_come_back() -> None:
    lexer = Lexer(b"a b c", True)
    lexer.next()
    back = lexer.end
    assert lexer.next() == lexemes.WORD
    lexer.end = back
    assert lexer.next() == lexemes.WORD
    assert lexer.piece() == b"b"
