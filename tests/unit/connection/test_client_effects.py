"""What a client's texts may have done, in the form in use and in pure form."""

import pytest

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, messages

READY, PARSED, BOUND = s.ReadyForQuery(b"I"), s.ParseComplete(), s.BindComplete()
SYNC, FLUSH = c.Sync(), c.Flush()
SELECT = b"SELECT 1"


def prepared(lease: Lease, name: bytes = b"a", text: bytes = SELECT) -> None:
    lease.send(c.Parse(name, text), SYNC)
    if lease.exchange.outstanding() > 1:
        lease.answer(PARSED)
    lease.answer(READY)
    lease.told()


@pytest.fixture(params=FORMS)
def raw(request: pytest.FixtureRequest) -> Lease:
    return Lease(FORMS[request.param], virtual=False, statements_max=1)


def test_effects_and_settings_are_noted(lease: Lease) -> None:
    requests, effect = lease.requests, lease.form.Effect
    lease.send(c.Query(b"SET search_path = x"), c.Query(b"NOTIFY c"), c.Query(SELECT))
    assert requests.effects == int(effect.SETTING | effect.NOTIFY)
    assert requests.unanswered_effects == requests.effects
    assert requests.settings == {"search_path"}
    assert requests.encoding == "UTF8"


@pytest.mark.parametrize(
    ("text", "ends"),
    [(b"COMMIT", True), (b"ROLLBACK", True), (b"BEGIN", False), (b"LISTEN a", False)],
)
def test_what_was_bound_may_end_the_block_until_it_is_over(
    lease: Lease, text: bytes, ends: bool
) -> None:
    requests, effect = lease.requests, lease.form.Effect
    lease.send(c.Parse(b"", text), c.Bind(b"", b""), FLUSH)
    requests.answered(False)
    assert requests.unanswered_effects == (int(effect.TRANSACTION) if ends else 0)
    lease.send(c.Query(b"NOTIFY c"))
    requests.answered(False)
    assert bool(requests.unanswered_effects) is ends, "its portal may be there"
    requests.answered(True)
    assert requests.unanswered_effects == 0
    assert not requests.may_end


def test_what_nobody_can_read_may_end_the_block(raw: Lease) -> None:
    raw.send(c.Bind(b"", b"nobody's"))
    assert raw.requests.may_end


def test_the_names_of_many_settings_are_not_copied_with_each_more(lease: Lease) -> None:
    """A client that sets thousands would have the worker do nothing else."""
    lease.send(c.Query(b"SET a.b = 1"))
    settings = lease.requests.settings
    lease.send(c.Query(b"SET a.c = 1"))
    assert lease.requests.settings is settings
    assert settings == {"a.b", "a.c"}


@pytest.mark.parametrize("text", [b"DROP TABLE t", b"DO 'x'"])
def test_behind_ddl_a_known_text_is_parsed_again(lease: Lease, text: bytes) -> None:
    effect = lease.form.Effect
    prepared(lease)
    assert lease.send(c.Query(text), c.Parse(b"b", SELECT), SYNC) == messages(
        c.Query(text), c.Parse(b"ours_2", SELECT), SYNC
    ), "though the DDL is not answered yet"
    lease.answer(s.CommandComplete(b"X"), READY, PARSED, READY)
    assert lease.requests.effects & int(effect.CATALOG)
    lease.requests.catalog_settles(transaction_is_over=False)
    assert lease.send(c.Parse(b"c", SELECT), SYNC)[0] == c.Parse(b"ours_3", SELECT).encode()
    lease.answer(PARSED, READY)
    assert lease.requests.effects & int(effect.CATALOG)
    lease.requests.catalog_settles(transaction_is_over=True)
    assert not lease.requests.effects & int(effect.CATALOG)


