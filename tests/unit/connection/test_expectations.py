"""What is taken back, in the form in use and in pure form."""

from typing import Any

import pytest

from tests.support.lease import FORMS


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Any:
    return FORMS[request.param]


def statement(form: Any, text: bytes = b"SELECT 1") -> Any:
    return form.client_statement(text, b"", None, form.Shape(text, b"", None))


def test_a_parse_is_settled(form: Any) -> None:
    made = statement(form)
    change = form.pending_parse(None, {b"a": made}, b"a", made, None)
    assert change.settle() == form.PARSE_COMPLETE
    assert made.settled


def test_a_close_is_settled(form: Any) -> None:
    change = form.pending_parse(None, {}, b"a", None, statement(form))
    assert change.settle() == form.CLOSE_COMPLETE


def test_a_discarded_parse_gives_the_name_back(form: Any) -> None:
    before, made = statement(form), statement(form)
    names = {b"": made}
    form.pending_parse(None, names, b"", made, before).undo(None, failed=False)
    assert names == {b"": before}


def test_a_failed_parse_leaves_nothing(form: Any) -> None:
    before, made = statement(form), statement(form)
    names = {b"": made}
    form.pending_parse(None, names, b"", made, before).undo(None, failed=True)
    assert names == {}


def test_a_discarded_close_keeps_the_statement(form: Any) -> None:
    before = statement(form)
    names: dict[bytes, Any] = {}
    form.pending_parse(None, names, b"a", None, before).undo(None, failed=False)
    assert names == {b"a": before}


def test_a_discarded_close_of_nothing_does_nothing(form: Any) -> None:
    names: dict[bytes, Any] = {}
    form.pending_parse(None, names, b"a", None, None).undo(None, failed=False)
    assert names == {}


def test_what_was_replaced_since_is_left_alone(form: Any) -> None:
    made, newer = statement(form), statement(form)
    names = {b"": newer}
    form.pending_parse(None, names, b"", made, None).undo(None, failed=False)
    assert names == {b"": newer}


def test_a_deallocation_drops_the_name_once(form: Any) -> None:
    mine, other = statement(form), statement(form)
    names = {b"a": mine}
    empty = form.ServerStatement(b"a", mine.shape)
    deallocation = form.PendingDeallocation(names, b"a", mine, empty)
    deallocation.done()
    assert names == {}
    names[b"a"] = other
    deallocation.done()
    assert names == {b"a": other}


class Heard:
    """Stands for subscriptions."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes]] = []

    def did(self, step: str, tag: bytes) -> None:
        self.seen.append((step, tag))


def test_statements_are_done_one_after_the_other(form: Any) -> None:
    heard = Heard()
    change = form.PendingSteps(heard, ["first", "second"], {}, None)
    for tag in (b"LISTEN", b"SELECT 1", b"more than were asked"):
        form.note_step(change, tag)
    form.note_step(None, b"LISTEN")
    assert heard.seen == [("first", b"LISTEN"), ("second", b"SELECT 1")]


def test_a_refusal_that_is_discarded_keeps_the_unnamed_statement(form: Any) -> None:
    names: dict[bytes, Any] = {}
    before = statement(form)
    refusal = form.PendingRefusal(b"no", names, before)
    assert refusal.answer == b"no"
    refusal.undo(None, failed=False)
    assert names == {b"": before}


def test_names_are_forgotten_but_for_those_asked_for_since(form: Any) -> None:
    one = statement(form)
    names = {b"": one, b"a": one, b"b": one}
    form.forget_names(names, [None, form.pending_parse(None, names, b"b", one, None)])
    assert names == {b"": one, b"b": one}


def test_what_changed_an_undone_statement_changed_the_one_before_it(form: Any) -> None:
    first, undone, last = statement(form), statement(form), statement(form)
    names = {b"a": last}
    later = form.pending_parse(None, names, b"a", last, undone)
    form.pending_parse(None, names, b"a", undone, first).undo(later, failed=False)
    assert later.before is first
    assert names == {b"a": last}
    form.pending_parse(None, names, b"a", undone, first).undo(later, failed=True)
    assert later.before is None


def test_a_close_that_stands_is_not_taken_for_one_that_is_undone(form: Any) -> None:
    first = statement(form)
    names: dict[bytes, Any] = {}
    later = form.pending_parse(None, names, b"a", None, None)
    form.pending_parse(None, names, b"a", None, first).undo(later, failed=False)
    assert names == {}
    assert later.before is first


def test_the_first_change_of_each_name_is_found(form: Any) -> None:
    one, other = statement(form), statement(form)
    first, second, third = (
        form.pending_parse(None, {}, name, made, None)
        for name, made in ((b"a", one), (b"b", other), (b"a", other))
    )
    found = form.first_changes([None, first, b"refused", second, third])
    assert found == {b"a": first, b"b": second}
