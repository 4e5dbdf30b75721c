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
        threads: of pgbench; it prepares a statement while its thread waits, so that one thread for
            all clients stands still when those in a transaction hold all server connections.
        sampling: part of the transactions whose latency is written down.
        slice_s: of a turn, where contenders meet in slices; some hundred transactions.
    """

    name: str
    clients: int
    mode: str
    script: str = "select-only"
    reconnect: bool = False
    threads: int = 1
    sampling: float = 0.2
    slice_s: float = 0.2

    @property
    def label(self) -> str:
        """For tables and for `--workloads`."""
        return f"{self.name}-{self.clients}"

    def arguments(self) -> list[str]:
        """For pgbench."""
        common = [
            f"-c{self.clients}",
            f"-j{self.threads}",
            f"-M{self.mode}",
            f"-b{self.script}",
            "-n",
        ]
        return [*common, *(["-C"] if self.reconnect else [])]


MODES = ("simple", "extended", "prepared")
ALL = (
    *(Workload(f"select-{mode}", clients, mode) for mode in MODES for clients in (1, 16, 64)),
    Workload("tpcb-simple", 16, "simple", "tpcb-like", sampling=1.0),
    Workload("tpcb-prepared", 16, "prepared", "tpcb-like", threads=16, sampling=1.0),
    Workload("connect-simple", 8, "simple", reconnect=True, sampling=1.0, slice_s=1.0),
)
QUICK = ("select-simple-16", "select-prepared-64", "tpcb-simple-16", "connect-simple-8")


def chosen(names: list[str]) -> list[Workload]:
    """Workloads by label or by its first words (`select`, `select-simple`); all without a name.

    Raises:
        ValueError: a name fits nothing.
    """
    for name in names:
        if not any(_fits(workload, name) for workload in ALL):
            known = ", ".join(workload.label for workload in ALL)
            raise ValueError(f"no workload is called {name!r}; there are: {known}")
    return [work for work in ALL if not names or any(_fits(work, name) for name in names)]


def _fits(workload: Workload, name: str) -> bool:
    return f"{workload.label}-".startswith(f"{name}-")