def test_ddl_that_can_run_nothing_is_told_apart(lease: Lease) -> None:
    requests = lease.requests
    lease.send(c.Query(b"DROP TABLE t"))
    assert not requests.makes_code
    requests.names_changed()
    assert requests.makes_code, "it was judged by names that meant something else"
    requests.makes_code = False
    lease.send(c.Query(b"CREATE VIEW v AS SELECT 1"))
    assert requests.makes_code


def test_without_ddl_it_does_not_matter_what_names_mean(lease: Lease) -> None:
    lease.send(c.Query(SELECT))
    lease.requests.names_changed()
    assert not lease.requests.makes_code


def test_a_discard_behind_ddl_does_not_hide_it(lease: Lease) -> None:
    lease.send(c.Query(b"DROP TABLE t"))
    lease.answer(s.CommandComplete(b"DROP TABLE"), READY)
    prepared(lease)
    shape = lease.requests.statements[b"a"].shape
    lease.requests.discarded()
    prepared(lease, b"b")
    assert lease.requests.statements[b"b"].shape is not shape


@pytest.mark.parametrize("name", ["client_encoding", "standard_conforming_strings"])
def test_texts_are_not_read_while_their_encoding_is_uncertain(lease: Lease, name: str) -> None:
    lease.send(c.Query(f"SET {name} = x".encode()))
    text = c.Query(b"SELECT E'\\x83\\x5c'")
    assert lease.send(text) == messages(FLUSH)
    assert lease.outcome == lease.form.HELD
    lease.answer(s.CommandComplete(b"SET"), READY)
    assert lease.forward() == messages(text)
    assert not lease.requests.effects & int(lease.form.Effect.UNKNOWN)


def test_a_text_in_the_unit_that_changes_its_encoding_is_not_read(lease: Lease) -> None:
    lease.send(c.Parse(b"", b"SET client_encoding = SJIS"), c.Bind(b"", b""), c.Execute(b"", 0))
    text = c.Query(b"SELECT E'\\x83\\x5c'")
    assert lease.send(text) == messages(FLUSH)
    lease.answer(PARSED, BOUND, s.CommandComplete(b"SET"))
    assert lease.forward() == messages(text)
    assert lease.requests.effects & int(lease.form.Effect.UNKNOWN)


def test_effects_count_at_bind_in_the_extended_protocol(lease: Lease) -> None:
    prepared(lease, b"a", b"NOTIFY c")
    assert lease.requests.effects == 0
    lease.send(c.Bind(b"", b"a"))
    assert lease.requests.effects == int(lease.form.Effect.NOTIFY)


@pytest.mark.parametrize(
    ("text", "writes"),
    [
        (b"SELECT * FROM t", False),
        (b"SELECT * FROM t FOR UPDATE", False),
        (b"BEGIN; SET LOCAL work_mem = '5MB'; SHOW work_mem; SAVEPOINT a", False),
        (b"DECLARE c CURSOR FOR SELECT 1; FETCH c", False),
        (b"UPDATE t SET n = 1", True),
        (b"SELECT 1; DELETE FROM t", True),
        (b"WITH a AS (DELETE FROM t RETURNING n) SELECT n FROM a", True),
        (b"SELECT 1 INTO t", True),
        (b"CREATE TABLE t ()", True),
        (b"TRUNCATE t", True),
        (b"GRANT SELECT ON t TO a", True),
        (b"COMMENT ON TABLE t IS 'a'", True),
        (b"EXPLAIN ANALYZE DELETE FROM t", True),
        (b"NOTIFY a", True),
        (b"SELECT nextval('s')", True),
        (b"SELECT lo_unlink(1)", True),
        (b"EXECUTE a", True),
        (b"CALL p()", True),
    ],
)
def test_what_only_reads_is_known(lease: Lease, text: bytes, writes: bool) -> None:
    lease.send(c.Query(text))
    assert lease.requests.wrote == writes


