"""Kinds, effects and settings of many small texts; the cache."""

import pytest

from pglane.wire.statements import (
    CacheStatistics,
    Effect,
    Kind,
    Verdict,
    VerdictCache,
    scan,
)
from tests.support.judged_texts import (
    EFFECTFUL,
    MANY,
    PLAIN,
    SETTINGS,
    WHOLLY_UNKNOWN,
    catalog_effect,
)
from tests.support.nasty_texts import ATOMS, EFFECTS
from tests.support.pure import load_pure


def judged(text: str | bytes, encoding: str = "UTF8", *, strings: bool = True) -> Verdict:
    raw = text.encode() if isinstance(text, str) else text
    return scan(raw, encoding, strings)


@pytest.mark.parametrize(("text", "kind"), PLAIN)
def test_statements_without_effect(text: str, kind: str) -> None:
    verdict = judged(text)
    assert verdict.kinds == (Kind[kind],)
    assert verdict.single == Kind[kind]
    assert verdict.count == 1
    assert verdict.effects == catalog_effect(kind)
    assert verdict.settings == ()


@pytest.mark.parametrize(
    ("text", "passive"),
    [
        ("DROP TABLE t", True),
        ("SELECT 1", False),
        ("CREATE VIEW v AS SELECT 1", False),
        ("DROP TABLE t; DO 'x'", False),
        ("DROP TABLE t; EXECUTE s", False),
    ],
)
def test_ddl_that_can_run_nothing(text: str, *, passive: bool) -> None:
    assert judged(text).passive == passive


def test_where_a_string_of_ddl_ends_depends_on_a_setting() -> None:
    text = rb"DROP TABLE t; SELECT '\'; CREATE VIEW v AS SELECT 1 --'"
    assert not judged(text).passive
    assert judged(text, strings=False).passive


@pytest.mark.parametrize(("text", "kind", "effects"), EFFECTFUL)
def test_effects(text: str, kind: str, effects: str) -> None:
    verdict = judged(text)
    expected = catalog_effect(kind)
    for name in effects.split("|"):
        expected |= Effect[name]
    assert (verdict.kinds, Effect(verdict.effects)) == ((Kind[kind],), expected)
    assert verdict.settings == ()


@pytest.mark.parametrize(("text", "names"), SETTINGS.items())
def test_settings(text: str, names: str) -> None:
    verdict = judged(text)
    assert Effect(verdict.effects) & ~Effect.RESET_SOME == Effect.SETTING
    assert verdict.settings == tuple(names.split())


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("SET a = 1", False),
        ("SET a TO DEFAULT", True),
        ("SET a = b, default", True),
        ('SET a = "default"', False),
        ("SET TIME ZONE LOCAL", True),
        ("SET LOCAL a = DEFAULT", False),
        ("SET LOCAL a = 1", False),
        ("SET local.a = 1", False),
        ("SET NAMES DEFAULT", True),
        ("RESET a", True),
        ("RESET TIME ZONE", True),
        ("RESET ROLE", False),
        ("SET ROLE TO DEFAULT", False),
        ("SET SESSION AUTHORIZATION DEFAULT", False),
    ],
)
def test_settings_that_go_back_to_their_default(text: str, back: bool) -> None:
    assert bool(judged(text).effects & Effect.RESET_SOME) is back


