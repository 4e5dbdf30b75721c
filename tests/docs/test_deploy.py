"""What is handed to operators names only what exists."""

import re
import shlex
import tomllib
from pathlib import Path

from pglane.cli import main
from pglane.cli.command import parser

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
NOT_THERE = {"PGL0104", "PGL0112", "PGL0115", "PGL0130"}
"""Codes of files that an example names."""
METRIC = re.compile(r"\bpglane_[a-z_]+")


def test_alerts_are_about_metrics_that_exist():
    known = set(METRIC.findall((ROOT / "docs/reference/metrics.md").read_text()))
    asked = set(METRIC.findall((DEPLOY / "alerts.yml").read_text()))
    assert asked
    assert asked <= known, asked - known


def test_every_alert_is_explained():
    page = (ROOT / "docs/howto/run-in-production.md").read_text()
    alerts = re.findall(r"alert: (\w+)", (DEPLOY / "alerts.yml").read_text())
    assert alerts == re.findall(r"^\| (Pglane\w+) \|", page, re.MULTILINE)


def test_commands_are_understood():
    unit = (DEPLOY / "pglane.service").read_text()
    commands = re.findall(r"^Exec\w+=\S+/pglane (.+)$", unit, re.MULTILINE)
    image = (DEPLOY / "Containerfile").read_text()
    commands.append(" ".join(re.findall(r'"([^"]+)"', image.splitlines()[-1])))
    for words in commands:
        assert parser().parse_args(shlex.split(words)).run


def test_the_stop_outlasts_the_drain():
    unit = (DEPLOY / "pglane.service").read_text()
    stop_s = int(re.findall(r"^TimeoutStopSec=(\d+)", unit, re.MULTILINE)[0])
    settings = (ROOT / "docs/reference/settings.md").read_text()
    drain_ms = int(re.findall(r"`drain_ms_max` \| `(\d+)`", settings)[0])
    assert stop_s * 1000 > drain_ms


def test_settings_of_the_guides_are_settings(tmp_path, capsys):
    """Files that are named need not be there."""
    for page in ("run-in-production", "move-from-pgbouncer"):
        text = (ROOT / f"docs/howto/{page}.md").read_text()
        example = max(re.findall(r"```toml\n(.*?)```", text, re.DOTALL), key=len)
        assert tomllib.loads(example)
        file = tmp_path / "pglane.toml"
        file.write_text(example)
        file.chmod(0o600)
        main(["check", str(file)])
        said = capsys.readouterr().out
        assert set(re.findall(r"PGL\d+", said)) <= NOT_THERE, said
