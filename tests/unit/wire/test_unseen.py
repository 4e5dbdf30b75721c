"""Which verdicts say that effects are possible that no text shows, and when they stop."""

import pytest

from pglane.wire import unseen
from pglane.wire.mentions import UNREAD, Names
from pglane.wire.statements import Effect, Kind, VerdictCache, scan
from pglane.wire.unseen import Sight

NAMES = Names((b"f",), (b"t",), (b"f", b"t", b"values"))


@pytest.fixture
def sight():
    known = Sight()
    known.learn(NAMES)
    return known


def judge(sight, text, standard=True):
    return sight.judge(text, standard, scan(text, "UTF8", standard))


def test_a_text_that_names_nothing_doubtful_keeps_the_scanners_verdict(sight):
    plain = scan(b"SELECT 1", "UTF8", True)
    assert sight.judge(b"SELECT 1", True, plain) is plain


def test_an_unreadable_text_is_everything_already(sight):
    unreadable = scan(b"SELECT 'f()", "UTF8", True)
    assert sight.judge(b"SELECT 'f()", True, unreadable) is unreadable


def test_what_is_not_proved_is_unseen_for_good(sight):
    verdict = judge(sight, b"SELECT f(1)")
    assert verdict.effects == Effect.UNSEEN
    assert verdict.certain
    sight.left_nothing(verdict)
    assert verdict.effects == Effect.UNSEEN
    assert judge(sight, b"SELECT f(2)").effects == Effect.UNSEEN


def test_what_it_may_set_is_looked_for_in_its_text(sight):
    assert judge(sight, b"SELECT f('app.x')").custom == ("app.x",)
    assert judge(sight, b"SELECT 'app.x'").custom == ()
    block = judge(sight, b"DO $$ BEGIN SET app.y = 1; END $$")
    assert block.custom == ("app.y",)
    assert sight.judge(b"DO", True, block).custom == ("app.y",), "looked for once"


def test_how_texts_are_read_behind_it_is_said_whatever_it_names(sight):
    for text in (b"SELECT f(), set_config('datestyle', 'DMY', true)", b"SET DateStyle = DMY"):
        assert judge(sight, text).rereads
        assert sight.renewed(text, judge(sight, text)).rereads
    assert not judge(sight, b"SELECT f()").rereads


def test_ddl_that_names_what_is_not_proved_is_not_passive(sight):
    assert judge(sight, b"CREATE TABLE g (a int)").passive
    assert judge(sight, b"CREATE TABLE t (a int)").passive is False
    assert judge(sight, b"DROP TABLE f").passive is False


def test_an_unknown_call_is_unseen_until_it_left_nothing(sight):
    verdict = judge(sight, b"SELECT g(1)")
    assert verdict.effects == Effect.UNSEEN
    assert not verdict.certain
    sight.left_nothing(verdict)
    assert verdict.effects == 0
    assert judge(sight, b"SELECT g(2)").effects == 0
    sight.learn(NAMES)
    assert judge(sight, b"SELECT g(2)").effects == Effect.UNSEEN


def test_until_the_catalogs_are_read_that_one_left_nothing_proves_nothing():
    """A lock that was not to be had leaves nothing; the next time it is had."""
    sight = Sight()
    verdict = judge(sight, b"SELECT g(1)")
    sight.left_nothing(verdict)
    assert verdict.effects == Effect.UNSEEN
    assert judge(sight, b"SELECT g(2)").effects == Effect.UNSEEN


def test_effects_that_the_text_shows_stay(sight):
    verdict = judge(sight, b"SELECT g(1), pg_advisory_lock(1)")
    assert verdict.effects == Effect.UNSEEN | Effect.ADVISORY
    sight.left_nothing(verdict)
    assert verdict.effects == Effect.ADVISORY


def test_a_plain_verdict_is_never_changed(sight):
    plain = scan(b"SELECT 1", "UTF8", True)
    sight.left_nothing(plain)
    assert not sight.harmless


