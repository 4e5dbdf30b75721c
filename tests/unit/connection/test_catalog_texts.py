"""Which texts are printed again, and which need not be."""

import pytest

from pglane.connection import catalog_texts
from pglane.connection.catalog import DOUBTED, read_words
from pglane.connection.catalog_listing import read_listing
from pglane.connection.catalog_queries import LISTED, LOCKING_MAX
from pglane.connection.catalog_texts import PrintedTexts

FUNCTION = (b"1", b"7", b"14", b"f")
TABLE = (b"10", b"7", b"r", b"110", b"t")
VIEW = (b"11", b"7", b"v", b"111", b"v")
RULE = (b"9", b"7", b"11", b"1")
BASE = {"functions": [FUNCTION], "relations": [TABLE, VIEW], "rules": [RULE]}


def listing(**parts):
    values = []
    for part, (fields, _) in LISTED.items():
        items = {**BASE, **parts}.get(part, [])
        for at in range(len(fields)):
            values.append(b"\n".join(item[at] for item in items) if items else None)
    return read_listing(values)


def printed(texts, answers):
    """What is asked for, and told as in `answers`."""
    asked = []
    for part, numbers in list(texts.lacking()):
        asked += [(part, number) for number in numbers]
        rows = [(number, answers[part, number]) for number in numbers if (part, number) in answers]
        texts.keep(part, numbers, rows)
    return asked


ANSWERS = {("functions", b"1"): b"SELECT 1", ("rules", b"9"): b"SELECT f() FROM t"}


@pytest.fixture
def texts():
    """Read, and confirmed."""
    texts = PrintedTexts()
    texts.take(listing())
    assert printed(texts, ANSWERS) == [("functions", b"1"), ("rules", b"9")]
    assert printed(texts, ANSWERS) == []
    texts.confirm()
    return texts


def test_what_is_known_is_not_printed_again(texts):
    texts.take(listing())
    assert printed(texts, ANSWERS) == []
    assert texts.words["rules"][b"9"].names == {b"select", b"f", b"from", b"t"}


def test_what_is_new_or_changed_is(texts):
    other = (b"12", b"8", b"11", b"1")
    texts.take(listing(rules=[(b"9", b"8", b"11", b"1"), other]))
    answers = {("rules", b"9"): b"SELECT 2", ("rules", b"12"): b"SELECT 3"}
    assert printed(texts, answers) == [("rules", b"9"), ("rules", b"12")]
    assert b"f" not in texts.words["rules"][b"9"].names


def test_what_is_gone_is_forgotten(texts):
    texts.take(listing(rules=[]))
    assert texts.words["rules"] == {}


def test_what_belongs_to_nothing_that_is_listed_is_not_printed(texts):
    texts.take(listing(rules=[(b"9", b"8", b"99", b"1")]))
    assert printed(texts, {}) == []


@pytest.mark.parametrize(
    ("part", "items", "again"),
    [
        ("functions", [(b"1", b"8", b"14", b"g")], [("functions", b"1"), ("rules", b"9")]),
        ("relations", [(b"10", b"8", b"r", b"110", b"u"), VIEW], [("rules", b"9")]),
        ("relations", [TABLE, (b"11", b"8", b"v", b"111", b"w")], []),
    ],
)
def test_what_holds_a_name_that_is_no_more_is_printed_again(texts, part, items, again):
    texts.take(listing(**{part: items}))
    assert printed(texts, ANSWERS) == again


def test_what_was_printed_since_a_listing_may_hold_a_name_that_none_has_shown():
    """Renamed, printed, and renamed back: the name is the same, and the text is not."""
    texts = PrintedTexts()
    texts.take(listing())
    printed(texts, {**ANSWERS, ("rules", b"9"): b"SELECT g() FROM t"})
    texts.take(listing(functions=[(b"1", b"8", b"14", b"f")]))
    assert printed(texts, ANSWERS) == [("functions", b"1"), ("rules", b"9")]
    texts.take(listing(functions=[(b"1", b"8", b"14", b"f")]))
    assert printed(texts, ANSWERS) == []
    texts.take(listing(functions=[(b"1", b"9", b"14", b"f")]))
    assert printed(texts, ANSWERS) == [("functions", b"1")]


def test_without_a_change_of_what_has_a_name_a_listing_confirms():
    texts = PrintedTexts()
    texts.take(listing())
    printed(texts, ANSWERS)
    texts.take(listing(functions=[], rules=[RULE, (b"12", b"8", b"11", b"1")]))
    assert printed(texts, {("rules", b"12"): b""}) == [("rules", b"12")]


@pytest.mark.parametrize("rows", [{}, {("rules", b"9"): None}])
def test_what_could_not_be_printed_is_the_worst_until_it_is_listed_no_more(rows):
    texts = PrintedTexts()
    texts.take(listing())
    printed(texts, {("functions", b"1"): b"SELECT 1", **rows})
    assert texts.words["rules"][b"9"] is DOUBTED
    texts.confirm()
    texts.take(listing())
    assert printed(texts, ANSWERS) == [("rules", b"9")]


def test_what_locks_is_asked_for_in_portions():
    texts = PrintedTexts()
    numbers = [b"%d" % number for number in range(LOCKING_MAX + 1)]
    texts.take(listing(rules=[(number, b"7", b"11", b"1") for number in numbers], functions=[]))
    assert list(texts.lacking()) == [("rules", numbers[:-1]), ("rules", numbers[-1:])]


def test_the_same_text_of_many_tables_is_read_once(monkeypatch):
    """A reading takes as long as its texts do, and most of a large database's are equal."""
    read = []

    def reading(text, *, statements):
        read.append((text, statements))
        return read_words(text, statements=statements)

    monkeypatch.setattr(catalog_texts, "read_words", reading)
    texts = PrintedTexts()
    texts.keep("defaults", [b"1", b"2"], [(b"1", b"now()"), (b"2", b"now()")])
    texts.keep("functions", [b"3"], [(b"3", b"now()")])
    assert read == [(b"now()", False), (b"now()", True)]
