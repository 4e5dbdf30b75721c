"""The page that Prometheus reads."""

import asyncio
import re

import pytest

from pglane.control.columns_of_statistics import COUNTERS
from pglane.control.metrics import METRICS, exposition, markdown
from pglane.engine.holding import DOING
from pglane.errors.processes import ConsoleSnapshotUnanswered
from pglane.errors.refused import RefusedError
from tests.support.lane_readings import written_lanes

SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\.)*",?)+\})? (-?[0-9.e+-]+)')
POOL_COUNTS = (
    "cl_active cl_waiting cl_pinned sv_login sv_idle sv_active sv_tested sv_closing maxwait"
)


@pytest.fixture(scope="module", autouse=True)
def lanes():
    written = written_lanes()
    for what, rows in (
        ("lanes", written.rows.lanes),
        ("tenants", written.rows.tenants),
        ("lane_reasons", written.rows.reasons),
        ("lane_histograms", written.rows.histograms),
        ("lane_give_backs", written.rows.give_backs),
        ("tenant_reasons", written.rows.tenant_reasons),
        ("tenant_histograms", written.rows.tenant_histograms),
        ("lane_fairness", written.rows.fairness),
        ("lanes_left_out", written.rows.left_out),
    ):
        OF_LANES[what] = rows()
    written.close()


OF_LANES = {}


def rows_of(what, user="ada"):
    if what in OF_LANES:
        return OF_LANES[what]
    pool = {"database": "app", "user": user, "door": "session", "maxwait_us": 500_000}
    return {
        "mem": [{"name": "worker", "resident": 4096}, {"name": "counted", "memtotal": 1}],
        "memory": [{"memtotal": 2048, "bytes_max": 8192, "ended": 1, "refused": 2}],
        "pools": [pool | {name: at for at, name in enumerate(POOL_COUNTS.split())}],
        "holding": [
            {"database": "app", "lane": "otp", "thinks_s_max": 2.5}
            | {doing: at for at, doing in enumerate(DOING)}
        ],
        "databases": [{"name": "app", "pool_size": 20, "paused": 0, "disabled": 1}],
        "traffic": [
            {"database": "app", **{each.key: 1_000_000 + at for at, each in enumerate(COUNTERS)}}
        ],
        "lists": [
            {"list": name, "items": 3}
            for name in ("used_clients", "login_clients", "free_clients", "internal_errors")
        ],
    }[what]


def page(user="ada", down=()):
    async def ask(what):
        if what in down:
            raise RefusedError(ConsoleSnapshotUnanswered(reason="gone"))
        return rows_of(what, user)

    return asyncio.run(exposition(ask))


def test_every_metric_is_there_once_with_its_kind():
    text = page()
    for metric in METRICS:
        assert text.count(f"# TYPE {metric.name} {metric.kind}\n") == 1
        assert text.count(f"# HELP {metric.name} ") == 1
    assert text.endswith("\n")


def test_lines_are_well_formed_and_belong_to_the_head_above():
    name = ""
    for line in page().splitlines():
        if line.startswith("#"):
            name = line.split()[2]
            continue
        found = SAMPLE.fullmatch(line)
        assert found, line
        assert found[1] in (name, f"{name}_bucket", f"{name}_sum", f"{name}_count")
        float(found[3])


def test_values_are_in_base_units():
    text = page()
    assert 'pglane_client_wait_seconds_max{database="app",user="ada",door="session"} 8.5\n' in text
    assert 'pglane_transaction_seconds_total{database="app"} 1.000005\n' in text
    assert (
        'pglane_server_connections{database="app",user="ada",door="session",state="idle"} 4'
        in (text)
    )
    assert 'pglane_database_disabled{database="app"} 1\n' in text
    assert 'pglane_resident_memory_bytes{process="worker"} 4096\n' in text
    assert "pglane_memory_held_bytes 2048\n" in text


def test_a_role_with_an_odd_name_breaks_no_line():
    text = page('x"y\\z\n\udcff')
    assert 'user="x\\"y\\\\z\\n?"' in text
    assert all(SAMPLE.fullmatch(line) for line in text.splitlines() if line[0] != "#")


@pytest.mark.parametrize("down", ["pools", "lists"])
def test_without_the_worker_there_is_what_the_supervisor_knows(down):
    text = page(down=[down])
    assert "pglane_worker_up 0\n" in text
    assert "pglane_info{version=" in text
    assert "pglane_resident_memory_bytes" in text
    for missing in ("pglane_client_connections", "pglane_queries_total", "pglane_clients"):
        assert missing not in text


def test_names_keep_the_conventions():
    for metric in METRICS:
        assert re.fullmatch(r"pglane_[a-z_]+", metric.name)
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        assert metric.samples
        assert not metric.meaning.endswith(".")
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_the_page_of_the_reference_has_every_metric():
    text = markdown()
    for metric in METRICS:
        assert f"| `{metric.name}` | {metric.kind} |" in text
    assert "`state` (opening, idle, active, cleaning, closing)" in text


def test_what_holders_do_is_counted_by_lane():
    text = page()
    labels = 'database="app",lane="otp"'
    assert f'pglane_lane_holders{{{labels},doing="idle in transaction"}} 1\n' in text
    assert f"pglane_lane_idle_in_transaction_seconds_max{{{labels}}} 2.5\n" in text
    told = [
        sample.fixed[0][1]
        for one in METRICS
        for sample in one.samples
        if sample.source == "holding" and sample.fixed
    ]
    assert told == list(DOING)


def test_a_histogram_of_waits_and_reasons_by_lane():
    text = page()
    labels = 'database="shop",lane="otp"'
    assert f'pglane_lane_wait_seconds_bucket{{{labels},le="+Inf"}} 1\n' in text
    assert f"pglane_lane_wait_seconds_sum{{{labels}}} 2\n" in text
    assert f"pglane_lane_wait_seconds_count{{{labels}}} 1\n" in text
    assert f'pglane_lane_waits_total{{{labels},reason="no_server_free"}} 1\n' in text
    assert f'pglane_guarantee_violations_total{{{labels},reason="held_too_long"}} 1\n' in text
    assert f"pglane_lane_wait_bound_seconds{{{labels}}} 0.75\n" in text
    assert 'pglane_lane_wait_bound_seconds{database="shop",lane="browse"}' not in text


def test_lanes_are_told_without_the_worker():
    text = page(down=("pools",))
    assert "pglane_worker_up 0" in text
    assert "pglane_lane_leases_total" in text