def test_what_is_only_prepared_has_written_nothing(lease: Lease) -> None:
    prepared(lease, b"a", b"DELETE FROM t")
    assert not lease.requests.wrote
    lease.send(c.Bind(b"", b"a"))
    assert lease.requests.wrote


def test_portals_remember_what_they_run(lease: Lease) -> None:
    prepared(lease)
    lease.send(c.Parse(b"", b"DEALLOCATE a"), c.Bind(b"p", b""), c.Bind(b"q", b""))
    lease.answer(PARSED, BOUND, BOUND)
    lease.send(c.Parse(b"", SELECT), c.Bind(b"p", b""))
    lease.answer(PARSED, BOUND)
    assert len(lease.send(c.Execute(b"p"))) == 1
    lease.answer(s.CommandComplete(b"SELECT 1"))
    assert len(lease.send(c.Execute(b"q"))) == 3


def test_what_the_portal_of_one_client_runs_that_of_another_does_not(lease: Lease) -> None:
    other = lease.client()
    prepared(lease)
    lease.send(c.Parse(b"", b"DEALLOCATE a"), c.Bind(b"p", b""))
    lease.answer(PARSED, BOUND)
    for another in (other, lease.client()):
        lease.requests = another
        prepared(lease)
        assert lease.send(c.Execute(b"p")) == messages(c.Execute(b"p"))


def test_portals_that_run_nothing_are_not_kept_for_ever(lease: Lease) -> None:
    prepared(lease)
    lease.send(c.Parse(b"", b"DEALLOCATE a"))
    for number in range(lease.form.DEALLOCATING_MAX + 1):
        lease.send(c.Bind(b"p%d" % number, b""))
    lease.answer(PARSED, *[BOUND] * (lease.form.DEALLOCATING_MAX + 1))
    assert len(lease.send(c.Execute(b"p0"))) == 1
    lease.answer(s.CommandComplete(b"DEALLOCATE"))
    assert len(lease.send(c.Execute(b"p%d" % lease.form.DEALLOCATING_MAX))) == 3


def test_a_bind_of_a_name_unknown_to_us_is_no_deallocate(lease: Lease) -> None:
    prepared(lease)
    lease.send(c.Parse(b"", b"DEALLOCATE a"), c.Bind(b"", b""), c.Bind(b"", b"sql"))
    assert len(lease.send(c.Execute(b""))) == 1


def test_what_was_before_a_discard_is_gone_and_what_came_behind_is_not(lease: Lease) -> None:
    lease.send(c.Query(b"CREATE TEMP TABLE t ()"), c.Query(b"DISCARD ALL"), c.Query(b"SET a = 1"))
    lease.requests.discarded()
    assert lease.requests.effects == lease.form.Effect.SETTING
    assert lease.requests.discards == 0


def test_a_second_discard_is_sent_when_the_first_is_answered(lease: Lease) -> None:
    lease.send(c.Query(b"DISCARD ALL"), c.Query(b"SET a = 1"), c.Query(b"DISCARD ALL"))
    lease.requests.discarded()
    assert lease.requests.effects & lease.form.Effect.SETTING
    assert lease.requests.discards == 0
    lease.answer(s.CommandComplete(b"DISCARD ALL"), READY, s.CommandComplete(b"SET"), READY)
    assert lease.forward() == messages(c.Query(b"DISCARD ALL"))
    lease.requests.discarded()
    assert (lease.requests.effects, lease.requests.discards) == (0, 0)


def test_behind_two_discards_on_their_way_everything_may_hold(raw: Lease) -> None:
    discard = c.Query(b"DISCARD ALL")
    raw.send(discard, c.Query(b"SET a = 1"), discard, c.Query(b"CREATE TEMP TABLE t ()"))
    assert raw.requests.discards == 2
    raw.requests.discarded()
    assert raw.requests.effects & raw.form.Effect.SETTING
    assert raw.requests.effects & raw.form.Effect.TEMP
    assert raw.requests.discards == 1
