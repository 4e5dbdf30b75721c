"""Every refusal is known by its code, and its texts are filled in when it arises."""

import pytest

from pglane.errors import CATALOGUE, Refusal


class Example(Refusal):
    code = "PGL9999"
    sqlstate = "XX000"
    message = "{what} is full"
    detail = "{used} of {limit} are used"
    hint = "wait, or raise {what}"
    retry_safe = True


EXAMPLE = Example(what="the pool", used=4, limit=4)


@pytest.fixture(autouse=True, scope="module")
def _forget_the_example():
    yield
    del CATALOGUE["PGL9999"]


def test_texts_are_filled_in_and_the_detail_carries_the_code() -> None:
    assert EXAMPLE.text == "the pool is full"
    assert EXAMPLE.detail_text == "4 of 4 are used (PGL9999)"
    assert EXAMPLE.hint_text == "wait, or raise the pool"


def test_a_person_reads_three_lines() -> None:
    assert str(EXAMPLE).splitlines() == [
        "the pool is full",
        "  detail: 4 of 4 are used (PGL9999)",
        "  hint: wait, or raise the pool",
    ]


def test_a_value_that_a_template_needs_must_be_given() -> None:
    with pytest.raises(KeyError, match="used"):
        Example(what="the pool", limit=4)


def test_severity_follows_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert EXAMPLE.severity == "ERROR"
    monkeypatch.setattr(Example, "fatal", True)
    assert EXAMPLE.severity == "FATAL"


def test_a_class_is_found_by_its_code() -> None:
    assert CATALOGUE["PGL9999"] is Example


def test_a_code_is_used_once() -> None:
    with pytest.raises(TypeError, match="PGL9999 is Example and Second"):
        type("Second", (Refusal,), {"code": "PGL9999"})
    assert CATALOGUE["PGL9999"] is Example


def test_a_module_that_is_loaded_again_registers_again() -> None:
    again = type("Example", (Refusal,), {"code": "PGL9999", "__qualname__": Example.__qualname__})
    assert CATALOGUE["PGL9999"] is again
    CATALOGUE["PGL9999"] = Example
