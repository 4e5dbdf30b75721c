"""What lanes count, in memory that worker and supervisor share: to read it asks nobody.

The worker writes its lanes there once a second; whoever reads (console, metrics) costs no client a
microsecond, and reads the last figures also of a worker that is too busy to answer. It is a file
without a name, of a fixed size: `LANES_MAX` records, each of one lane and the tenants of it that
used most.

A record has a checksum, and one that does not fit was read while it was written: it is read
again. That needs no order of writes that a processor might not keep.

**Cost.** A lane that did nothing since is not written; the others take turns, so that a thousand
busy lanes, or a thousand tenants of each, cost a second what some dozens do (`EFFORT_MAX`).

Rejected: figures that are counted in shared memory itself (every count of the hot path would cost
ten times as much); a question to the worker for each look (a page of a busy dashboard would cost
clients, and gets no answer from a worker that hangs).
"""

import mmap
import os
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pglane.scheduler.bounds import NO_BOUND, wait_s_max
from pglane.scheduler.counters import BUCKETS, VIOLATIONS
from pglane.scheduler.lane import Lane
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.reasons import REASONS, REFUSALS
from pglane.scheduler.statistics import (
    LaneStatistics,
    TenantStatistics,
    lane_statistics,
    tenant_statistics,
)

LANES_MAX = 512
"""Lanes that are shown; those that come later are left out and counted."""
EFFORT_MAX = 4000
LANE_EFFORT = 50
"""What writing a lane costs, where one of its tenants costs 1: it is picked from all."""
TENANTS_SHOWN_MAX = 16
"""Of one lane, those whose leases took most."""
READINGS_MAX = 20
"""How often a record that is just being written is read again."""

_LANE_NUMBERS = (
    "weight", "promised", "reserve", "busy", "waiting", "coming", "tickets", "tickets_busy",
    "continuing", "head_age_s", "hold_s_mean", "grants", "wait_s", "wait_s_max", "service_s",
    "backlogged_s", "backlogged_service_s", "borrowed_s", "lent_s", "recalls", "give_back_s",
    "give_back_s_max",
)  # fmt: skip
_WHOLE = frozenset(
    {"promised", "reserve", "busy", "waiting", "coming", "tickets", "tickets_busy", "continuing"}
    | {"grants", "recalls"}
)
_TENANT_NUMBERS = (
    "clients", "busy", "waiting", "head_age_s", "grants", "wait_s", "wait_s_max", "held_s",
)  # fmt: skip
_TENANT_WHOLE = frozenset({"clients", "busy", "waiting", "grants"})
_COUNTS = 2 * BUCKETS + len(REASONS) + len(REFUSALS) + len(VIOLATIONS)
_HEAD = struct.Struct("=II")  # length and checksum of a record; length 0: there is none
_LANE = struct.Struct(f"=d64s80s16sdii{len(_LANE_NUMBERS)}d{_COUNTS}Q")
_TENANT = struct.Struct(f"=64s{len(_TENANT_NUMBERS)}d{BUCKETS + len(REFUSALS)}Q")
_RECORD_BYTES = _HEAD.size + _LANE.size + TENANTS_SHOWN_MAX * _TENANT.size
_LEFT_OUT = struct.Struct("=Q")
BOARD_BYTES = _LEFT_OUT.size + LANES_MAX * _RECORD_BYTES


@dataclass(frozen=True, slots=True)
class LaneReading:
    """One lane as it was written last.

    Attributes:
        database: whose budget.
        moment: when, in seconds of the clock that all processes share.
        lane: what it counted; the age of its oldest request is that of the moment of reading.
        bound_s: the longest that a first request waits; `NO_BOUND` if nothing is promised.
        tenants: those that used most.
        tenants_known: how many there are.
    """

    database: str
    moment: float
    lane: LaneStatistics
    bound_s: float
    tenants: tuple[TenantStatistics, ...]
    tenants_known: int


def new_board() -> int:
    """The descriptor of an empty board, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("pglane lanes")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, BOARD_BYTES)
    return fd


class LaneBoard:
    """The writer's side."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, BOARD_BYTES)
        for place in range(LANES_MAX):  # of a worker that is gone
            _HEAD.pack_into(self._memory, _LEFT_OUT.size + place * _RECORD_BYTES, 0, 0)
        self._places: dict[tuple[str, str], int] = {}
        self._free = list(range(LANES_MAX - 1, -1, -1))
        self._written: dict[tuple[str, str], tuple[float, ...]] = {}
        self._turn = 0

    def write(self, queues: Iterable[tuple[str, LaneQueue]], now: float) -> None:
        """Writes what changed of the lanes of each database's queue."""
        lanes = {
            (database, lane.name): lane
            for database, queue in queues
            for lane in queue.lanes.values()
        }
        for key in self._places.keys() - lanes.keys():
            self._withdraw(key)
        due = [key for key, lane in lanes.items() if self._is_due(key, lane)]
        begin = self._turn if self._turn < len(due) else 0
        effort = 0
        for number, key in enumerate(due[begin:], begin + 1):
            self._write(key, lanes[key], now)
            self._turn = number
            effort += LANE_EFFORT + len(lanes[key].tenants.known)
            if effort >= EFFORT_MAX:
                break
        _LEFT_OUT.pack_into(self._memory, 0, max(len(lanes) - LANES_MAX, 0))

    def _is_due(self, key: tuple[str, str], lane: Lane) -> bool:
        """Whether anything about it is not what was written."""
        if lane.busy or lane.arrivals.first is not None:
            return True
        return self._written.get(key) != _trace(lane)

    def _write(self, key: tuple[str, str], lane: Lane, now: float) -> None:
        place = self._places.get(key)
        if place is None:
            if not self._free:
                return
            place = self._places[key] = self._free.pop()
        self._written[key] = _trace(lane)
        record = _record(key[0], lane, now)
        at = _LEFT_OUT.size + place * _RECORD_BYTES
        self._memory[at : at + _HEAD.size + len(record)] = (
            _HEAD.pack(len(record), zlib.crc32(record)) + record
        )

    def _withdraw(self, key: tuple[str, str]) -> None:
        place = self._places.pop(key)
        self._written.pop(key)
        _HEAD.pack_into(self._memory, _LEFT_OUT.size + place * _RECORD_BYTES, 0, 0)
        self._free.append(place)


