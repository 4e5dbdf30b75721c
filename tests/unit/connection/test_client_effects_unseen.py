"""What a client's texts may have done that they do not show, in both forms."""

import pytest

from pglane.connection.client_effects import NAMED_MAX, UNSEEN_MAX
from pglane.connection.sql_statements import SqlStatement
from pglane.wire import client_messages as c, server_messages as s
from pglane.wire.mentions import Names
from pglane.wire.statements import Effect
from pglane.wire.unseen import Sight
from tests.support.lease import Lease

READY = s.ReadyForQuery(b"I")


def test_the_verdicts_of_one_lease_are_kept_each_once_and_not_too_many(
    lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    sight = Sight()
    sight.learn(Names((b"f",), (), ()))
    lease.cache.sight = sight
    texts = [b"SELECT f(%b)" % (b"a" * n) for n in range(1, UNSEEN_MAX + 3)]
    for text in [texts[0], *texts]:
        lease.send(c.Query(text))
        lease.answer(s.CommandComplete(b"SELECT 1"), READY)
    assert lease.requests.effects == Effect.UNSEEN
    assert len(lease.requests.unseen) == UNSEEN_MAX
    lease.requests.effects = 0  # a new lease
    lease.send(c.Query(texts[0]))
    assert len(lease.requests.unseen) == 1


def test_what_may_be_names_of_settings_is_kept_and_not_too_much(lease: Lease) -> None:
    sight = Sight()
    sight.learn(Names((b"f",), (), ()))
    lease.cache.sight = sight
    other = lease.client()
    lease.send(c.Query(b"SELECT 'no.name'"), c.Query(b"SELECT f('app.x')"))
    lease.send(c.Query(b"DO $$ BEGIN SET app.y = 1; END $$"))
    lease.requests.note_executed([SqlStatement("a", "PREPARE a AS SELECT f('app.z')", ())])
    assert lease.requests.named == {"app.x", "app.y", "app.z"}
    assert other.named == set()
    for number in range(NAMED_MAX):
        lease.send(c.Query(b"SELECT f('app.x%d')" % number))
    assert len(lease.requests.named) == NAMED_MAX


@pytest.mark.parametrize("name", [b"", b"a"])
def test_a_parameter_may_be_the_name_of_a_setting(lease: Lease, name: bytes) -> None:
    sight = Sight()
    sight.learn(Names((b"f",), (), ()))
    lease.cache.sight = sight
    lease.send(c.Parse(name, b"SELECT f($1)"), c.Sync())
    lease.answer(s.ParseComplete(), READY)
    for value in (b"app.x", b"none"):
        lease.send(c.Bind(b"", name, (), (value,)), c.Sync())
        lease.answer(s.BindComplete(), READY)
    assert lease.requests.named == {"app.x"}


def test_a_function_called_by_its_number_can_do_anything(lease: Lease) -> None:
    lease.send(c.FunctionCall(1))
    assert lease.requests.effects & Effect.OPAQUE


def test_what_was_prepared_by_sql_is_unseen_too_when_it_may_have_run(lease: Lease) -> None:
    sight = Sight()
    sight.learn(Names((b"f",), (), ()))
    lease.cache.sight = sight
    lease.requests.note_executed([SqlStatement("a", "PREPARE a AS SELECT f(1)", ())])
    assert lease.requests.effects & Effect.UNSEEN
    assert len(lease.requests.unseen) == 1


def test_what_one_client_left_is_not_said_of_another(lease: Lease) -> None:
    """Empty at first, these are the same object for all."""
    sight = Sight()
    sight.learn(Names((b"f",), (), ()))
    lease.cache.sight = sight
    before = lease.client()
    lease.send(c.Query(b"DROP TABLE t"), c.Query(b"SELECT f(1)"), c.Query(b"SET a.b = 1"))
    lease.requests.note_executed([SqlStatement("a", "PREPARE a AS SELECT f(2)", ())])
    assert len(lease.requests.unseen) == 2
    assert lease.requests.settings == {"a.b"}
    for other in (before, lease.client()):
        assert other.unseen == []
        assert other.settings == set()


def test_ddl_behind_a_statement_to_blame_leaves_it_to_blame(lease: Lease) -> None:
    sight = Sight()
    sight.learn(Names((b"f",), (), ()))
    lease.cache.sight = sight
    lease.send(c.Query(b"SELECT f(1)"), c.Query(b"DROP TABLE t"))
    assert lease.requests.effects & Effect.UNSEEN
    assert len(lease.requests.unseen) == 1