def test_what_left_something_has_that_effect_from_then_on(sight):
    verdict = judge(sight, b"SELECT f(1)")
    assert sight.left(verdict, int(Effect.ADVISORY))
    assert verdict.effects == Effect.UNSEEN | Effect.ADVISORY
    assert not sight.left(verdict, int(Effect.ADVISORY))
    assert sight.left(verdict, int(Effect.TEMP))
    known = judge(sight, b"SELECT f(99)")
    assert known.effects == Effect.UNSEEN | Effect.ADVISORY | Effect.TEMP


def test_a_listening_function_has_no_channels_in_its_text(sight):
    verdict = judge(sight, b"SELECT f(1)")
    assert sight.left(verdict, int(Effect.LISTEN))
    assert verdict.effects == Effect.UNSEEN
    assert judge(sight, b"SELECT f(2)").effects == Effect.UNSEEN


def test_what_is_remembered_is_bounded(sight, monkeypatch):
    monkeypatch.setattr(unseen, "FINGERPRINTS_MAX", 2)
    for name in (b"a", b"b", b"c"):
        sight.left_nothing(judge(sight, b"SELECT %b(1)" % name))
        sight.left(judge(sight, b"SELECT f(%b)" % name), int(Effect.TEMP))
    assert len(sight.harmless) == 1
    assert len(sight.stateful) == 1


def test_a_prepared_statement_is_judged_anew(sight):
    text = b"INSERT INTO t VALUES (1)"
    doubted = judge(sight, text)
    sight.learn(Names((), (), (b"t", b"values")))
    clean = sight.renewed(text, doubted)
    assert clean.effects == 0
    sight.learn(NAMES)
    assert sight.renewed(text, clean).effects == Effect.UNSEEN


def test_a_text_is_judged_under_both_meanings_of_a_backslash(sight):
    text = rb"SELECT 'a\' , f() , ' \' --'"
    under_off = scan(text, "UTF8", False)
    assert sight.renewed(text, under_off).fingerprint
    other = rb"SELECT 'a\b'"
    assert sight.renewed(other, scan(other, "UTF8", False)).fingerprint == ""


def test_a_cache_asks_once_for_each_text(sight):
    cache = VerdictCache(100, 1000)
    cache.sight = sight
    assert cache.lookup(b"SELECT f(1)", "UTF8", True).effects == Effect.UNSEEN
    assert cache.lookup(b"SELECT f('x')", "UTF8", True).effects == Effect.UNSEEN
    sight.learn(Names((), (), (b"f",)))
    assert cache.lookup(b"SELECT f(2)", "UTF8", True).effects == Effect.UNSEEN
    cache.forget()
    assert cache.lookup(b"SELECT f(2)", "UTF8", True).effects == 0
    assert cache.statistics().entries == 1


def test_a_text_that_names_what_draws_may_draw(sight):
    sight.learn(Names((b"f",), (), (b"next_id", b"f"), (b"next_id",)))
    assert not judge(sight, b"SELECT 1").may_draw
    verdict = judge(sight, b"SELECT next_id()")
    assert (verdict.effects, verdict.may_draw, verdict.draws) == (0, True, False)
    assert not scan(b"SELECT next_id()", "UTF8", True).may_draw
    assert judge(sight, b"SELECT f()").may_draw
    sight.left_nothing(judge(sight, b"SELECT next_id(), g()"))
    sight.left_nothing(judge(sight, b"SELECT g()"))
    assert judge(sight, b"SELECT next_id(), g()").may_draw
    assert not judge(sight, b"SELECT g()").may_draw
    written = judge(sight, b"UPDATE t SET n = next_id()")
    assert (written.effects, written.may_draw) == (0, True)


READS = Names((b"f",), (), (b"count", b"t", b"values"), (b"next_id",)).with_runs((b"v",))


@pytest.fixture
def reading():
    known = Sight()
    known.learn(READS)
    return known