def test_characteristics_name_their_settings() -> None:
    verdict = judged("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, DEFERRABLE")
    assert Effect(verdict.effects) == Effect.CHARACTERISTICS | Effect.SETTING
    assert verdict.settings == (
        "default_transaction_read_only",
        "default_transaction_deferrable",
    )
    one = judged("SET SESSION SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    assert one.settings == ("default_transaction_isolation",)


def test_the_setting_seed_seeds() -> None:
    assert judged("SET seed = 0.5").effects == Effect.SETTING | Effect.SEED
    assert judged("SET LOCAL seed = 0.5").effects == Effect.LOCAL_SETTING | Effect.SEED


def test_a_search_path_that_may_become_temporary() -> None:
    temporary = [
        "SET search_path = 'pg_temp, public'",
        "SET search_path = 'PG_TEMP'",
        "SET search_path = 'pg_'\n'temp'",
        "SET search_path = E'pg\\x5ftemp'",
        "SET LOCAL search_path = 'pg_temp'",
        "SELECT set_config('search_path', 'pg_temp', true)",
        "SELECT set_config('search_path', 'pg_' || 'temp', false); CREATE TABLE a ()",
        "SELECT set_config($1, $2, $3); CREATE TABLE a ()",
        "SELECT set_config('search_path'); CREATE TABLE a ()",
    ]
    for text in temporary:
        assert judged(text).effects & Effect.TEMP, text
    for text in [
        "SET search_path = 'a', b; CREATE TABLE c ()",
        "SELECT set_config('search_path', 'a', false); CREATE TABLE c ()",
        "SELECT set_config('search_path', $1, false)",
    ]:
        assert not judged(text).effects & Effect.TEMP, text


@pytest.mark.parametrize(("text", "kinds"), MANY.items())
def test_where_statements_end(text: str, kinds: str) -> None:
    assert [Kind(kind).name for kind in judged(text).kinds] == kinds.split()


def test_a_definition_within_a_function_body_is_not_believed() -> None:
    text = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SET a.b = 1; END"
    assert judged(text).effects == Effect.UNKNOWN | Effect.CATALOG


@pytest.mark.parametrize("text", WHOLLY_UNKNOWN)
def test_what_cannot_be_read_is_unknown(text: str) -> None:
    verdict = judged(text)
    assert verdict.kinds == (Kind.UNKNOWN,)
    assert verdict.effects == (Effect.UNKNOWN if "\0" in text else Effect.MALFORMED)
    assert verdict.single == Kind.UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        *("SELEC 1", "1", "'a'", '"select" 1', "= 1", "(INSERT INTO t VALUES (1))", "()", "$$a$$"),
        *('U&"select"', "START_REPLICATION SLOT a", "START something", "\u0130nsert", "(1)"),
    ],
)
def test_a_strange_beginning_is_unknown(text: str) -> None:
    verdict = judged(text)
    assert verdict.kinds == (Kind.UNKNOWN,)
    assert verdict.effects & Effect.MALFORMED


@pytest.mark.parametrize(
    ("text", "standard", "escaping"),
    [
        ("SELECT 'a\\'; SET a.b = 1; --'", "SELECT SET", "SELECT"),
        ("SELECT 'a\\''; SET a.b = 1; --'", "SELECT", "SELECT SET"),
        ("SELECT N'a\\'; SET a.b = 1; --'", "SELECT SET", "SELECT"),
        ("SELECT E'a\\'; SET a.b = 1; --'", "SELECT", "SELECT"),
        ("SELECT B'0\\'; SET a.b = 1; --'", "SELECT SET", "SELECT SET"),
        ("SELECT E'a'\n'\\'; SET a.b = 1; --'", "SELECT", "SELECT"),
        ("SELECT E'a' '\\'; SET a.b = 1; --'", "SELECT SET", "SELECT"),
        ("SELECT X'0'--\n\t'\\'; SET a.b = 1; --'", "SELECT SET", "SELECT SET"),
    ],
)
def test_standard_conforming_strings(text: str, standard: str, escaping: str) -> None:
    assert [Kind(k).name for k in judged(text).kinds] == standard.split()
    assert [Kind(k).name for k in judged(text, strings=False).kinds] == escaping.split()


TRAP = b"SELECT E'\x83\x5c'; SET search_path = evil; --'"


@pytest.mark.parametrize(
    "encoding",
    ["SJIS", "sjis", "Shift_JIS", "SHIFT_JIS_2004", "BIG5", "GBK", "UHC", "gb18030", "JOHAB"],
)
def test_unsafe_encodings(encoding: str) -> None:
    assert judged(TRAP, encoding).effects == Effect.UNKNOWN
    assert judged("SELECT E'\\'' ; COMMIT", encoding).kinds == (Kind.SELECT, Kind.COMMIT)


@pytest.mark.parametrize(
    "encoding", ["UTF8", "utf-8", "Unicode", "LATIN1", "iso_8859-5", "EUC_JP", "SQL_ASCII"]
)
def test_safe_encodings(encoding: str) -> None:
    assert judged(TRAP, encoding).kinds == (Kind.SELECT,)


