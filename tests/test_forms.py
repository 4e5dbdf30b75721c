"""The pure form can be had beside the compiled one, and `--form` does what it says."""

import subprocess
import sys
from pathlib import Path

import pytest

from pglane.wire import framing
from tests.support import first_imports, pure

ROOT = Path(__file__).parent.parent
PROBE = """
from pathlib import Path
from pglane.wire import framing

def test_form():
    assert Path(framing.__file__).suffix == ".py"
"""


def test_pure_form_is_another_module_made_from_the_source() -> None:
    loaded = pure.load_pure("pglane.wire.framing")
    assert Path(loaded.__file__ or "").suffix == ".py"
    assert loaded is pure.load_pure("pglane.wire.framing")


def test_module_in_use_stays_what_it_was() -> None:
    pure.load_pure("pglane.wire.framing")
    assert sys.modules["pglane.wire.framing"] is framing
    assert any(isinstance(one, pure.SourceFirst) for one in sys.meta_path) == pure.is_preferred()


def test_too_late_for_the_pure_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [])
    with pytest.raises(RuntimeError, match="already imported: pglane"):
        pure.prefer_pure()


def test_option_chooses_the_sources(tmp_path: Path) -> None:
    probe = tmp_path / "test_probe.py"
    probe.write_text(PROBE)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--form=pure"]
    done = subprocess.run(
        [*command, "--rootdir", str(ROOT), "-p", "tests.conftest", str(probe)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "form: pure Python" in done.stdout


@pytest.mark.parametrize("form", ["pure", "compiled"])
def test_each_module_can_be_the_first_that_is_imported(form: str) -> None:
    command = [sys.executable, "-m", "tests.support.first_imports", form]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_module_that_cannot_be_the_first_is_found() -> None:
    told = first_imports.in_a_child(first_imports.first, "pglane.wire.there_is_none")
    assert told == "ModuleNotFoundError: No module named 'pglane.wire.there_is_none'"
