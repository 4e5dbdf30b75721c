"""Which verdicts say that effects are possible that no text shows, and when they stop."""

import pytest

from pglane.wire import unseen
from pglane.wire.mentions import Names
from pglane.wire.statements import Effect, VerdictCache, scan
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
