"""What `make` leans on: the environment, the extensions, the servers of the tests."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import (
    build_extensions,
    build_fast,
    check,
    check_mirror_coverage,
    install_test_servers,
    login_timing,
    measure_order,
    set_up,
)


def test_an_old_python_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_up.sys, "version_info", (3, 9, 2))
    said = set_up.complaint_about_python()
    assert "is Python 3.9.2, pglane needs 3.11 or newer" in said
    assert "make PYTHON=python3.12 setup" in said


def test_a_python_without_venv_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(set_up.sys.modules, "ensurepip", None)
    assert "-venv" in set_up.complaint_about_python()


def test_a_good_python_has_no_complaint() -> None:
    assert not set_up.complaint_about_python()


def test_a_broken_environment_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(tmp_path / "gone")
    assert not set_up.runs(tmp_path / "python")


def test_bytecode_is_kept_whatever_the_environment_says() -> None:
    told = subprocess.run(
        ["make", "--silent", "-f", "Makefile", "-f", "-", "told"],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "KEPT": "1"},
        input="told:\n\t@env\n",
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert "KEPT=1" in told.stdout
    assert "DONTWRITE" not in told.stdout


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module with types, and a fresh library, in a folder of sources."""
    monkeypatch.setattr(build_extensions, "SOURCE", tmp_path)
    source = tmp_path / "pglane" / "x.py"
    source.parent.mkdir()
    for path in (source, source.with_suffix(".pxd"), build_extensions.library()):
        path.touch()
        os.utime(path, (1, 1))
    return source


def test_a_fresh_library_is_left_alone(source: Path) -> None:
    build_extensions.delete_outdated()
    assert build_extensions.is_fresh()


@pytest.mark.parametrize("suffix", [".py", ".pxd"])
def test_a_library_older_than_source_or_types_is_deleted(source: Path, suffix: str) -> None:
    os.utime(source.with_suffix(suffix), (2, 2))
    assert not build_extensions.is_fresh()
    build_extensions.delete_outdated()
    assert not build_extensions.library().exists()


def test_a_build_by_profiles_that_fails_leaves_the_usual_one_to_be_done(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.parent)
    monkeypatch.setattr(build_extensions.sys, "prefix", str(source.parent))
    build_extensions.stamp("built")
    failed = subprocess.CompletedProcess([], 1, stdout="")
    monkeypatch.setattr(build_extensions, "build", lambda profile: failed)
    assert not build_fast.build("write:folder")
    assert not (source.parent / ".built").exists()


def test_a_measurement_says_how_it_was_built(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_extensions.sys, "prefix", str(source.parent))
    assert build_extensions.how_built() == "compiled"
    build_extensions.stamp(build_extensions.FAST)
    assert "make fast" in build_extensions.how_built()
    build_extensions.library().touch()
    os.utime(source.parent / ".fast", (0, 0))
    assert build_extensions.how_built() == "compiled"
    build_extensions.library().unlink()
    assert build_extensions.how_built() == "not compiled"


@pytest.mark.parametrize("name", build_extensions.LAYOUT)
def test_another_order_of_code_is_built_anew(source: Path, name: str) -> None:
    told = source.with_name(name)
    told.touch()
    os.utime(told, (0, 0))
    assert build_extensions.is_fresh()
    later_s = build_extensions.library().stat().st_mtime + 1
    os.utime(told, (later_s, later_s))
    assert not build_extensions.is_fresh()


def test_hot_functions_come_by_calls() -> None:
    rare = measure_order.CALLS_MIN - 1
    counts = {
        ("engine/loop", "__pyx_f_turn"): measure_order.CALLS_MIN,
        ("engine/loop", "__pyx_f_start"): rare,
        ("wire/framing", "__pyx_pw_4wire_7framing_3cut"): measure_order.CALLS_MIN + 1,
        ("wire/framing", "__pyx_pw_4wire_7framing_5cut"): measure_order.CALLS_MIN + 2,
    }
    assert measure_order.hot(counts) == [
        "wire/framing __pyx_pw_4wire_7framing_*cut",
        "engine/loop __pyx_f_turn",
    ]


def test_an_extension_beside_its_source_is_deleted(source: Path) -> None:
    stray = source.with_name("x" + build_extensions.EXTENSION_SUFFIXES[0])
    stray.touch()
    build_extensions.delete_outdated()
    assert not stray.exists()
    assert build_extensions.is_fresh()


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    assert "no-such-compiler" in build_extensions.obstacle_to_compiling()


