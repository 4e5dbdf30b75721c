"""A client and the server connection it holds, for every test of what travels between them.

What the fixtures use is imported where they run: pytest reads this file before it chooses the form
of pglane that all tests import.
"""

import importlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.lease import Lease
    from tests.support.strict_allowance import Strict


@pytest.fixture(params=("in use", "pure"))
def lease(request: pytest.FixtureRequest) -> "Lease":
    """In each form; a server connection keeps three statements."""
    support = importlib.import_module("tests.support.lease")
    made: Lease = support.Lease(support.FORMS[request.param], statements_max=3)
    return made


@pytest.fixture
def strict(lease: "Lease") -> "Strict":
    """The lease's client is behind a door that refuses what `Strict` refuses."""
    allowance: Strict = importlib.import_module("tests.support.strict_allowance").Strict()
    lease.requests.limit(allowance)
    return allowance
