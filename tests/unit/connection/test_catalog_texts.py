"""Which texts are printed again, and which need not be."""

import pytest

from pglane.connection import catalog_texts
from pglane.connection.catalog import DOUBTED, read_words
from pglane.connection.catalog_listing import read_listing
from pglane.connection.catalog_queries import LISTED, LOCKING_MAX, TEXTS_MAX
from pglane.connection.catalog_texts import REFUSALS_MAX, Portion, PrintedTexts

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
    for portion in texts.lacking(again=False):
        each = [(portion.part, number) for number in portion.numbers]
        asked += each
        texts.keep(portion, [(key[1], answers[key]) for key in each if key in answers])
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
    assert list(texts.lacking(again=False)) == [
        Portion("rules", numbers[:-1]),
        Portion("rules", numbers[-1:]),
    ]


def test_the_same_text_of_many_tables_is_read_once(monkeypatch):
    """A reading takes as long as its texts do, and most of a large database's are equal."""
    read = []

    def reading(text, *, statements):
        read.append((text, statements))
        return read_words(text, statements=statements)

    monkeypatch.setattr(catalog_texts, "read_words", reading)
    texts = PrintedTexts()
    texts.keep(Portion("defaults", [b"1", b"2"]), [(b"1", b"now()"), (b"2", b"now()")])
    texts.keep(Portion("functions", [b"3"]), [(b"3", b"now()")])
    assert read == [(b"now()", False), (b"now()", True)]


def defaults(count, first=0):
    return [(b"%d" % number, b"7", b"10") for number in range(first, first + count)]


def refused(texts, locked, again=True):
    """What is asked for in a reading where these defaults are locked, and how long each waits."""
    asked = []
    for portion in texts.lacking(again=again):
        asked.append((len(portion.numbers), portion.briefly))
        if locked.isdisjoint(portion.numbers):
            texts.keep(portion, [(number, b"1") for number in portion.numbers])
        else:
            texts.refuse(portion)
    return asked


def doubted(texts):
    return {n for n, words in texts.words["defaults"].items() if words is DOUBTED}


NOTHING_ELSE = {"functions": [], "rules": []}


def taken(texts, *items):
    texts.take(listing(defaults=[item for each in items for item in each], **NOTHING_ELSE))


def test_one_that_is_refused_is_found_among_many_and_asked_for_alone_from_then_on():
    texts = PrintedTexts()
    taken(texts, defaults(TEXTS_MAX))
    locked = {b"777"}
    asked = refused(texts, locked)
    assert asked[0] == (TEXTS_MAX, False)
    assert all(briefly for _, briefly in asked[1:])
    assert [size for size, _ in asked].count(1) == 2
    assert len(asked) == 1 + 10 + 10 + 10 + 2
    assert (doubted(texts), texts.unprinted) == (locked, 1)
    taken(texts, defaults(TEXTS_MAX))
    assert refused(texts, locked) == [(1, True)]
    taken(texts, defaults(TEXTS_MAX))
    assert refused(texts, set()) == [(1, True)]
    assert (doubted(texts), texts.unprinted) == (set(), 0)


def test_what_was_refused_stays_so_until_it_is_asked_for_again():
    texts = PrintedTexts()
    taken(texts, defaults(3))
    refused(texts, {b"1"})
    taken(texts, defaults(3), defaults(1, first=3))
    assert refused(texts, set(), again=False) == [(1, False)]
    assert (doubted(texts), texts.unprinted) == ({b"1"}, 1)


def test_what_is_new_is_waited_for_until_something_is_refused():
    texts = PrintedTexts()
    taken(texts, defaults(1))
    refused(texts, {b"0"})
    taken(texts, defaults(2))
    assert refused(texts, {b"0", b"1"}) == [(1, False), (1, True)]
    taken(texts, defaults(TEXTS_MAX + 3))
    locked = {b"0", b"1", b"2"}
    portions = refused(texts, locked)
    assert portions[0] == (TEXTS_MAX, False)
    assert (1, True) in portions
    assert doubted(texts) == locked


def test_what_is_changed_is_asked_for_again_where_it_is_still_there():
    """What is dropped is not lacking; an older text does not count for one that is changed."""
    texts = PrintedTexts()
    taken(texts, defaults(3))
    refused(texts, set())
    changed = [(b"0", b"8", b"10"), (b"1", b"8", b"10"), (b"2", b"7", b"10")]
    taken(texts, changed)
    refused(texts, {b"0", b"1"})
    assert doubted(texts) == {b"0", b"1"}
    taken(texts, changed[1:])
    assert refused(texts, set()) == [(1, True)]
    assert texts.unprinted == 0


def test_refusals_have_a_bound_in_each_reading_and_all_have_their_turn():
    """Every second one is locked, of twice as many as one reading may be refused."""
    texts = PrintedTexts()
    many = defaults(4 * REFUSALS_MAX)
    locked = {number for number, _, _ in many[::2]}
    for reading in range(5):
        taken(texts, many)
        asked = refused(texts, locked)
        assert texts.unprinted == len(doubted(texts)) >= len(locked)
        assert locked <= doubted(texts)
        assert len(asked) < 3 * REFUSALS_MAX
        assert reading or doubted(texts) > locked
    assert doubted(texts) == locked
    taken(texts, many)
    assert refused(texts, locked) == [(1, True)] * REFUSALS_MAX


def test_what_is_new_is_asked_for_once_beyond_the_bound():
    texts = PrintedTexts()
    many = defaults(2 * TEXTS_MAX)
    taken(texts, many)
    asked = refused(texts, {number for number, _, _ in many})
    assert asked[-1] == (TEXTS_MAX, True)
    assert len(asked) == REFUSALS_MAX + 1
    assert texts.unprinted == 2 * TEXTS_MAX