def test_an_unknown_encoding_reads_what_is_the_same_in_all() -> None:
    assert judged("SELECT 'a'", "not known yet").kinds == (Kind.SELECT,)
    assert judged("SELECT 'a\\'", "not known yet").kinds == (Kind.UNKNOWN,)
    assert judged("SELECT '\u00e9'", "").kinds == (Kind.UNKNOWN,)


def test_long_texts() -> None:
    million = 300_000
    texts = [
        b"SELECT " + b"(" * million + b")" * million,
        b"/*" * million + b"*/" * million,
        b"SELECT '" + b"''" * million + b"'",
        b"SELECT $" + b"a" * million + b"$ $" + b"a" * million + b"$",
        b"SELECT " + b"'a' -- b\n" * 30_000,
        b"SELECT " + b"set_config(" * 5_000 + b")" * 5_000,
        b"--\n" * million,
    ]
    for text in texts:
        assert judged(text).count == 1


def test_a_name_longer_than_any_known_is_passed_over() -> None:
    assert judged("SELECT " + "a" * 100 + "(1), " + "\u00e9" * 200 + "(1)").effects == 0


def test_both_forms_agree() -> None:
    pure = load_pure("pglane.wire.statements")
    texts = [*MANY, *SETTINGS, *WHOLLY_UNKNOWN, *(row[0] for row in [*PLAIN, *EFFECTFUL])]
    raw = [text.encode() for text in texts]
    raw += [first + second for first in ATOMS for second in (*ATOMS, *EFFECTS)]
    for text in raw:
        for encoding, strings in (("UTF8", True), ("LATIN1", False), ("SJIS", True)):
            ours = scan(text, encoding, strings)
            other = pure.scan(text, encoding, strings)
            assert tuple(map(int, ours.kinds)) == tuple(map(int, other.kinds)), text
            assert (ours.effects, ours.settings) == (other.effects, other.settings), text
            assert (ours.count, ours.single) == (other.count, other.single), text


def test_a_verdict_shows_no_text() -> None:
    assert repr(judged("SELECT 'secret'; SET a = 1")) == (
        "Verdict(SELECT, SET: <Effect.SETTING: 1>, ('a',))"
    )


