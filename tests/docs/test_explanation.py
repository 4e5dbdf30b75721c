"""What the pages about lanes and overload say can be typed, set and found; their sums hold."""

import re
import shlex
from pathlib import Path

import pytest

from pglane.cli.command import parser
from pglane.control.columns import TABLES
from pglane.lab import scenarios
from pglane.scheduler.bounds import loan_s_max, wait_s_max
from pglane.scheduler.policy import GIVE_BACK_S, LanePolicy
from pglane.scheduler.tenant import FINE_TURNS_MAX

ROOT = Path(__file__).parents[2]
PAGES = (
    "docs/explanation/starvation.md",
    "docs/explanation/lanes.md",
    "docs/explanation/overload.md",
    "docs/howto/choose-lanes.md",
    "docs/howto/when-something-is-wrong.md",
)
OTHERS_WORDS = {"query_wait_timeout", "max_connections", "pg_isready", "pg_signal_backend"}
"""Settings and errors of other programs."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def typed(page: str) -> list[str]:
    """What stands between backticks, on one line or over two."""
    return [" ".join(each.split()) for each in re.findall(r"`([^`]+)`", text_of(page))]


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_understood(page: str) -> None:
    commands = [each for each in typed(page) if each.startswith(("pglane ", "make "))]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in commands:
        first, *words = shlex.split(command)
        if first == "make":
            assert words[0] in targets, command
            continue
        assert parser().parse_args(words).run, command
        if words[:2] == ["lab", "run"]:
            assert scenarios.chosen(words[2:])


@pytest.mark.parametrize("page", PAGES)
def test_what_the_console_is_asked_exists(page: str) -> None:
    known = {f"SHOW {table.name}" for table in TABLES}
    assert {each for each in typed(page) if each.startswith("SHOW ")} <= known


@pytest.mark.parametrize("page", PAGES)
def test_words_with_an_underscore_are_settings_columns_or_events(page: str) -> None:
    known = {column.name for table in TABLES for column in table.columns}
    known |= {row for table in TABLES for row in table.row_names}
    known |= set(re.findall(r"^\| `([a-z_.]+)`", text_of("docs/reference/settings.md"), re.M))
    source = "".join(
        file.read_text()
        for package in ("engine", "control")
        for file in (ROOT / "src/pglane" / package).glob("*.py")
    )
    for word in typed(page):
        name = word.partition(" = ")[0]
        if re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name) and name not in OTHERS_WORDS:
            assert name in known or f'"{name}"' in source, name


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_are_there(page: str) -> None:
    for path in re.findall(r"`((?:tests|src|bench)/[a-z_/0-9.]+)`", text_of(page)):
        assert (ROOT / path).exists(), path


def test_the_example_of_the_bound_is_computed() -> None:
    """Two logins are ahead; who borrows ends by himself, or is ended, or never borrows."""

    def wait_ms(logins: LanePolicy, others: LanePolicy, lease_s: float = 0.05) -> int:
        loan_s = loan_s_max(logins, [logins, others])
        return round(wait_s_max(1, lease_s, loan_s, short=True, ahead=2) * 1000)

    page = text_of("docs/explanation/lanes.md")
    assert f"`borrow_hold_ms` + {GIVE_BACK_S * 1000:.0f} ms" in page
    assert f"`hold_ms_max` + {GIVE_BACK_S * 1000:.0f} ms" in page
    brief = LanePolicy("others", hold_s_max=0.3, give_back_s=0.0)
    lending = LanePolicy("logins", reserve=1, hold_s_max=0.05, borrow_hold_s=0.3)
    endless = LanePolicy("others")
    assert f"300 + 2 · 50 = {wait_ms(lending, brief)} ms" in page
    assert f"800 + 2 · 50 = {wait_ms(lending, endless)} ms" in page
    assert f"800 + 2 · 550 = {wait_ms(lending, endless, lending.lease_s_max)} ms" in page
    guarded = LanePolicy("logins", reserve=1, hold_s_max=0.05, guard=1)
    assert f"`guard = 1` it is {wait_ms(guarded, brief)} ms" in " ".join(page.split())
    assert f"up to {FINE_TURNS_MAX:.0f}\n  turns more" in page
