import string

import pytest

from pglane.errors import Refusal, embedded

CLASSES = [
    each
    for each in vars(embedded).values()
    if isinstance(each, type) and issubclass(each, Refusal) and each is not Refusal
]


def names(template):
    return {
        name for _text, name, _format, _conversion in string.Formatter().parse(template) if name
    }


@pytest.mark.parametrize("refusal", CLASSES, ids=lambda refusal: refusal.__name__)
def test_every_refusal_can_be_told(refusal):
    wanted = names(refusal.message) | names(refusal.detail) | names(refusal.hint)
    told = str(refusal(**{name: f"<{name}>" for name in wanted}))
    assert refusal.code.startswith("PGL09")
    assert f"({refusal.code})" in told
    assert all(f"<{name}>" in told for name in wanted)
    assert refusal.retry_safe
    assert len(refusal.sqlstate) == 5


def test_the_family_is_not_empty():
    assert len(CLASSES) > 5
