import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import pglane
from pglane.cli import command, main
from pglane.errors import RefusedError
from pglane.errors.configuration import PasswordNeeded
from pglane.version import VERSION


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"pglane {VERSION}\n"


def test_without_a_command_it_says_what_there_is(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "pglane up" in out
    assert "worker" not in out


@pytest.mark.parametrize(
    ("words", "said", "near"),
    [
        (["upp"], "invalid choice", "up"),
        (["chekc", "x"], "invalid choice", "check"),
        (["postgresql://u@h/d"], "invalid choice", "pglane up URI"),
        (["lab", "runn"], "invalid choice", ""),
        (["up", "--bugdet", "4"], "unrecognized arguments: --bugdet", "--budget"),
        (["up", "--sesion-port=1"], "unrecognized arguments", "--session-port"),
        (["nothing like it"], "invalid choice", ""),
        (["up", "--budget", "many"], "invalid int value", ""),
    ],
)
def test_words_it_does_not_know(capsys, words, said, near):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert said in told
    assert ("did you mean" in told) is bool(near)
    assert told.endswith(f"did you mean {near}?\n") or not near


@pytest.mark.parametrize(
    ("raised", "code", "shown"),
    [
        (RefusedError(PasswordNeeded(where="the URI", user="u")), 1, "PGL0115"),
        (PermissionError(13, "Permission denied", "/x"), 1, "Permission denied: '/x'"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_can_be_foreseen_leaves_no_traceback(monkeypatch, capsys, raised, code, shown):
    def fail(_arguments):
        raise raised

    monkeypatch.setattr("pglane.cli.check.run", fail)
    assert main(["check", "x"]) == code
    error = capsys.readouterr().err
    assert shown in error
    assert "Traceback" not in error


def test_the_words_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["pglane", "check", "/nothing.toml"])
    assert main() == 2
    monkeypatch.setattr(sys, "argv", ["pglane"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("pglane", run_name="__main__")
    assert caught.value.code == 0
    assert "PGL0104" in capsys.readouterr().out


def test_the_start_of_a_worker_does_not_carry_what_others_need():
    script = (
        "import sys, pglane.cli\n"
        "heavy = {'asyncio', 'rich', 'tomllib', 'pglane.config.file', 'pglane.postgres.cluster'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    source = str(Path(pglane.__file__).parents[1])
    told = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "[]\n"


def test_options_of_up_have_help():
    assert command.parser().parse_args(["up", "--budget", "3"]).budget == 3
