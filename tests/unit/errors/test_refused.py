import pytest

from pglane.errors import RefusedError
from pglane.errors.configuration import PasswordNeeded, PortTwice


def test_it_carries_all_that_was_found():
    found = (
        PasswordNeeded(where="the URI", user="u"),
        PortTwice(where="--direct-port", key="direct_port", other="session_port", port=1),
    )
    with pytest.raises(RefusedError) as caught:
        raise RefusedError(*found)
    assert caught.value.refusals == found
    assert str(caught.value).count("hint: ") == 2
