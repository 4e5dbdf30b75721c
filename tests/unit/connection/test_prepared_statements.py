"""Shapes and server-side statements, in the form in use and in pure form."""

from typing import Any

import pytest

from pglane.wire import server_messages as s
from tests.support.lease import FORMS


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Any:
    return FORMS[request.param]


@pytest.fixture
def shapes(form: Any) -> Any:
    return form.Shapes()


@pytest.fixture
def statements(form: Any) -> Any:
    return form.ServerStatements(b"ours_", 2)


def add(statements: Any, shape: Any) -> Any:
    statement = statements.add(shape)
    statement.complete = True
    return statement


def test_equal_shapes_are_one(shapes: Any) -> None:
    shape = shapes.of(b"SELECT 1", b"\0\0", ("k",))
    assert shapes.of(b"SELECT 1", b"\0\0", ("k",)) is shape
    assert shapes.of(b"SELECT 1", b"\0\0", ("other",)) is not shape
    assert shapes.of(b"SELECT 1", b"\0\1\0\0\0\x17", ("k",)) is not shape
    assert (shape.text, shape.types, shape.parse_key) == (b"SELECT 1", b"\0\0", ("k",))


def test_a_stale_shape_is_made_anew(shapes: Any) -> None:
    shape = shapes.of(b"TABLE t", b"", None)
    shape.stale = True
    fresh = shapes.of(b"TABLE t", b"", None)
    assert fresh is not shape
    assert shapes.of(b"TABLE t", b"", None) is fresh


def test_after_ddl_a_text_gets_a_new_shape_and_the_old_one_lives_on(
    shapes: Any, statements: Any
) -> None:
    shape = shapes.of(b"TABLE t", b"", None)
    old = add(statements, shape)
    shapes.renew()
    fresh = shapes.of(b"TABLE t", b"", None)
    assert fresh is not shape
    assert shapes.of(b"TABLE t", b"", None) is fresh
    assert statements.find(fresh) is None
    assert statements.find(shape) is old
    assert not shape.stale


def row_description(*columns: s.FieldDescription) -> bytes:
    return s.RowDescription(columns).encode()


def test_where_columns_come_from_does_not_count(form: Any) -> None:
    one = s.FieldDescription(b"a", 16_384, 1, 23, 4, -1, 0)
    moved = s.FieldDescription(b"a", 16_999, 2, 23, 4, -1, 0)
    other = s.FieldDescription(b"a", 16_384, 1, 25, -1, -1, 0)
    parameters = s.ParameterDescription((23, 25)).encode()
    for before in (b"", parameters):
        compared = form.without_origins(before + row_description(one, one))
        assert compared == form.without_origins(before + row_description(moved, one))
        assert compared != form.without_origins(before + row_description(other, one))
        assert compared != form.without_origins(before + row_description(one))
    assert form.without_origins(parameters + s.NoData().encode()).startswith(parameters)


@pytest.mark.parametrize("cut", range(5, 40))
def test_a_description_that_breaks_off_is_compared_as_it_is(form: Any, cut: int) -> None:
    column = s.FieldDescription(b"a", 16_384, 1, 23, 4, -1, 0)
    broken = row_description(column, column)[:cut]
    assert form.without_origins(broken)[:5] == broken[:5]


@pytest.mark.parametrize("limits", [(2, 1000), (1000, 20)])
def test_the_table_of_shapes_starts_anew(form: Any, limits: tuple[int, int]) -> None:
    shapes = form.Shapes(*limits)
    first = shapes.of(b"1" * 9, b"", None)
    second = shapes.of(b"2" * 9, b"", None)
    assert shapes.of(b"1" * 9, b"", None) is first
    shapes.of(b"3" * 9, b"", None)
    assert shapes.of(b"2" * 9, b"", None) is not second


def test_names_are_new_every_time(statements: Any, shapes: Any) -> None:
    one = statements.add(shapes.of(b"1", b"", None))
    two = statements.apart(shapes.of(b"2", b"", None))
    assert (one.name, two.name) == (b"ours_1", b"ours_2")
    assert not one.complete
    assert len(statements) == 1
    assert statements.is_ours(b"ours_7")
    assert not statements.is_ours(b"our")


