import os
import subprocess

import pytest

from pglane.errors import RefusedError
from pglane.postgres.account import Account, choose_account, environment

AS_ROOT = os.geteuid() == 0
OURSELVES = Account("me", os.geteuid(), os.getegid(), changed=False)


def code(call):
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.refusals[0].code


def test_an_ordinary_user_is_himself(monkeypatch, tmp_path):
    monkeypatch.setattr("os.geteuid", lambda: 1234)
    account = choose_account("nobody", tmp_path / "data")
    assert (account.uid, account.changed) == (1234, False)
    assert "user" not in account.options


def test_data_of_somebody_else_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    assert code(lambda: choose_account("nobody", tmp_path)) == "PGL0905"


@pytest.mark.parametrize("wanted", ["no-such-account", "root"])
def test_root_needs_an_unprivileged_account(monkeypatch, tmp_path, wanted):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert code(lambda: choose_account(wanted, tmp_path / "data")) == "PGL0903"


def test_root_uses_the_account_and_then_the_owner_of_the_data(monkeypatch, tmp_path):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    account = choose_account("nobody", tmp_path / "data")
    assert account.changed
    assert account.options["user"] == account.uid != 0
    assert account.options["extra_groups"] == []

    class Owned:
        st_uid, st_gid = 77, 78

    monkeypatch.setattr("pathlib.Path.stat", lambda _self, **_how: Owned)
    account = choose_account("nobody", tmp_path)
    assert (account.uid, account.gid, account.changed) == (77, 78, True)


def test_programs_see_no_pg_variables(monkeypatch):
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("TZ", "UTC")
    assert environment() == {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"} | {
        name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ
    }


def test_run_gives_what_the_program_said():
    told = OURSELVES.run("/bin/sh", "-c", "echo out; echo err >&2; exit 3")
    assert (told.returncode, told.stdout, told.stderr) == (3, "out\n", "err\n")


def test_can_enter(tmp_path):
    assert OURSELVES.can_enter(tmp_path)
    assert not OURSELVES.can_enter(tmp_path / "nothing")


def test_own_changes_the_mode_and_tells_when_it_cannot(tmp_path):
    file = tmp_path / "file"
    file.touch()
    OURSELVES.own(file, 0o600)
    assert file.stat().st_mode & 0o777 == 0o600
    assert code(lambda: OURSELVES.own(tmp_path / "nothing", 0o600)) == "PGL0905"


def test_a_program_that_may_not_be_run(tmp_path):
    file = tmp_path / "program"
    file.touch(0o600)
    with pytest.raises(PermissionError):
        OURSELVES.run(file)


def test_not_allowed_to_change_the_account(monkeypatch):
    def denied(*_words, **_how):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(subprocess, "run", denied)
    account = Account("nobody", 65534, 65534, changed=True)
    assert code(lambda: account.run("/bin/true")) == "PGL0904"


@pytest.mark.skipif(not AS_ROOT, reason="only root can be somebody else")
def test_root_runs_programs_as_the_account(tmp_path):
    account = Account("nobody", 65534, 65534, changed=True)
    assert account.run("/usr/bin/id", "-u").stdout == "65534\n"
    file = tmp_path / "file"
    file.touch()
    account.own(file, 0o600)
    assert file.stat().st_uid == 65534
