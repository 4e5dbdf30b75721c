"""What is run: pgbench's own scripts in a protocol mode, with a number of clients."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workload:
    """One row of the table.

    Attributes:
        name: `select-simple` and the like; with the clients it is unique.
        clients: connections pgbench opens.
        mode: pgbench's `-M`.
        script: pgbench's built-in script.
        reconnect: a new connection for each transaction.
        sampling: part of the transactions whose latency is written down.
    """

    name: str
    clients: int
    mode: str
    script: str = "select-only"
    reconnect: bool = False
    sampling: float = 0.2

    @property
    def label(self) -> str:
        """For tables and for `--workloads`."""
        return f"{self.name}-{self.clients}"

    def arguments(self) -> list[str]:
        """For pgbench; one thread, because the machine is small and everybody shares it."""
        common = [f"-c{self.clients}", "-j1", f"-M{self.mode}", f"-b{self.script}", "-n"]
        return [*common, *(["-C"] if self.reconnect else [])]


MODES = ("simple", "extended", "prepared")
ALL = (
    *(Workload(f"select-{mode}", clients, mode) for mode in MODES for clients in (1, 16, 64)),
    *(Workload(f"tpcb-{mode}", 16, mode, "tpcb-like", sampling=1.0) for mode in MODES[::2]),
    Workload("connect-simple", 8, "simple", reconnect=True, sampling=1.0),
)
QUICK = ("select-simple-16", "select-prepared-64", "tpcb-simple-16", "connect-simple-8")


def chosen(patterns: list[str]) -> list[Workload]:
    """Workloads whose label contains one of the patterns; all when there is none.

    Raises:
        ValueError: a pattern fits nothing.
    """
    for pattern in patterns:
        if not any(pattern in workload.label for workload in ALL):
            known = ", ".join(workload.label for workload in ALL)
            raise ValueError(f"no workload has {pattern!r} in its name; there are: {known}")
    return [work for work in ALL if not patterns or any(part in work.label for part in patterns)]