def test_adding_a_shape_again_closes_the_old_statement(statements: Any, shapes: Any) -> None:
    shape = shapes.of(b"1", b"", None)
    old, new = statements.add(shape), statements.add(shape)
    assert statements.find(shape) is new
    assert statements.unclosed == [old]
    assert statements.evict() is old
    assert statements.evict() is None


def test_what_is_loose_is_one_clients_and_goes_with_its_lease(
    form: Any, statements: Any, shapes: Any
) -> None:
    shared, loose = shapes.of(b"1", b"", None), shapes.loose(b"1", b"", None)
    assert loose is not shared
    assert shapes.of(b"1", b"", None) is shared
    statements.add(shared)
    assert not statements.has_loose
    old = statements.add(loose)
    assert statements.has_loose
    loose.description = b"T"
    statements.told(told(form, loose), b"U")  # it goes on as another shape, which is loose too
    statements.drop_loose()
    assert statements.unclosed == [old]
    assert statements.find(shared) is not None
    assert (len(statements), statements.has_loose) == (1, False)


def test_the_least_recently_used_is_evicted(statements: Any, shapes: Any) -> None:
    made = [add(statements, shapes.of(b"%d" % n, b"", None)) for n in range(3)]
    statements.find(made[0].shape)
    assert statements.evict() is made[1]
    assert statements.find(made[1].shape) is None
    assert statements.evict() is None


def test_who_is_passed_over_once_is_not_again(statements: Any, shapes: Any) -> None:
    made = [add(statements, shapes.of(b"%d" % n, b"", None)) for n in range(4)]
    for statement in made:
        statements.find(statement.shape)
    assert statements.evict() is made[0], "all were used: the oldest"
    statements.find(made[2].shape)
    assert statements.evict() is made[1]
    assert statements.evict() is None


def test_a_pending_statement_is_not_evicted(statements: Any, shapes: Any) -> None:
    for n in range(3):
        statements.add(shapes.of(b"%d" % n, b"", None))
    assert statements.evict() is None


def test_large_texts_are_evicted_early(form: Any, statements: Any, shapes: Any) -> None:
    large = b"x" * (form.TEXT_BYTES_MAX + 1)
    statement = add(statements, shapes.of(large, b"", None))
    assert statements.evict() is statement
    assert statements.evict() is None


def test_forgetting_another_statement_of_the_shape_changes_nothing(
    statements: Any, shapes: Any
) -> None:
    shape = shapes.of(b"1", b"", None)
    statement = statements.add(shape)
    statements.forget(statements.apart(shape))
    assert statements.find(shape) is statement
    statements.forget(statement)
    assert statements.find(shape) is None
    statements.drop(shape)
    assert statements.unclosed == []


def told(form: Any, shape: Any) -> Any:
    return form.client_statement(shape.text, shape.types, None, shape)


def test_the_first_description_is_the_promise(form: Any, statements: Any, shapes: Any) -> None:
    shape = shapes.of(b"1", b"", None)
    statement = statements.add(shape)
    statements.told(told(form, shape), b"T")
    assert shape.description == b"T"
    assert statement.checked
    statements.told(told(form, shape), b"T")
    assert not shape.stale


def test_another_description_parts_clients(form: Any, statements: Any, shapes: Any) -> None:
    shape = shapes.of(b"1", b"", None)
    statement = statements.add(shape)
    client_statement = told(form, shape)
    statements.told(told(form, shape), b"T")
    statements.told(client_statement, b"U")
    assert shape.stale
    assert client_statement.shape.description == b"U"
    assert statements.find(client_statement.shape) is statement
    assert statements.find(shape) is None
    statements.told(client_statement, b"V")
    statements.clear()
    statements.told(client_statement, b"W")
    assert client_statement.shape.description == b"W"


