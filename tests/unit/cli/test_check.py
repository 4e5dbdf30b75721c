import json

import pytest

from pglane.cli import main
from pglane.config.schema import json_schema


@pytest.fixture
def check(tmp_path, capsys):
    def run(text):
        file = tmp_path / "pglane.toml"
        file.write_text(text)
        file.chmod(0o600)
        return main(["check", str(file)]), capsys.readouterr().out

    return run


def test_nothing_to_object_to(check):
    code, out = check("[server]\nbudget = 3\n")
    assert code == 0
    assert "nothing to object to" in out


def test_everything_is_told_at_once(check):
    code, out = check("[listen]\nsession_port = 6543\n[server]\nhost = 'db'\nbudgt = 3\n")
    assert code == 1
    assert [
        line.split(" ")[0].rpartition(":")[0].rpartition("/")[2]
        for line in out.splitlines()
        if "pglane.toml:" in line and not line.startswith(" ")
    ][:3] == ["pglane.toml:5", "pglane.toml:2", "pglane.toml:4"]
    assert out.splitlines()[-1].endswith("3 findings")


def test_one_finding_is_no_plural(check):
    assert check("[server]\nbudgt = 3\n")[1].splitlines()[-1].endswith(": 1 finding")


def test_a_refused_port_is_not_taken_for_the_default(check):
    out = check("[listen]\ntransaction_port = 70000\nsession_port = 6543\n")[1]
    assert out.splitlines()[-1].endswith(": 1 finding")


def test_notes_are_no_findings(check):
    in_the_clear = "[clients]\ntls_sslmode = 'disable'\n"
    code, out = check("[listen]\naddresses = ['10.0.0.1']\n" + in_the_clear)
    assert code == 0
    assert "note: listening on 10.0.0.1 without TLS" in out


def test_the_schema_for_editors(capsys):
    assert main(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_a_file_or_the_schema(capsys):
    with pytest.raises(SystemExit):
        main(["check"])
    assert "--schema" in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert main(["check", str(tmp_path / "nothing.toml")]) == 2
    assert "PGL0104" in capsys.readouterr().out


def test_lanes_that_promise_more_than_there_is(check):
    code, out = check("[server]\nbudget = 2\n[lanes.otp]\nreserve = 3\nborrow_hold_ms = 9\n")
    assert code == 1
    assert "pglane.toml:4: lanes reserve 3 server connections" in out
    assert "otp 3 = 3, more than server.budget = 2" in out
    assert "note: lane otp uses nothing" not in out
