"""What is missing is told, with where to get it."""

from pathlib import Path

import pytest

from tests.compat.__main__ import main
from tests.compat.checkout import CheckoutMissing, found
from tests.compat.suites import SUITES

VERSIONS = {
    "psycopg": '[project]\nversion = "3.3.4"\n',
    "asyncpg": "__version__: typing.Final = '3.3.4'\n",
    "sqlalchemy": 'import x\n\n__version__ = "3.3.4"\n',
    "django": 'VERSION = (3, 3, 4, "final", 0)\n',
}


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_missing_checkout_is_told_with_its_origin(suite, tmp_path: Path) -> None:
    with pytest.raises(CheckoutMissing) as caught:
        found(suite, tmp_path)
    assert suite.origin in str(caught.value)
    assert str(tmp_path / suite.checkout) in str(caught.value)


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_checkout_tells_its_version(suite, tmp_path: Path) -> None:
    path = tmp_path / suite.checkout / suite.version_file
    path.parent.mkdir(parents=True)
    path.write_text(VERSIONS[suite.checkout])
    assert suite.version_of(found(suite, tmp_path)) == "3.3.4"


def test_the_command_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["asyncpg", "--sources", str(tmp_path)]) == 2
    assert "pip download" in capsys.readouterr().err