def test_our_own_description_is_compared(form: Any, statements: Any, shapes: Any) -> None:
    shape = shapes.of(b"1", b"", None)
    statements.compare(told(form, shape), b"T")
    assert shape.description == b"T"
    statement = statements.add(shape)
    statements.compare(told(form, shape), b"T")
    assert statement.checked
    assert not shape.stale
    statements.compare(told(form, shape), b"U")
    assert shape.stale
    assert statements.unlike is shape
    assert statements.find(shape) is None
    assert statements.unclosed == [statement]
    statements.clear()
    assert statements.unlike is None


def test_types_that_were_told_are_fixed(form: Any, statements: Any, shapes: Any) -> None:
    shape = shapes.of(b"x", b"\x00\x00", None)
    for description, types in [
        (None, b"\x00\x00"),
        (s.NoData().encode(), b"\x00\x00"),
        (
            s.ParameterDescription((23, 25)).encode() + s.NoData().encode(),
            b"\x00\x02\x00\x00\x00\x17\x00\x00\x00\x19",
        ),
    ]:
        shape.description = description
        assert shape.fixed_types() == types


def test_an_unnamed_statement_found_stale_is_not_here_any_more(
    form: Any, statements: Any, shapes: Any
) -> None:
    unnamed = told(form, shapes.of(b"x", b"", None))
    statements.unnamed = unnamed
    statements.compare(unnamed, b"n....")
    assert statements.unnamed is unnamed
    statements.compare(unnamed, b"n...!")
    assert unnamed.shape.stale
    assert statements.unnamed is None


def test_an_unnamed_statement_may_be_left_until_a_query(
    form: Any, statements: Any, shapes: Any
) -> None:
    statements.holds_unnamed(told(form, shapes.of(b"x", b"", None)), 3)
    assert statements.unnamed_segment == 3
    statements.unnamed = None
    assert statements.unnamed_left
    statements.destroys_unnamed()
    assert not statements.unnamed_left


def test_a_statement_is_dropped_by_its_name(statements: Any, shapes: Any) -> None:
    shape, other = shapes.of(b"1", b"", None), shapes.of(b"2", b"", None)
    one, two = add(statements, shape), add(statements, other)
    pending = statements.add(shapes.of(b"3", b"", None))
    for name in (one.name, pending.name, b"unknown"):
        statements.drop_named(name)
    assert statements.find(shape) is None
    assert statements.find(other) is two
    assert statements.unclosed == [one]


def test_what_is_pending_survives_deallocate_all(statements: Any, shapes: Any) -> None:
    add(statements, shapes.of(b"1", b"", None))
    pending = statements.add(shapes.of(b"2", b"", None))
    statements.forget_complete()
    assert statements.all() == [pending]
    statements.unclosed.append(pending)
    statements.unnamed = object()
    statements.clear()
    assert statements.all() == []
    assert statements.unnamed is None


@pytest.mark.parametrize(
    ("fields", "stale", "left"),
    [
        ({"C": b"0A000", "R": b"RevalidateCachedQuery"}, True, 1),
        ({"C": b"0A000", "R": b"other"}, False, 1),
        ({"C": b"26000"}, False, 0),
        ({}, False, 1),
    ],
)
def test_which_errors_make_a_statement_unfit(
    statements: Any, shapes: Any, fields: dict[str, bytes], stale: bool, left: int
) -> None:
    shape = shapes.of(b"1", b"", None)
    statements.add(shape)
    statements.distrust(shape, fields)
    assert shape.stale == stale
    assert len(statements) == left
    assert len(statements.unclosed) == 1 - left


def test_shapes_are_counted_until_nobody_uses_them(form: Any) -> None:
    counted: list[int] = []
    shapes = form.Shapes(note=counted.append)
    shape = shapes.of(b"1" * 9, b"", None)
    assert shapes.of(b"1" * 9, b"", None) is shape
    assert counted == [9 + form.OBJECTS_BYTES]
    shapes.forget()
    assert len(counted) == 1
    del shape
    assert sum(counted) == 0
    weight = shapes.weigh(7)
    assert counted[-1] == 7
    del weight
    assert sum(counted) == 0
    assert form.Shapes().weigh(7) is None
