"""What a listing says there is, and what follows from it."""

import pytest

from pglane.connection.catalog import read_words
from pglane.connection.catalog_listing import closure_of, read_listing
from pglane.connection.catalog_queries import LISTED, PRINTED

LOCKS = b"SELECT pg_advisory_lock(1)"


def row(**parts):
    """The answer with these items, each a tuple of its fields."""
    values = []
    for part, (fields, _) in LISTED.items():
        items = parts.get(part, [])
        for at in range(len(fields)):
            values.append(b"\n".join(item[at] for item in items) if items else None)
    return values


BASE = {
    "own": [(b"count",)],
    "settings": [(b"work_mem",)],
    "languages": [(b"14", b"sql"), (b"13", b"c")],
    "functions": [(b"1", b"7", b"14", b"locks"), (b"2", b"7", b"14", b"clean")],
    "relations": [
        (b"10", b"7", b"r", b"110", b"t"),
        (b"11", b"7", b"v", b"111", b"v"),
        (b"12", b"7", b"c", b"112", b"pair"),
        (b"13", b"7", b"r", b"0", b"untyped"),
    ],
    "types": [
        (b"20", b"7", b"1", b"0", b"d"),
        (b"21", b"7", b"0", b"20", b"_d"),
        (b"22", b"7", b"0", b"112", b"_pair"),
        (b"23", b"7", b"0", b"0", b"plain"),
    ],
}
TEXTS = {("functions", b"1"): LOCKS, ("functions", b"2"): b"SELECT 1"}


def closure(texts=(), **parts):
    listing = read_listing(row(**{**BASE, **parts}))
    words = {part: {} for part in PRINTED}
    for part, numbers in listing.printed():
        for number in numbers:
            text = {**TEXTS, **dict(texts)}.get((part, number), b"")
            words[part][number] = read_words(text, statements=part == "functions")
    return closure_of(listing, words)


def test_an_empty_database_has_nothing():
    listing = read_listing(row())
    assert [numbers for _, numbers in listing.printed() if numbers] == []
    assert listing.names["relations"] == {}


def test_its_own_names_and_those_of_all_that_there_is():
    found = closure()
    assert found.settings == {b"work_mem"}
    assert found.reads == {b"locks"}
    relations_and_types = {b"t", b"v", b"pair", b"untyped", b"d", b"_d", b"_pair", b"plain"}
    assert found.calls == {b"count", b"clean"} | relations_and_types


def test_names_may_hold_anything():
    names = [b"a b", b"back\\slash", b"new\nline", b"\\n", b"\\\n"]
    written = [n.replace(b"\\", b"\\\\").replace(b"\n", b"\\n") for n in names]
    relations = [(b"%d" % at, b"7", b"r", b"0", name) for at, name in enumerate(written)]
    listing = read_listing(row(relations=relations))
    assert list(listing.names["relations"].values()) == names


@pytest.mark.parametrize(
    ("part", "item", "reads", "writes"),
    [
        ("triggers", (b"9", b"7", b"10"), set(), {b"t"}),
        ("policies", (b"9", b"7", b"10"), {b"t"}, set()),
        ("defaults", (b"9", b"7", b"10"), set(), {b"t"}),
        ("constraints", (b"9", b"7", b"10", b"0"), set(), {b"t"}),
        ("constraints", (b"9", b"7", b"0", b"20"), {b"d", b"_d"}, set()),
        ("indexes", (b"9", b"7", b"10"), set(), {b"t"}),
        ("rules", (b"9", b"7", b"11", b"1"), {b"v"}, set()),
        ("rules", (b"9", b"7", b"10", b"3"), set(), {b"t"}),
    ],
)
def test_a_text_counts_for_what_it_belongs_to(part, item, reads, writes):
    found = closure({(part, b"9"): b"locks()"}, **{part: [item]})
    assert found.reads == {b"locks"} | reads
    assert found.writes == writes


@pytest.mark.parametrize(
    ("part", "item"),
    [
        ("triggers", (b"9", b"7", b"99")),
        ("rules", (b"9", b"7", b"99", b"1")),
        ("constraints", (b"9", b"7", b"99", b"0")),
        ("references", (b"99", b"10")),
        ("references", (b"10", b"99")),
        ("columns", (b"99", b"20")),
        ("columns", (b"10", b"99")),
    ],
)
def test_what_is_temporary_belongs_to_nobody(part, item):
    """Its relation is not listed."""
    listing = read_listing(row(**{**BASE, part: [item]}))
    assert part not in PRINTED or dict(listing.printed())[part] == []
    assert closure(**{part: [item]}).reads == {b"locks"}


