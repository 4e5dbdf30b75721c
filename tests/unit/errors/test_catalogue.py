"""Every refusal is known by its code, and its texts are filled in when it arises."""

import re
import string

import pytest

from pglane.config.settings import descriptions
from pglane.errors import CATALOGUE, Refusal


class Example(Refusal):
    code = "PGL9999"
    sqlstate = "XX000"
    message = "{what} is full"
    detail = "{used} of {limit} are used"
    hint = "wait, or raise {what}"
    retry_safe = True


REFUSALS = [pytest.param(one, id=one.__name__) for one in CATALOGUE.values() if one is not Example]
LEVELS = {"debug", "info", "warning", "error", "critical"}

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


@pytest.mark.parametrize("refusal", REFUSALS)
def test_every_refusal_says_all_that_it_must(refusal: type[Refusal]) -> None:
    assert re.fullmatch(r"PGL\d{4}", refusal.code)
    assert re.fullmatch(r"[0-9A-Z]{5}", refusal.sqlstate)
    assert refusal.__doc__
    assert all((refusal.message, refusal.detail, refusal.hint))
    assert isinstance(refusal.retry_safe, bool)
    assert refusal.log_level in LEVELS


@pytest.mark.parametrize("refusal", REFUSALS)
def test_every_template_can_be_filled_in(refusal: type[Refusal]) -> None:
    text = f"{refusal.message} {refusal.detail} {refusal.hint}"
    fields = [(name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name]
    told = refusal(**{name: 12.5 if spec else "seen" for name, spec in fields})
    assert refusal.code in told.detail_text
    assert "{" not in str(told)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_setting_is_called_as_the_file_calls_it(refusal: type[Refusal]) -> None:
    inside = {each.name for each in descriptions() if each.name != each.key}
    words = re.findall(r"[a-z_]+", f"{refusal.message} {refusal.detail} {refusal.hint}")
    assert not inside & set(words)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_who_is_not_at_the_console_is_told_where_its_commands_are(refusal: type[Refusal]) -> None:
    if not refusal.code.startswith("PGL08"):
        assert not re.search(r"\bSHOW [A-Z_]+(?! in the database pglane|[A-Z_])", refusal.hint)
