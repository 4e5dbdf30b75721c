"""Family 08."""

import string

import pytest

from pglane.errors import CATALOGUE, console, processes

MODULES = {console.__name__, processes.__name__}
FAMILY = [kind for code, kind in sorted(CATALOGUE.items()) if code.startswith("PGL08")]


def names_in(*templates):
    parsed = [part for template in templates for part in string.Formatter().parse(template)]
    return {name for _, name, _, _ in parsed if name}


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_every_text_is_filled_in(kind):
    seen = {name: f"<{name}>" for name in names_in(kind.message, kind.detail, kind.hint)}
    refusal = kind(**seen)
    told = refusal.text + refusal.detail_text + refusal.hint_text
    assert all(value in told for value in seen.values())
    assert kind.code in refusal.detail_text
    assert refusal.hint_text.endswith(".")
    assert not refusal.text.endswith(".")
    assert len(kind.sqlstate) == 5


def test_the_family_is_here():
    assert len(FAMILY) == 28
    assert {kind.__module__ for kind in FAMILY} == MODULES