def _trace(lane: Lane) -> tuple[float, ...]:
    """What is another one when anything happened to a lane that has nothing and waits for none."""
    counters = lane.counters
    return (
        counters.grants,
        sum(counters.refused),
        sum(counters.reasons),
        counters.recalls,
        counters.lent_s,
        lane.busy,
        lane.waiting,
        lane.reserve,
        lane.golden_max,
        lane.weight,
        lane.loan_s_max,
        len(lane.tenants.known),
    )


def _record(database: str, lane: Lane, now: float) -> bytes:
    told = lane_statistics(lane, now)
    tenants = tenant_statistics(lane, TENANTS_SHOWN_MAX, now)
    bound_s = NO_BOUND
    if lane.is_promised and not lane.suspended:
        bound_s = wait_s_max(lane.reserve, lane.lease_s_max, lane.loan_s_max, short=True, ahead=0)
    counts = (*told.waits, *told.give_backs, *told.reasons.values(), *told.refused.values())
    head = _LANE.pack(
        now,
        _bytes(database, 64),
        _bytes(told.name, 80),
        _bytes(told.door, 16),
        bound_s,
        len(tenants),
        len(lane.tenants.known),
        *(getattr(told, name) for name in _LANE_NUMBERS),
        *counts,
        *told.violations.values(),
    )
    return head + b"".join(map(_tenant_record, tenants))


def _tenant_record(tenant: TenantStatistics) -> bytes:
    return _TENANT.pack(
        _bytes(tenant.name, 64),
        *(getattr(tenant, name) for name in _TENANT_NUMBERS),
        *tenant.waits,
        *tenant.refused.values(),
    )


def _bytes(text: str, size: int) -> bytes:
    """As many whole characters as fit."""
    raw = text.encode("utf-8", "replace")[:size]
    return raw.decode("utf-8", "ignore").encode()


class BoardReader:
    """The reader's side of a board, whoever writes it now."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, BOARD_BYTES, access=mmap.ACCESS_READ)

    def close(self) -> None:
        """It is not read any more."""
        self._memory.close()

    def left_out(self) -> int:
        """Lanes for which there was no room."""
        (count,) = _LEFT_OUT.unpack_from(self._memory, 0)
        return int(count)

    def read(self, now: float) -> list[LaneReading]:
        """All lanes, by database and name."""
        found = [
            _reading(record, now)
            for place in range(LANES_MAX)
            if (record := self._record(place)) is not None
        ]
        return sorted(found, key=lambda each: (each.database, each.lane.name))

    def _record(self, place: int) -> bytes | None:
        """What is written in a place; None: nothing, or it changes faster than it can be read."""
        at = _LEFT_OUT.size + place * _RECORD_BYTES
        for _ in range(READINGS_MAX):
            length, checksum = _HEAD.unpack_from(self._memory, at)
            if not length:
                return None
            record = self._memory[at + _HEAD.size : at + _HEAD.size + length]
            if length <= _RECORD_BYTES and zlib.crc32(record) == checksum:
                return record
        return None


def _reading(record: bytes, now: float) -> LaneReading:
    moment, database, name, door, bound_s, shown, known, *values = _LANE.unpack_from(record)
    numbers = {
        each: int(value) if each in _WHOLE else value
        for each, value in zip(_LANE_NUMBERS, values, strict=False)
    }
    if numbers["waiting"] or numbers["coming"]:
        numbers["head_age_s"] += max(now - moment, 0.0)
    counts: Iterator[int] = iter(values[len(_LANE_NUMBERS) :])
    lane = LaneStatistics(
        name=_text(name),
        door=_text(door),
        waits=tuple(next(counts) for _ in range(BUCKETS)),
        give_backs=tuple(next(counts) for _ in range(BUCKETS)),
        reasons={reason.value: next(counts) for reason in REASONS},
        refused={reason.value: next(counts) for reason in REFUSALS},
        violations={reason: next(counts) for reason in VIOLATIONS},
        **numbers,
    )
    places = range(_LANE.size, _LANE.size + shown * _TENANT.size, _TENANT.size)
    tenants = tuple(_tenant(record, place, max(now - moment, 0.0)) for place in places)
    return LaneReading(_text(database), moment, lane, bound_s, tenants, known)


def _tenant(record: bytes, at: int, age_s: float) -> TenantStatistics:
    name, *values = _TENANT.unpack_from(record, at)
    numbers = {
        each: int(value) if each in _TENANT_WHOLE else value
        for each, value in zip(_TENANT_NUMBERS, values, strict=False)
    }
    if numbers["waiting"]:
        numbers["head_age_s"] += age_s
    counts: Iterator[int] = iter(values[len(_TENANT_NUMBERS) :])
    return TenantStatistics(
        name=_text(name),
        waits=tuple(next(counts) for _ in range(BUCKETS)),
        refused={reason.value: next(counts) for reason in REFUSALS},
        **numbers,
    )


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\x00").decode()
