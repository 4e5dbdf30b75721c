"""What `pip install .` makes, with a C compiler and without one.

Both wheels are built from a copy of the sources, without network and, thanks to the copied build
folder, without translating or compiling again what this environment has already. They are
unpacked into a folder of their own and run from there.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import psycopg
import pytest

from tests.support.gateway import DOORS, Gateway
from tests.support.postgres_cluster import PostgresCluster
from tools import build_extensions

ROOT = Path(__file__).parent.parent.parent
BUILD_MINUTES_MAX = 10

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
sys.modules["Cython"] = None  # the build needs it, running must not
import pglane
for module in pkgutil.walk_packages(pglane.__path__, "pglane."):
    if not module.name.endswith(("__main__", "_compiled")):
        print(importlib.import_module(module.name).__file__)
"""


def build_wheel(folder: Path, **environment: str) -> Path:
    """The wheel of a copy of the sources; `environment` is added to that of the build."""
    source = folder / "source"
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        source.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, source / name)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.so", "*.c"))
    if (ROOT / "build").exists():
        compiled = ("*.o",) if environment else ()
        left_out = shutil.ignore_patterns("*.py", "*.so", *compiled)
        shutil.copytree(ROOT / "build", source / "build", ignore=left_out)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps"]
    done = subprocess.run(
        [*command, "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(source)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=BUILD_MINUTES_MAX * 60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("pglane-*.whl")
    return wheel


def unpack(wheel: Path) -> Path:
    """The folder to put into PYTHONPATH to run what is in the wheel."""
    installed = wheel.parent / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    return installed


def run(installed: Path, *arguments: str) -> str:
    """Runs Python with the unpacked wheel in front of everything else."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel_without_compiler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("without-compiler")
    return build_wheel(folder, CC="/bin/false", CXX="/bin/false", LDSHARED="/bin/false")


@pytest.fixture(scope="session")
def wheel_with_compiler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    obstacle = build_extensions.obstacle_to_compiling()
    if obstacle:
        pytest.skip(obstacle)
    return build_wheel(tmp_path_factory.mktemp("with-compiler"))


def suffixes_in(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        names = [Path(name) for name in archive.namelist()]
    suffixes = [name.suffix for name in names]
    return {suffix: suffixes.count(suffix) for suffix in (".so", ".pxd", ".py", ".c")}


def test_wheel_with_a_compiler_holds_a_library_and_sources(
    wheel_with_compiler: Path,
) -> None:
    typed = len(build_extensions.typed_sources())
    sources = len(list((ROOT / "src").rglob("*.py")))
    assert suffixes_in(wheel_with_compiler) == {
        ".so": 1,
        ".pxd": typed,
        ".py": sources,
        ".c": 0,
    }


def test_compiled_modules_run_without_cython(wheel_with_compiler: Path) -> None:
    installed = unpack(wheel_with_compiler)
    imported = run(installed, "-c", IMPORT_EVERYTHING).split()
    assert all(Path(file).is_relative_to(installed) for file in imported)
    compiled = [file for file in imported if file.endswith(EXTENSION_SUFFIXES[0])]
    assert len(compiled) == len(list(installed.rglob("*.pxd")))


def test_wheel_without_a_compiler_holds_sources_only(wheel_without_compiler: Path) -> None:
    found = suffixes_in(wheel_without_compiler)
    assert found[".so"] == 0
    assert found[".c"] == 0
    assert found[".py"] == len(list((ROOT / "src").rglob("*.py")))


def test_every_module_imports_without_a_compiler(wheel_without_compiler: Path) -> None:
    installed = unpack(wheel_without_compiler)
    imported = run(installed, "-c", IMPORT_EVERYTHING).split()
    assert imported
    assert all(Path(file).is_relative_to(installed) for file in imported)
    assert all(file.endswith(".py") for file in imported)


@pytest.mark.gateway
def test_gateway_works_without_a_compiler_and_says_that_it_is_slower(
    wheel_without_compiler: Path, cluster: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(unpack(wheel_without_compiler)))
    gateway = Gateway(cluster)
    try:
        gateway.start()
        for door in DOORS:
            with psycopg.connect(gateway.uri(door)) as connection:
                assert connection.execute("SELECT 1 + 1").fetchone() == (2,)
        assert "slower" in gateway.log() + "".join(gateway.lines)
    finally:
        gateway.destroy()
