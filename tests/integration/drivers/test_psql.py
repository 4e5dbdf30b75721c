"""psql with its defaults."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import Target


@pytest.fixture
def psql(cluster: PostgresCluster, target: Target):
    def run(script: str, *options: str, fails: bool = False) -> str:
        done = subprocess.run(
            [str(cluster.program("psql")), "-X", "-A", "-t", "-q", *options],
            input=script,
            env={**os.environ, **target.environment()},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode != 0) == fails, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    return run


def test_runs_a_script_and_shows_its_rows(psql) -> None:
    out = psql("SELECT 1 + 1;\nSELECT 'ä', NULL, E'a\\nb';\n")
    assert out == "2\nä||a\nb\n"


def test_several_statements_in_one_message(psql) -> None:
    assert psql("", "-c", "SELECT 1; SELECT 2; SELECT 3") == "1\n2\n3\n"


def test_single_transaction_is_rolled_back_whole(psql, table: str) -> None:
    script = f"INSERT INTO {table} VALUES (1, 'x');\nSELECT 1/0;\n"
    out = psql(script, "-1", "-v", "ON_ERROR_STOP=1", fails=True)
    assert "division by zero" in out
    assert psql(f"SELECT count(*) FROM {table}") == "0\n"


def test_copy_from_and_to_files(psql, table: str, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("".join(f"{n},note {n}\n" for n in range(2000)))
    back = tmp_path / "out.csv"
    psql(
        f"\\copy {table} FROM '{source}' WITH (FORMAT csv)\n"
        f"\\copy (SELECT * FROM {table} ORDER BY id) TO '{back}' WITH (FORMAT csv)\n"
    )
    assert back.read_text() == source.read_text()


def test_copy_with_a_bad_line_goes_on_afterwards(psql, table: str) -> None:
    out = psql(f"COPY {table} FROM STDIN;\n1\ta\nnonsense\n\\.\nSELECT 'alive';\n")
    assert "ERROR" in out
    assert "alive" in out


def test_describe_commands(psql, table: str) -> None:
    assert "integer" in psql(f"\\d {table}")
    assert f"public|{table}|table|app" in psql("\\dt")
    assert "app" in psql("\\conninfo", "-v", "QUIET=off")


def test_variables_and_gset(psql) -> None:
    assert psql("SELECT 41 + 1 AS answer \\gset\n\\echo :answer\n") == "42\n"


def test_bound_parameters(psql, cluster: PostgresCluster) -> None:
    if cluster.version == "15":
        assert psql("SELECT 7 \\g\n") == "7\n"
    else:
        assert psql("SELECT $1::int + $2::int \\bind 3 4 \\g\n") == "7\n"


def test_server_cursor_by_fetch_count(psql) -> None:
    out = psql("\\set FETCH_COUNT 100\nSELECT g FROM generate_series(1, 1050) g;\n")
    assert out.split() == [str(n) for n in range(1, 1051)]


def test_error_shows_position(psql) -> None:
    out = psql("SELECT nosuch FROM pg_class;\n")
    assert 'column "nosuch" does not exist' in out
    assert "^" in out


def test_notices_arrive_before_the_answer(psql) -> None:
    out = psql("DO $$ BEGIN RAISE NOTICE 'look here'; END $$;\nSELECT 'after';\n")
    assert "look here" in out
    assert "after" in out


def test_a_large_result(psql) -> None:
    out = psql("SELECT repeat('x', 1000) FROM generate_series(1, 20000);\n")
    assert len(out) == 20000 * 1001
