import os
from pathlib import Path

import pytest

from pglane.errors import RefusedError
from pglane.postgres.account import Account
from pglane.postgres.state import StateFolder, default_data_dir

OURSELVES = Account("me", os.geteuid(), os.getegid(), changed=False)


def refusal(call):
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.refusals[0]


@pytest.fixture
def state(tmp_path):
    folder = StateFolder(tmp_path / "a" / "b")
    folder.take()
    yield folder
    folder.release()


def test_where_it_is(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_data_dir() == Path("/var/lib/pglane/postgres")
    monkeypatch.setattr("os.geteuid", lambda: 5)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_data_dir() == Path("/state/pglane/postgres")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/u")
    assert default_data_dir() == Path("/home/u/.local/state/pglane/postgres")


@pytest.mark.parametrize(("uid", "mode"), [(0, 0o711), (None, 0o700)])
def test_folders_it_makes_are_closed_whatever_the_umask(tmp_path, monkeypatch, uid, mode):
    tmp_path.chmod(0o750)
    wanted = 1 if uid is None else uid
    monkeypatch.setattr("os.geteuid", lambda: wanted)
    before = os.umask(0o077 if uid == 0 else 0)
    try:
        StateFolder(tmp_path / "a" / "b")._make()
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == mode
    assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_one_at_a_time(state):
    other = StateFolder(state.path)
    assert f"process {os.getpid()}" in refusal(other.take).detail_text
    state.release()
    state.release()
    other.take()
    other.release()


def test_what_cannot_be_used(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    assert "it is not a folder" in refusal(StateFolder(file).take).detail_text
    assert str(file) in refusal(StateFolder(file / "below").take).detail_text
    assert "not empty" in refusal(StateFolder(tmp_path).take).detail_text
    monkeypatch.setattr("os.access", lambda _path, _mode: False)
    assert "cannot be written" in refusal(StateFolder(tmp_path).take).detail_text
    uid = os.getuid()
    monkeypatch.setattr("os.geteuid", lambda: uid + 1)
    assert f"belongs to user id {uid}" in refusal(StateFolder(tmp_path).take).detail_text


def test_a_socket_needs_a_short_path(tmp_path):
    assert StateFolder(Path("/short")).socket_folder == Path("/short/socket")
    assert StateFolder(Path("/" + "x" * 90)).socket_folder is None


def test_the_socket_folder_is_empty_and_closed(state):
    for _time in range(2):
        state.make_socket_folder(OURSELVES)
        folder = state.path / "socket"
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / ".s.PGSQL.1.lock").touch()


def test_passwords_are_new_and_ours_alone(state):
    assert refusal(state.password).code == "PGL0911"
    state.make_socket_folder(OURSELVES)
    handed = state.new_password(OURSELVES)
    first = state.password()
    assert handed.read_text().strip() == first
    assert handed.stat().st_mode & 0o777 == 0o600
    assert (state.path / "password").stat().st_mode & 0o777 == 0o600
    handed.unlink()
    state.new_password(OURSELVES)
    assert state.password() != first
    assert len(first) >= 32


def test_a_name_that_is_there_already_is_not_written_through(state, tmp_path):
    """In a folder of the account, the name could be a link to a file of root's."""
    state.make_socket_folder(OURSELVES)
    target = tmp_path / "precious"
    (state.path / "socket" / "password").symlink_to(target)
    with pytest.raises(FileExistsError):
        state.new_password(OURSELVES)
    assert not target.exists()


def test_the_reader_gets_the_file(state, monkeypatch):
    given = []
    monkeypatch.setattr("os.fchown", lambda _descriptor, *owner: given.append(owner))
    state.make_socket_folder(OURSELVES)
    state.new_password(Account("reader", 7, 8, changed=True))
    assert given == [(7, 8)]


def test_ports(state):
    assert state.last_port() == 0
    state.keep_port(6000)
    assert state.last_port() == 6000
    (state.path / "port").write_text("x")
    assert state.last_port() == 0


def test_the_log_before_is_kept(state):
    state.turn_log()
    for text in ("first", "second"):
        state.log.write_text(text)
        state.turn_log()
    assert not state.log.exists()
    assert state.log.with_name("postgres.log.previous").read_text() == "second"