def test_a_proved_read_is_repeatable_and_shares_its_verdict(reading):
    verdict = judge(reading, b"SELECT count(*) FROM t")
    assert verdict.repeatable
    assert (verdict.kinds, verdict.effects, verdict.may_draw) == ((Kind.SELECT,), 0, False)
    assert judge(reading, b"SELECT 2") is verdict
    assert judge(reading, b"VALUES (1)").kinds == (Kind.VALUES,)
    assert judge(reading, b"VALUES (1)").repeatable
    assert not scan(b"SELECT count(*) FROM t", "UTF8", True).repeatable
    assert not verdict.as_shown().repeatable


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT * FROM v",
        b"SELECT f",
        b"SELECT next_id",
        b"SELECT g(1)",
        b"SELECT 1; SELECT 1",
        b"",
        b"TABLE t",
        b"WITH x AS MATERIALIZED SELECT 1",
        b"SHOW work_mem",
        b"DELETE FROM t",
        b"SELECT * INTO u FROM t",
        b"SELECT nextval",
        b"SELECT pg_notify('a', 'b')",
        b"SELECT * FROM t FOR SHARE",
        b"SELECT 'a",
    ],
)
def test_nothing_else_is_repeatable(reading, text):
    assert not judge(reading, text).repeatable


def test_a_call_that_left_nothing_is_no_proof(reading):
    text = b"SELECT g(1)"
    reading.left_nothing(judge(reading, text))
    assert judge(reading, text).effects == 0
    assert not judge(reading, text).repeatable


def test_until_the_catalogs_are_read_nothing_is_repeatable():
    assert not judge(Sight(), b"SELECT 1").repeatable


def test_a_cache_finds_it_anew_when_names_are_learnt(reading):
    cache = VerdictCache(100, 1000)
    cache.sight = reading
    text = b"SELECT a FROM t WHERE id = 1"
    for encoding in ("UTF8", "LATIN1"):
        assert cache.lookup(text, encoding, True).repeatable
    assert cache.lookup(b"SELECT a FROM t WHERE id = 22", "UTF8", True).repeatable
    assert not cache.lookup(b"SELECT '\x83' FROM t", "SJIS", True).repeatable
    assert not cache.lookup("SELECT 'é' FROM t".encode(), "SJIS", True).repeatable
    reading.learn(Names((), (), (b"count",)).with_runs((b"t",)))
    cache.forget()
    assert not cache.lookup(text, "UTF8", True).repeatable
    assert not cache.lookup(b"SELECT a FROM t WHERE id = 22", "UTF8", True).repeatable


def test_a_prepared_read_is_judged_by_the_names_that_are_known(reading):
    text = b"SELECT count(*) FROM t"
    prepared = judge(reading, text)
    reading.learn(Names((), (), (b"count", b"t")).with_runs((b"t",)))
    replaced = reading.renewed(text, prepared)
    assert not replaced.repeatable
    assert replaced is scan(text, "UTF8", True)
    reading.learn(Names((b"t",), (), (b"count", b"t")).with_runs((b"t",)))
    assert not reading.renewed(text, prepared).repeatable
    reading.learn(Names((), (), (b"count", b"t"), (b"t",)).with_runs(()))
    drawing = reading.renewed(text, prepared)
    assert (drawing.repeatable, drawing.may_draw) == (False, True)
    reading.learn(UNREAD)
    assert not reading.renewed(text, prepared).repeatable
    reading.learn(READS)
    assert reading.renewed(text, replaced).repeatable
    assert reading.renewed(text, drawing.as_shown()).repeatable


@pytest.mark.parametrize(
    "text",
    [
        rb"SELECT 'a\', v, '\'",
        rb"SELECT 'a\'', v --'",
        rb"SELECT 'a\b'",
        rb"SELECT 'a\', v, '' --'",
    ],
)
def test_a_prepared_read_is_repeatable_if_it_is_however_backslashes_are_read(reading, text):
    for standard in (True, False):
        first = scan(text, "UTF8", standard)
        if first.shown == 0:
            both = [judge(reading, text, each).repeatable for each in (True, False)]
            assert reading.renewed(text, first).repeatable is all(both)
            assert all(both) is (b"v" not in text)
