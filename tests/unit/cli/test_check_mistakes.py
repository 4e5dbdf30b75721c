"""Every mistake we could think of: `pglane check` finds it, says where, and what to do.

The line that a finding must name is marked with `# <-` in the text itself.
"""

import re

import pytest

from pglane.cli import main
from pglane.config.file_settings import file_descriptions
from tests.support.scram import verifier

VERIFIER = verifier("secret")
MARK = "# <-"

SETTINGS = [each for each in file_descriptions() if not each.secret]
NUMBERS = [each for each in SETTINGS if isinstance(each.default, int | float)]
CHOICES = [each for each in SETTINGS if each.choices]


@pytest.fixture
def findings(tmp_path, capsys):
    """Runs `pglane check` on a text; the lines it names, and everything it says."""

    def run(text, files=None):
        for name, (content, mode) in (files or {}).items():
            (tmp_path / name).write_text(content)
            (tmp_path / name).chmod(mode)
        file = tmp_path / "pglane.toml"
        file.write_text(text)
        file.chmod(0o600)
        assert main(["check", str(file)]) == 1
        said = capsys.readouterr().out
        return [int(line) for line in re.findall(r"pglane\.toml:(\d+): ", said)], said

    return run


def marked(text):
    """The number of the marked line."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if MARK in line)


def said_of(setting, value):
    return f"# a line before\n[{setting.section}]\n{setting.key} = {value} {MARK}\n"


def name_of(setting):
    return setting.place


# ----------------------------------------------------------- of every setting


@pytest.mark.parametrize("setting", SETTINGS, ids=name_of)
def test_a_misspelt_key_is_told_with_the_right_one(findings, setting):
    wrong = setting.key[:-1] + "xx"
    text = f"[{setting.section}]\n{wrong} = 1 {MARK}\n"
    lines, said = findings(text)
    assert marked(text) in lines
    assert "PGL0106" in said
    assert "did you mean" in said, said


@pytest.mark.parametrize("setting", SETTINGS, ids=name_of)
def test_a_value_of_another_kind(findings, setting):
    text = said_of(setting, "true")
    lines, said = findings(text)
    assert lines == [marked(text)]
    assert "PGL0107" in said
    assert f"write it as {setting.key} = " in said


@pytest.mark.parametrize("setting", NUMBERS, ids=name_of)
@pytest.mark.parametrize("side", ["below", "above"])
def test_a_number_beyond_its_limits(findings, setting, side):
    value = setting.minimum - 1 if side == "below" else setting.maximum + 1
    text = said_of(setting, value)
    lines, said = findings(text)
    assert lines == [marked(text)]
    assert "PGL0108" in said
    assert "the nearest is" in said


@pytest.mark.parametrize("setting", CHOICES, ids=name_of)
def test_a_word_that_is_no_choice(findings, setting):
    text = said_of(setting, f'"{setting.choices[0]}x"')
    lines, said = findings(text)
    assert lines == [marked(text)]
    assert f'did you mean "{setting.choices[0]}"?' in said


# ------------------------------------------------------------------ by itself

TEXTS = {
    "not TOML": ("[server]\nhost = db.example # <-\n", "PGL0105", "settings look like"),
    "an ini file": ("[pgbouncer]\nlisten_addr = * # <-\n", "PGL0105", "move-from-pgbouncer.md"),
    "a key twice": ("[server]\nbudget = 1\nbudget = 2 # <-\n", "PGL0105", "stands twice"),
    "a table twice": (
        "[server]\nbudget = 1\n[server] # <-\nbudget = 2\n", "PGL0105", "stands twice",
    ),
    "a misspelt table": ("[sever] # <-\nbudget = 1\n", "PGL0106", "there is no table sever"),
    "a setting of no table": ("bugdet = 1 # <-\n", "PGL0106", "there is no setting bugdet"),
    "an unknown table": ("[sever] # <-\nbudget = 1\n", "PGL0106", "did you mean server?"),
    "PgBouncer's table": ("[pgbouncer] # <-\nx = 1\n", "PGL0106", "move-from-pgbouncer.md"),
    "a table that is a value": ("server = 1 # <-\n", "PGL0107", "[server] on a line of its own"),
    "a key of another table": (
        "[clients]\nbudget = 3 # <-\n", "PGL0106", "budget in the table [server]",
    ),
    "PgBouncer's name": (
        "[server]\nserver_idle_timeout = 600 # <-\n", "PGL0106",
        "idle_ms_max in the table [server], in milliseconds",
    ),
    "PgBouncer's name of nothing": (
        "[server]\npool_mode = 'transaction' # <-\n", "PGL0106", "the port says it",
    ),
    "a number in quotes": ("[server]\nbudget = '20' # <-\n", "PGL0107", "budget = 20"),
    "a list without brackets": (
        "[listen]\naddresses = '10.0.0.1' # <-\n", "PGL0107", 'addresses = ["127.0.0.1"',
    ),
    "a unit behind a number": ("[server]\nconnect_ms_max = 5s # <-\n", "PGL0105", ""),
    "two doors on one port": (
        "[listen]\nsession_port = 7000\ndirect_port = 7000 # <-\n", "PGL0109", "its own port",
    ),
    "an address twice": (
        "[listen]\naddresses = ['127.0.0.1', '127.0.0.1'] # <-\n", "PGL0108", "remove it",
    ),
    "trust for strangers": (
        "listen.addresses = ['10.0.0.1']\n[clients]\nauth = 'trust' # <-\n", "PGL0110",
        'or say auth = "scram"',
    ),
    "a network without TLS": (
        "[listen]\naddresses = ['10.0.0.1'] # <-\n", "PGL0132", "tls_cert_file",
    ),
    "half a server": ("[server]\nhost = 'db' # <-\n", "PGL0116", "user"),
    "a role without a password": (
        "[server]\nhost = 'db'\nuser = 'u' # <-\ndatabase = 'd'\n", "PGL0115", "password",
    ),
    "a URI and its parts": (
        "[server]\nuri = 'postgresql://u:p@h/d'\nport = 5433 # <-\n", "PGL0113", "",
    ),
    "a broken URI": ("[server]\nuri = 'postgresql:/h' # <-\n", "PGL0101", "postgresql://user"),
    "a URI with an unencoded word": (
        "[server]\nuri = 'postgresql://u:p%zz@h/d' # <-\n", "PGL0101", "percent",
    ),
    "a secret twice": (
        "[server]\npassword = 'a'\npassword_env = 'B' # <-\n", "PGL0113", "password",
    ),
    "a variable that is not set": (
        "[server]\npassword_env = 'PGLANE_NOT_SET' # <-\n", "PGL0112", "PGLANE_NOT_SET",
    ),
    "a secret's file that is not there": (
        "[server]\npassword_file = 'nothing' # <-\n", "PGL0112", "write the file",
    ),
    "a secret that is a number": ("[server]\npassword = 5 # <-\n", "PGL0107", "password ="),
    "a user that is a value": ("[users]\nalice = 1 # <-\n", "PGL0107", "[users.alice]"),
    "a user without anything": ("[users.alice] # <-\n", "PGL0112", "password"),
    "an unknown key of a user": (
        f"[users.alice]\nverifier = '{VERIFIER}'\nverfier = 'x' # <-\n", "PGL0106",
        "did you mean verifier?",
    ),
    "a password for a verifier": (
        "[users.alice] # <-\nverifier = 'hunter2'\n", "PGL0114", "pglane verifier",
    ),
    "TLS without a certificate": (
        "[clients]\ntls_sslmode = 'require' # <-\n", "PGL0131", "tls_cert_file",
    ),
    "a certificate without a key": (
        "[clients]\ntls_cert_file = 'door.crt' # <-\n", "PGL0131", "tls_key_file",
    ),
    "a certificate that is not there": (
        "[clients]\ntls_cert_file = 'no.crt' # <-\ntls_key_file = 'no.key'\n", "PGL0130", "",
    ),
    "nobody to verify a server by": (
        "[server]\ntls_sslmode = 'verify-full' # <-\n", "PGL0131", "sslrootcert",
    ),
    "direct TLS that may be none": (
        "[server]\ntls_negotiation = 'direct' # <-\n", "PGL0113", "require",
    ),
    "a guessable secret of salts": (
        "[clients]\nsalt_secret = 'short' # <-\n", "PGL0108", "openssl rand",
    ),
    "an address that is none": (
        "[clients]\nallow_from = ['10.0.0.0/99'] # <-\n", "PGL0108", "",
    ),
    "an address with bits behind its mask": (
        "[clients]\nallow_from = ['10.0.0.1/8'] # <-\n", "PGL0108", "bits behind",
    ),
    "a limit that the direct door cannot keep": (
        "[direct]\nquery_ms_max = 100 # <-\n", "PGL0106",
        "hint: at the direct door nothing is read: set statement_timeout in PostgreSQL (ALTER",
    ),
    "a limit of a database beyond its range": (
        "[databases.shop]\nbudget = 0 # <-\n", "PGL0108", "the nearest is 1",
    ),
    "an unknown limit of a database": (
        "[databases.shop]\nbudgt = 1 # <-\n", "PGL0106", "did you mean budget?",
    ),
    "a database's host": (
        "[databases.shop]\nhost = 'db' # <-\n", "PGL0106", "",
    ),
    "lanes that promise too much": (
        "[server]\nbudget = 2\n[lanes.otp]\nreserve = 3 # <-\n", "PGL0140", "server.budget",
    ),
    "an unknown key of a lane": (
        "[lanes.otp]\nreserv = 1 # <-\n", "PGL0106", "did you mean reserve?",
    ),
    "a lane that is a value": ("lanes = 3 # <-\n", "PGL0107", "[lanes.otp]"),
    "an unknown key of a match": (
        "[lanes.otp]\nmatch = [{ usr = 'x' }] # <-\n", "PGL0106", "did you mean user?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TEXTS)
def test_a_mistake_is_told_with_its_line(findings, what):
    text, code, advice = TEXTS[what]
    lines, said = findings(text)
    assert marked(text) in lines, said
    assert code in said
    assert advice in said


# --------------------------------------------------------------- other files

FILES = {
    "a user file that others can read": (
        "[clients]\nusers_file = 'users'\n",
        {"users": (f"[users.a]\nverifier = '{VERIFIER}'\n", 0o644)}, "users", "chmod o-rwx",
    ),
    "a user list that others can read": (
        "[clients]\nauth_file = 'list'\n", {"list": ('"a" "secret"\n', 0o644)}, "list",
        "chmod o-rwx",
    ),
    "a line of a user list": (
        "[clients]\nauth_file = 'list'\n", {"list": ('"a" "secret"\n"b"\n', 0o600)}, "list:2",
        "in double quotes",
    ),
    "a user in two files": (
        f"[clients]\nauth_file = 'list'\n[users.a]\nverifier = '{VERIFIER}'\n",
        {"list": ('"a" "secret"\n', 0o600)}, "pglane.toml", "in this file too",
    ),
    "a file that is not there": (
        "[clients]\nusers_file = 'nothing'\n", {}, "nothing", "check the name",
    ),
    "another table in a user file": (
        "[clients]\nusers_file = 'users'\n", {"users": ("[server]\nbudget = 1\n", 0o600)},
        "users:1", "there is no table server",
    ),
    "PgBouncer's list for a user file": (
        "[clients]\nusers_file = 'users'\n", {"users": ('"a" "secret"\n', 0o600)}, "users:1",
        "name it by auth_file in [clients]",
    ),
    "a key that does not fit": (
        "[clients]\ntls_cert_file = 'crt'\ntls_key_file = 'key'\n",
        {"crt": ("no certificate", 0o600), "key": ("no key", 0o600)}, "pglane.toml:2", "PGL0130",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
def test_mistakes_in_files_that_are_named(findings, what):
    text, files, place, advice = FILES[what]
    _, said = findings(text, files)
    assert place in said
    assert advice in said


SERVER = "[server]\nhost = 'db'\ndatabase = 'd'\nuser = 'u'\n"


@pytest.mark.parametrize("said", ["password_file = 'nothing'", "password_env = 'PGLANE_NOT_SET'"])
def test_a_password_that_is_not_found_is_one_finding(findings, said):
    lines, told = findings(f"{SERVER}{said}\n")
    assert lines == [5]
    assert "PGL0112" in told
    assert "PGL0115" not in told
    assert told.count("nothing") in {0, 1}, "a path is told once"


def test_no_secret_is_in_what_is_said(findings):
    text = "server.uri = 'postgresql://u:hunter2@/h h'\n[users.a]\nverifier = 'hunter2'\n"
    assert "hunter2" not in findings(text)[1]
