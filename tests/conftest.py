"""The form under test: `--form=pure` runs sources only, `--form=compiled` insists on extensions.

Without the option modules are imported as they are built; the header says how many are compiled.
No `conftest.py` may import pglane at its top: the choice is made after they are loaded.
"""

import signal

import hypothesis
import pytest

from tests.support import pure
from tests.support.absence import without_servers
from tools import build_extensions, install_test_servers

# How long an example takes says something about the machine, not about the code.
hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")

HOUSE_FIGURES = pytest.StashKey[list[str]]()


def _let_interrupts_in() -> None:
    """A run in the background of a shell has signals ignored, and its children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)


_let_interrupts_in()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--form",
        choices=("pure", "compiled"),
        help="pure: import pglane's sources although extensions lie beside them. "
        "compiled: fail if one is missing or stale, unless there is no C compiler.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "debian_server: needs the programs of PostgreSQL 15")
    form = config.getoption("--form")
    if form == "pure":
        pure.prefer_pure()
    elif form == "compiled" and not (
        build_extensions.is_fresh() or build_extensions.obstacle_to_compiling()
    ):
        raise pytest.UsageError("the compiled modules are missing or stale. Run: make setup")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that needs the older server is skipped without it, and the summary says why."""
    call = getattr(item, "callspec", None)
    old_server = call is not None and call.params.get("server_version") == "15"
    needed = old_server or item.get_closest_marker("debian_server")
    if needed and "PostgreSQL 15" in install_test_servers.missing():
        without_servers()


def pytest_report_header(config: pytest.Config) -> str:
    if config.getoption("--form") == "pure":
        return "form: pure Python"
    if not build_extensions.library().exists():
        return "form: pure Python, nothing is compiled"
    return f"form: {len(build_extensions.typed_sources())} modules compiled"


@pytest.fixture(scope="session")
def record_house_figure(request: pytest.FixtureRequest):
    """Keeps a line for the report at the end of the run."""
    return request.config.stash.setdefault(HOUSE_FIGURES, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash.get(HOUSE_FIGURES, []):
        terminalreporter.line(f"house: {line}")