def test_a_table_leads_to_its_types_and_an_array_to_its_element():
    """To read a text as a row or array of a domain runs its checks ('{1}'::_d, '(1)'::pair)."""
    found = closure({("types", b"20"): b"locks()"}, columns=[(b"12", b"20"), (b"10", b"22")])
    assert found.reads == {b"locks", b"d", b"_d", b"pair", b"_pair", b"t"}


def test_who_writes_to_what_is_referred_to_writes_to_what_refers():
    texts = {("triggers", b"9"): b"locks()"}
    trigger = [(b"9", b"7", b"10")]
    found = closure(texts, triggers=trigger, references=[(b"13", b"10")])
    assert found.writes == {b"t", b"untyped"}
    found = closure(texts, triggers=trigger, heirs=[(b"13", b"10")])
    assert found.writes == {b"t", b"untyped"}


def test_a_foreign_table_can_do_anything():
    assert closure(relations=[(b"10", b"7", b"f", b"110", b"far")]).reads == {b"locks", b"far"}


def test_a_function_of_a_known_extension_is_clean_and_an_aggregate_is_as_its_functions():
    functions = [
        *BASE["functions"],
        (b"3", b"7", b"13", b"known"),
        (b"4", b"7", b"13", b"unknown"),
        (b"5", b"7", b"0", b"agg"),
    ]
    found = closure(
        {("functions", b"5"): b"locks"}, functions=functions, members=[(b"3", b"hstore")]
    )
    assert found.reads == {b"locks", b"unknown", b"agg"}


def test_what_acts_without_a_name_is_told():
    assert "locks()" in closure(acting=[(b"locks",)]).everything


TYPES_THAT_RUN = {b"d", b"_d"}
FUNCTIONS_THAT_RUN = {b"locks", b"clean"}


@pytest.mark.parametrize(
    ("part", "item", "text", "runs"),
    [
        ("volatile", (b"random",), b"", {b"random"}),
        ("folded", (b"10",), b"", {b"t"}),
        ("folded", (b"99",), b"", set()),
        ("heirs", (b"10", b"11"), b"", set()),
        ("policies", (b"9", b"7", b"10"), b"", {b"t"}),
        ("rules", (b"9", b"7", b"10", b"3"), b"", {b"t"}),
        ("rules", (b"9", b"7", b"11", b"1"), b"", {b"v"}),
        ("rules", (b"9", b"7", b"99", b"1"), b"", set()),
        ("indexes", (b"9", b"7", b"10"), b"clean(1)", {b"t"}),
        ("indexes", (b"9", b"7", b"10"), b"lower(a)", set()),
        ("constraints", (b"9", b"7", b"10", b"0"), b"clean(1)", {b"t"}),
        ("constraints", (b"9", b"7", b"10", b"0"), b"a > 1", set()),
        ("constraints", (b"9", b"7", b"0", b"23"), b"a > 1", {b"plain"}),
        ("triggers", (b"9", b"7", b"10"), b"clean()", set()),
        ("defaults", (b"9", b"7", b"10"), b"clean()", set()),
        ("columns", (b"10", b"20"), b"", {b"t"}),
        ("columns", (b"10", b"23"), b"", set()),
        ("references", (b"10", b"11"), b"", set()),
    ],
)
def test_behind_which_names_code_stands(part, item, text, runs):
    found = closure({(part, b"9"): text}, **{part: [item]})
    assert found.runs == FUNCTIONS_THAT_RUN | TYPES_THAT_RUN | runs
    assert not found.acts


def test_who_has_an_heir_with_code_has_it_too():
    relations = [*BASE["relations"], (b"14", b"7", b"f", b"0", b"far")]
    found = closure(relations=relations, heirs=[(b"13", b"10"), (b"10", b"14")])
    assert found.runs >= {b"far", b"t", b"untyped"}


def test_whose_operators_and_the_like_there_are():
    assert closure(support=[(b"pg_operator", b"-"), (b"pg_am", b"bloom")]).acts
    assert not closure(support=[(b"pg_operator", b"hstore"), (b"pg_am", b"bloom")]).acts


def test_the_epoch_of_functions_differs_when_one_does():
    changed = [(b"1", b"8", b"14", b"locks"), BASE["functions"][1]]
    epochs = [
        read_listing(row(**{**BASE, **parts})).functions_epoch
        for parts in ({}, {"functions": changed}, {"relations": []})
    ]
    assert epochs[0] == epochs[2] != epochs[1]
