import io

import pytest

from pglane.cli import main, verifier
from pglane.wire.scram import Verifier


class Terminal(io.StringIO):
    def isatty(self):
        return True


def made(monkeypatch, capsys, said, *words):
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    code = main(["verifier", *words])
    captured = capsys.readouterr()
    return code, captured.out.strip(), captured.err


def fits(text, password):
    kept = Verifier.parse(text.encode())
    return kept == Verifier.of_password(password.encode(), kept.salt, kept.iterations)


def test_from_standard_input(monkeypatch, capsys):
    code, out, err = made(monkeypatch, capsys, "sesame\n")
    assert (code, err) == (0, "")
    assert fits(out, "sesame")
    assert not fits(out, "sesamf")
    assert out.startswith("SCRAM-SHA-256$4096:")


def test_every_verifier_has_a_salt_of_its_own():
    assert verifier.verifier_of("sesame") != verifier.verifier_of("sesame")


def test_iterations(monkeypatch, capsys):
    assert "$10:" in made(monkeypatch, capsys, "sesame", "--iterations", "10")[1]
    assert made(monkeypatch, capsys, "sesame", "--iterations", "0")[0] == 1


@pytest.mark.parametrize("said", ["", "\n", "x" * 1025 + "\n"])
def test_no_password_or_too_long(monkeypatch, capsys, said):
    code, out, err = made(monkeypatch, capsys, said)
    assert (code, out) == (1, "")
    assert "PGL0117" in err


@pytest.mark.parametrize(("second", "code"), [("sesame", 0), ("sesamf", 1)])
def test_from_a_terminal_twice(monkeypatch, capsys, second, code):
    typed = iter(["sesame", second])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    assert main(["verifier"]) == code
    assert fits(capsys.readouterr().out.strip(), "sesame") if code == 0 else True