class TestCache:
    """Bounded in entries and in bytes, and never wrong."""

    def test_a_text_is_scanned_once(self) -> None:
        cache = VerdictCache(100, 1000)
        first = cache.lookup(b"SET a.b = 1", "UTF8", True)
        assert first.settings == ("a.b",)
        assert cache.lookup(bytes(bytearray(b"SET a.b = 1")), "UTF8", True) is first
        assert cache.lookup(b"SET a.b = 1", "LATIN1", True) is first
        assert (cache.hits, cache.misses) == (2, 1)

    def test_the_reading_of_strings_is_part_of_the_key(self) -> None:
        cache = VerdictCache(100, 1000)
        text = b"SELECT '\\'; COMMIT; --'"
        for _ in range(2):
            assert cache.lookup(text, "UTF8", True).count == 2
            assert cache.lookup(text, "UTF8", False).count == 1
        assert (cache.hits, cache.misses) == (2, 2)

    def test_an_unsafe_encoding_gets_no_answer_from_a_safe_one(self) -> None:
        cache = VerdictCache(100, 1000)
        assert cache.lookup(TRAP, "UTF8", True).kinds == (Kind.SELECT,)
        assert cache.lookup(TRAP, "SJIS", True).kinds == (Kind.UNKNOWN,)
        assert cache.lookup(TRAP, "BIG5", True).effects == Effect.UNKNOWN
        assert cache.lookup(b"SELECT 1", "SJIS", True).kinds == (Kind.SELECT,)

    def test_entries_are_bounded_and_used_ones_stay(self) -> None:
        cache = VerdictCache(10, 1000)
        for number in range(1000):
            cache.lookup(b"SELECT '%d'" % number, "UTF8", True)
            cache.lookup(b"SELECT 'often'", "UTF8", True)
            assert cache.statistics().entries <= 10
        assert (cache.hits, cache.misses) == (999, 1001)

    def test_texts_that_differ_in_numbers_share_a_verdict(self) -> None:
        cache = VerdictCache(10, 1000)
        for number in range(1000):
            assert cache.lookup(b"SET a.b%d = %d" % (7, number), "UTF8", True).settings == (
                "a.b7",
            )
        assert (cache.hits, cache.misses) == (999, 1)
        assert cache.lookup(b"SET a.b8 = 1", "UTF8", True).settings == ("a.b8",)

    def test_a_verdict_for_all_numbers_outlives_a_turn_when_it_is_used(self) -> None:
        cache = VerdictCache(4, 1000)
        for text in (b"SET a = 1", b"BEGIN", b"COMMIT", b"SET a = 2"):
            cache.lookup(text, "UTF8", True)
        # two texts a generation: the first was in the old one, and moved to the young one
        assert cache.statistics() == CacheStatistics(4, 29, 1, 3, 1)

    def test_a_large_text_is_not_kept_for_all_numbers_either(self) -> None:
        cache = VerdictCache(100, 20)
        for number in range(2):
            cache.lookup(b"SET a_long_name.b = %d" % number, "UTF8", True)
        assert cache.statistics() == CacheStatistics(0, 0, 0, 2, 0)

    def test_bytes_are_bounded(self) -> None:
        cache = VerdictCache(1000, 500, bytes_max=1000)
        for number in range(100):
            cache.lookup(b"SELECT %d -- %s" % (number, b"x" * 300), "UTF8", True)
            assert cache.statistics().text_bytes <= 1000

    def test_a_large_text_is_not_kept(self) -> None:
        cache = VerdictCache(100, 50)
        text = b"SELECT 1 -- " + b"x" * 50
        for _ in range(2):
            assert cache.lookup(text, "UTF8", True).kinds == (Kind.SELECT,)
        assert cache.statistics() == CacheStatistics(0, 0, 0, 2, 0)

    def test_forgotten_texts_are_read_anew(self) -> None:
        cache = VerdictCache(10, 1000)
        cache.lookup(b"BEGIN", "UTF8", True)
        cache.forget()
        assert cache.statistics() == CacheStatistics(0, 0, 0, 1, 0)
        cache.lookup(b"BEGIN", "UTF8", True)
        assert cache.statistics() == CacheStatistics(1, 5, 0, 2, 0)

    def test_room_for_another_number_of_texts(self) -> None:
        cache = VerdictCache(10, 1000)
        cache.resize(2)
        for text in (b"BEGIN", b"COMMIT", b"ROLLBACK"):
            cache.lookup(text, "UTF8", True)
        assert cache.statistics().entries == 2

    def test_what_a_text_does_not_show_is_asked_when_it_is_read(self) -> None:
        class Seeing:
            def judge(self, text: bytes, standard: bool, verdict: Verdict) -> Verdict:
                return Verdict(verdict.kinds, verdict.effects | Effect.UNSEEN, ())

        cache = VerdictCache(10, 1000)
        cache.sight = Seeing()
        for _ in range(2):
            assert cache.lookup(b"SELECT f()", "UTF8", True).effects & Effect.UNSEEN
        assert (cache.hits, cache.misses) == (1, 1)

    def test_no_room_at_all(self) -> None:
        cache = VerdictCache(1, 1000)
        cache.lookup(b"SELECT 1", "UTF8", True)
        assert cache.statistics().entries == 0

    def test_a_part_of_a_message_is_judged_as_the_text_it_holds(self) -> None:
        cache = VerdictCache(100, 1000)
        for text in (b"SET a.b = 1", b"SET a.b = 22", b"SET a.b = 333", b"SET a.c = 'x'") * 3:
            data = b"Q...." + text + b"\x00S"
            verdict = cache.lookup_part(data, 5, 5 + len(text), "UTF8", True)
            assert verdict.settings == (text[4:7].decode(),)
        assert (cache.hits, cache.misses) == (10, 2)

    def test_a_part_is_read_as_its_client_reads_it(self) -> None:
        cache = VerdictCache(100, 1000)
        text = b"SELECT '\\'; COMMIT; --'"
        for _ in range(3):
            assert cache.lookup_part(text, 0, len(text), "UTF8", True).count == 2
            assert cache.lookup_part(text, 0, len(text), "UTF8", False).count == 1
            assert cache.lookup_part(TRAP, 0, len(TRAP), "UTF8", True).kinds == (Kind.SELECT,)
            assert cache.lookup_part(TRAP, 0, len(TRAP), "SJIS", True).kinds == (Kind.UNKNOWN,)

    def test_a_part_with_a_zero_byte_is_never_taken_for_a_pattern(self) -> None:
        cache = VerdictCache(100, 1000)
        for text in (b"SELECT 1", b"SELECT 2", b"SELECT 3"):
            cache.lookup_part(text, 0, len(text), "UTF8", True)
        for _ in range(3):
            assert cache.lookup_part(b"SELECT \x00", 0, 8, "UTF8", True).effects == Effect.UNKNOWN

    def test_parts_are_forgotten_and_kept_like_texts(self) -> None:
        cache = VerdictCache(4, 1000)
        for text in (b"BEGIN", b"BEGIN", b"BEGIN", b"SET a = 1", b"SET b = 1", b"BEGIN"):
            cache.lookup_part(text, 0, len(text), "UTF8", True)
        assert cache.statistics() == CacheStatistics(4, 28, 3, 3, 1), "it was seen, and moved"
        cache.forget()
        cache.lookup_part(b"BEGIN", 0, 5, "UTF8", True)
        assert cache.statistics().misses == 4

    def test_statistics(self) -> None:
        cache = VerdictCache(4, 1000)
        for text in (b"SELECT a", b"SELECT bb", b"BEGIN", b"SELECT a", b"BEGIN"):
            cache.lookup(text, "UTF8", True)
        # two texts a generation; SELECT a was used again and moved to the young one
        assert cache.statistics() == CacheStatistics(4, 30, 2, 3, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT currval('a')", True),
        ("SELECT nextval('a'), lastval()", True),
        ("DO $$ BEGIN PERFORM CurrVal('a'); END $$", True),
        ("SELECT query_to_xml('SELECT lastval()', true, true, '')", True),
        ("DO $$ BEGIN PERFORM 1; END $$", False),
        ("SELECT 'lastval()'", False),
    ],
)
def test_a_text_that_may_ask_for_last_values(text: str, *, told: bool) -> None:
    verdict = scan(text.encode(), "UTF8", True)
    assert bool(verdict.effects & Effect.SEQUENCE_TOLD) is told


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("SELECT 1", False),
        ("BEGIN; SET a.b = 1; SHOW a.b; COMMIT", False),
        ("SELECT 1; DELETE FROM t", True),
        ("ALTER TABLE t ADD COLUMN n serial", True),
        ("SELECT setval('a', 1)", True),
        ("SELECT query_to_xml('', true, true, '')", True),
        ("SELECT 'a", True),
    ],
)
def test_a_text_that_may_draw_from_a_sequence(text: str, *, may: bool) -> None:
    assert scan(text.encode(), "UTF8", True).may_draw is may


