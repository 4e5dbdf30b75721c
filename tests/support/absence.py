"""What a test does when a server it needs is not installed."""

from typing import NoReturn

import pytest

from tools import install_test_servers


def without_servers() -> NoReturn:
    """Skips the test with the reason, or fails it where nothing excuses the absence."""
    reason = install_test_servers.absence()
    if install_test_servers.is_required():
        pytest.fail(reason)
    pytest.skip(reason)
