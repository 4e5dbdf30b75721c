"""One run of pgbench against one contender: throughput, latencies, CPU time, noise."""

import os
import re
import resource
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.end_to_end.cluster import Cluster, client_environment
from bench.end_to_end.contenders import Contender
from bench.end_to_end.workloads import Workload
from pglane.lab import procfs

WARM_UP_TRANSACTIONS = 40
GRACE_S = 60
# Column of the transaction log: the time a transaction took, in microseconds.
LATENCY = 2


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave.

    Attributes:
        errors: what pgbench complained about; "" is a clean run.
        tps: transactions a second; with reconnecting, the time to connect counts.
        p50_ms, p99_ms: latency of a transaction; the time to connect does not count.
        connect_ms: average time to connect, when it happens for each transaction.
        cpu_us: CPU time of all processes of the contender, a transaction.
        server_cpu_us: the same of PostgreSQL.
        steal: part of the machine's time taken by the hypervisor.
        foreign: part of the machine's time used by processes that are not ours.
    """

    workload: str
    family: str
    version: str
    size: int
    round: int
    errors: str
    transactions: int = 0
    tps: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    connect_ms: float = 0.0
    cpu_us: float = 0.0
    server_cpu_us: float = 0.0
    steal: float = 0.0
    foreign: float = 0.0

    @property
    def fair_tps(self) -> float:
        """Throughput for the part of the machine that was there for us.

        What it would have been on a quiet machine, as long as the workload can fill the machine;
        among runs under changing foreign load it varies a third as much as `tps`.
        """
        return self.tps / (1 - self.foreign - self.steal)


@dataclass(frozen=True, slots=True)
class Clocks:
    """CPU seconds of everybody so far."""

    contender_s: float
    server_s: float
    pgbench_s: float
    machine: procfs.MachineTimes


def measure(
    cluster: Cluster, contender: Contender, workload: Workload, seconds: int, round_: int
) -> Run:
    """Warms up, runs, reads the clocks around it."""
    problem = _pgbench(cluster, contender, workload, [f"-t{WARM_UP_TRANSACTIONS}"], GRACE_S)[1]
    with tempfile.TemporaryDirectory() as folder:
        options = [f"-T{seconds}", *logging(folder)]
        options += [f"--sampling-rate={workload.sampling}"] if workload.sampling < 1 else []
        before = _clocks(cluster, contender)
        output, errors = _pgbench(cluster, contender, workload, options, seconds + GRACE_S)
        after = _clocks(cluster, contender)
        latencies = _latencies_us(Path(folder))
    return _result(
        contender, workload, round_, output, problem or errors, latencies, before, after
    )


def _pgbench(
    cluster: Cluster, contender: Contender, workload: Workload, options: list[str], limit_s: int
) -> tuple[str, str]:
    """What pgbench printed, and what went wrong ("" is nothing)."""
    try:
        done = subprocess.run(
            command(cluster, contender, workload, options),
            env=environment(cluster, contender),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"pgbench did not end within {limit_s} s"
    return done.stdout, complaint(done.returncode, done.stdout, done.stderr)


def command(
    cluster: Cluster, contender: Contender, workload: Workload, options: list[str]
) -> list[str | Path]:
    """Its command line."""
    end = contender.endpoint
    where = [f"-h{end.host}", f"-p{end.port}", f"-U{end.user}", end.database]
    return [cluster.pgbench, *workload.arguments(), *options, *where]


def environment(cluster: Cluster, contender: Contender) -> dict[str, str]:
    """Its environment."""
    return {**os.environ, **client_environment(cluster.psql.password, tls=contender.tls)}


def logging(folder: str) -> list[str]:
    """Options with which it writes down what each transaction took, in files of this folder."""
    return ["-l", f"--log-prefix={folder}/log"]


def complaint(code: int, output: str, errors: str) -> str:
    """The first sign that not every transaction went well; "" is none."""
    bad = [line for line in errors.splitlines() if re.search("error|fatal|abort", line, re.I)]
    failed = _number(r"number of failed transactions: (\d+)", output)
    if bad:
        return bad[0].strip()
    if code:
        return f"pgbench ended with {code}"
    return f"{failed:.0f} transactions failed" if failed else ""


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found[1]) if found else 0.0


def _clocks(cluster: Cluster, contender: Contender) -> Clocks:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Clocks(
        contender.cpu_s(),
        procfs.cpu_s(cluster.pid),
        children.ru_utime + children.ru_stime,
        procfs.machine_times(),
    )


def _latencies_us(folder: Path) -> list[int]:
    """Sorted, of all logged transactions."""
    latencies: list[int] = []
    for path in folder.iterdir():
        with path.open() as lines:
            words = (line.split(" ", 3)[LATENCY] for line in lines)
            latencies += [int(word) for word in words if word.isdigit()]
    return sorted(latencies)


def quantile_ms(ordered_us: list[int], part: float) -> float:
    """Of what was measured; it is not empty."""
    return ordered_us[min(int(len(ordered_us) * part), len(ordered_us) - 1)] / 1000


def _result(
    contender: Contender,
    workload: Workload,
    round_: int,
    output: str,
    errors: str,
    latencies_us: list[int],
    before: Clocks,
    after: Clocks,
) -> Run:
    who = (workload.label, contender.family, contender.version, contender.size, round_)
    transactions = int(_number(r"transactions actually processed: (\d+)", output))
    if errors or not transactions or not latencies_us:
        return Run(*who, errors=errors or "no transaction was finished")
    contender_s = after.contender_s - before.contender_s
    server_s = after.server_s - before.server_s
    ours_s = contender_s + server_s + after.pgbench_s - before.pgbench_s
    total_s = after.machine.total_s - before.machine.total_s
    foreign_s = after.machine.busy_s - before.machine.busy_s - ours_s
    return Run(
        *who,
        errors="",
        transactions=transactions,
        tps=_number(r"tps = ([\d.]+)", output),
        p50_ms=quantile_ms(latencies_us, 0.50),
        p99_ms=quantile_ms(latencies_us, 0.99),
        connect_ms=_number(r"average connection time = ([\d.]+)", output),
        cpu_us=contender_s / transactions * 1e6,
        server_cpu_us=server_s / transactions * 1e6,
        steal=(after.machine.stolen_s - before.machine.stolen_s) / total_s,
        foreign=max(foreign_s, 0.0) / total_s,
    )
