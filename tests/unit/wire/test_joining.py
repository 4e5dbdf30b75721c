"""Bytes put together are what `+` makes of them."""

import pytest
from hypothesis import given, strategies as st

from pglane.wire.joining import joined


@given(parts=st.lists(st.binary(max_size=20), min_size=2, max_size=5))
def test_they_are_one_behind_the_other(parts: list[bytes]) -> None:
    assert joined(*parts) == b"".join(parts)


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("wrong", ["text", None])
def test_only_bytes_are_put_together(at: int, wrong: object) -> None:
    parts: list[object] = [b"x"] * 5
    parts[at] = wrong
    with pytest.raises(TypeError):
        joined(*parts)  # type: ignore[arg-type]
