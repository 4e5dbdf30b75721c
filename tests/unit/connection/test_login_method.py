import pytest

from pglane.connection.login_method import LoginMethod


def test_what_each_way_has_of_its_own():
    method = LoginMethod()
    assert (method.expected, method.over, method.client_key) == ("", False, b"")
    assert method.keys is None
    assert method.request() == b""
    with pytest.raises(NotImplementedError):
        method.take(b"")