def test_a_verdict_as_shown_is_one_of_its_own() -> None:
    verdict = judged("SET datestyle = 'SQL, DMY'")
    own = verdict.as_shown()
    own.effects |= Effect.UNSEEN
    assert (own.kinds, own.settings, own.shown) == (verdict.kinds, ("datestyle",), verdict.effects)
    assert own.rereads
    assert not verdict.effects & Effect.UNSEEN


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (b"SELECT 1", True),
        (b"VALUES (1);", True),
        (b"SELECT 1; SELECT 2", False),
        (b"SELECT nextval('s')", False),
        (b"SELECT * INTO u FROM t", False),
        (b"TABLE t", False),
        (b"WITH x AS (SELECT 1) SELECT 1", False),
        (b"DELETE FROM t", False),
        (b"", False),
        (b"SELECT '", False),
    ],
)
def test_what_may_be_a_repeatable_read(text, read):
    assert scan(text, "UTF8", True).is_read() is read


def test_what_may_draw_is_no_such_read():
    drawing = scan(b"SELECT 1", "UTF8", True).as_shown()
    drawing.may_draw = True
    assert not drawing.is_read()


@pytest.mark.parametrize("text", [b"SELECT 1", b"VALUES (1)"])
def test_repeatable_and_other_reads_have_a_verdict_each_that_all_share(text):
    scanned = scan(text, "UTF8", True)
    assert not scanned.repeatable
    repeatable = scanned.repeating(True)
    assert repeatable.repeatable
    assert repeatable.kinds == scanned.kinds
    assert repeatable.repeating(True) is repeatable
    assert repeatable.repeating(False) is scanned
    assert not repeatable.as_shown().repeatable
