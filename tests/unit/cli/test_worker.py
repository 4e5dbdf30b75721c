import pytest

from pglane.cli import main
from pglane.engine import worker


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (3, 3)])
def test_the_worker_gets_its_descriptor(monkeypatch, returned, code):
    seen = []
    monkeypatch.setattr(worker, "run", lambda control_fd: seen.append(control_fd) or returned)
    assert main(["worker", "--control-fd", "7"]) == code
    assert seen == [7]


def test_without_a_descriptor(capsys):
    with pytest.raises(SystemExit):
        main(["worker"])
    assert "--control-fd" in capsys.readouterr().err