@pytest.mark.parametrize("empty", ["", " "])
def test_a_compiler_that_is_none_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, empty: str
) -> None:
    monkeypatch.setenv("CC", empty)
    assert build_extensions.obstacle_to_compiling() == "no C compiler (CC is set, and empty)"


@pytest.mark.parametrize("before", [None, "as it was\n"])
def test_a_replaced_file_is_put_back(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "conf"
    if before is not None:
        path.write_text(before)
        path.chmod(0o600)
    with install_test_servers.replaced(path, "for now\n", mode=0o755):
        assert path.read_text() == "for now\n"
        assert path.stat().st_mode & 0o777 == 0o755
    if before is None:
        assert not path.exists()
    else:
        assert path.read_text() == before
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("user", "ci", "required"), [(0, "true", True), (0, "", False), (1, "true", False)]
)
def test_absence_is_excused_except_in_ci_as_root(
    monkeypatch: pytest.MonkeyPatch, user: int, ci: str, required: bool
) -> None:
    monkeypatch.setattr(install_test_servers.os, "geteuid", lambda: user)
    monkeypatch.setenv("CI", ci)
    assert install_test_servers.is_required() is required


def test_what_single_tests_need_is_asked_for_once_and_its_absence_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = {"apt-get": "/usr/bin/apt-get"}
    asked: list[tuple[str, ...]] = []
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(install_test_servers.os, "geteuid", lambda: 0)
    monkeypatch.setattr(install_test_servers.shutil, "which", found.get)
    monkeypatch.setattr(install_test_servers.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(install_test_servers, "missing", list)
    monkeypatch.setattr(install_test_servers, "apt", lambda *words: asked.append(words))
    monkeypatch.setattr(install_test_servers, "JDBC_DRIVER", tmp_path / "postgresql.jar")
    assert [install_test_servers.main() for _ in range(2)] == [0, 0]
    assert [words[0] for words in asked] == ["update", "install"]
    assert asked[1][-1] == "spin"
    found |= {"spin": "/usr/bin/spin", "javac": "/usr/bin/javac"}
    assert install_test_servers.extras() == ["libpostgresql-jdbc-java"]
    (tmp_path / "postgresql.jar").touch()
    (tmp_path / ".asked_for_extras").unlink()
    assert install_test_servers.main() == 0
    assert len(asked) == 2


def test_every_test_runs_once() -> None:
    folders = [*check.others(), *check.untimed(), *check.TIMED]
    for test in check.TESTS.rglob("test_*.py"):
        assert sum(each in (test, *test.parents) for each in folders) == 1, test
    assert len(set(folders)) == len(folders)
    assert all(each.exists() for each in folders)


def test_what_ran_beside_is_shown_behind_what_ran_meanwhile(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    program = "import sys; print('beside'); sys.exit(3)"
    with check.beside([sys.executable, "-c", program]) as codes:
        assert check.passes([sys.executable, "-c", "print('meanwhile')"])
    assert codes == [3]
    assert capfdbinary.readouterr().out.split() == [b"meanwhile", b"beside"]


@pytest.mark.parametrize(("code", "result"), [(0, 0), (1, 1), (5, 1)])
def test_what_failed_may_pass_once_more_and_something_must_have(
    monkeypatch: pytest.MonkeyPatch, code: int, result: int
) -> None:
    monkeypatch.setattr(check.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=code))
    assert check.again() == result


def test_a_module_below_its_minimum_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"percent_covered": 90.0, "missing": ["3", "4->6"]}
    complaint = check_mirror_coverage.row("wire/x", figures, {})
    assert complaint[0].startswith("src/pglane/wire/x.py:1: 90.0 %")
    assert "3, 4->6" in capsys.readouterr().out
    assert check_mirror_coverage.row("wire/x", figures, {"wire/x": 90.0}) == []


@pytest.mark.parametrize(
    ("strangers", "known", "chance"),
    [
        ([1.0, 2.0], [3.0, 4.0], 0.0),
        ([3.0, 4.0], [1.0, 2.0], 1.0),
        ([1.0, 4.0], [2.0, 3.0], 0.5),
        ([1.0, 1.0], [1.0, 1.0, 1.0], 0.5),
        ([2.0], [1.0, 2.0, 3.0, 4.0], 0.375),
    ],
)
def test_how_often_one_is_above_the_other(
    strangers: list[float], known: list[float], chance: float
) -> None:
    assert login_timing.advantage(strangers, known) == chance
    assert login_timing.deviation(len(strangers), len(known)) > 0
