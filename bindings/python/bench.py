"""What an event costs in Python.

    bench.py DIR COUNT            nanoseconds for three jobs, which are the same in every language:
                                  append batches of 256, iterate over all events with their
                                  payloads, import all of them through a filter
    bench.py DIR COUNT compare    microseconds for more jobs, beside sqlite3 and, where it is
                                  installed, py-lmdb: the least of five rounds, in turn

Durability is that of the operating system.
"""

from __future__ import annotations

import contextlib
import importlib
import random
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import fbat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BATCH: Final = 256
ROUNDS: Final = 5
READS: Final = 20_000
KIND: Final = fbat.kind(1, 1)
PAYLOADS: Final = [bytes((i + j) % 256 for j in range(256)) for i in range(256)]


def measure(name: str, count: int, job: Callable[[], None]) -> None:
    """Print what one event of a job costs."""
    began = time.perf_counter_ns()
    job()
    print(f"{name} {(time.perf_counter_ns() - began) / count:.1f}")


def batches(count: int) -> Iterator[range]:
    """The numbers of events, batch by batch."""
    return (range(start, min(start + BATCH, count)) for start in range(0, count, BATCH))


def append_all(store: fbat.Store, count: int) -> None:
    """Make all events, and append them."""
    for numbers in batches(count):
        events = [
            fbat.Event(f"sensor:{i % 100:03d}", "bench", KIND, PAYLOADS[i % 256]) for i in numbers
        ]
        store.append_batch(events, receipts=False)


def scan(store: fbat.Store, count: int) -> None:
    """Look at each event."""
    payload_bytes = entity_chars = 0
    for record in store:
        payload_bytes += len(record.payload)
        entity_chars += len(record.entity)
    assert (payload_bytes, entity_chars) == (256 * count, 10 * count)


def import_all(destination: fbat.Store, source: fbat.Store, count: int) -> None:
    """Import through a filter that looks at the kind."""
    report = destination.import_from(source, "bench", filter=lambda record: record.kind == KIND)
    assert report.imported == count


# ---- beside others -------------------------------------------------------------------------------


class Fbat:
    """The store itself."""

    name = "fbat"

    def __init__(self, directory: Path, count: int) -> None:
        self._directory, self._count = directory, count
        self._store = self._new(0)
        append_all(self._store, count)
        self._ids = [bytes(record.id) for record in self._store]
        self._reads = random.Random(1).choices([fbat.Id(one) for one in self._ids], k=READS)

    def _new(self, number: int) -> fbat.Store:
        return fbat.Store(self._directory / f"fbat{number}", durability=fbat.Durability.OS)

    def ids(self) -> list[bytes]:
        """The keys that others use too."""
        return self._ids

    def jobs(self) -> dict[str, tuple[int, Callable[[int], object]]]:
        """What is measured, with how many events it is for."""
        store, records = self._store, list(self._store)[:READS]
        return {
            "append, by 256": (self._count, self._append),
            "append, one by one": (READS, self._append_each),
            "get": (READS, lambda _: [store.get(one).payload and None for one in self._reads]),
            "scan": (self._count, lambda _: scan(store, self._count)),
            "as_dict": (len(records), lambda _: [record.as_dict() and None for record in records]),
            "frontier": (READS, lambda _: [store.frontier() and None for _ in range(READS)]),
            "query of one row": (
                READS // 10,
                lambda _: [store.query(after=10, until=11) and None for _ in range(READS // 10)],
            ),
        }

    def _append(self, number: int) -> None:
        with contextlib.closing(self._new(1 + number)) as store:
            append_all(store, self._count)

    def _append_each(self, number: int) -> None:
        with contextlib.closing(self._new(101 + number)) as store:
            for i in range(READS):
                store.append(fbat.Event("sensor:1", "bench", KIND, PAYLOADS[i % 256]))


class Sqlite:
    """One table, by id, in write-ahead mode."""

    name = "sqlite3"

    def __init__(self, directory: Path, ids: list[bytes]) -> None:
        self._directory, self._ids = directory, ids
        self._reads = random.Random(1).choices(ids, k=READS)
        self._data = self._new(0)
        self._fill(self._data)

    def _new(self, number: int) -> sqlite3.Connection:
        data = sqlite3.connect(self._directory / f"sqlite{number}", isolation_level=None)
        data.execute("pragma journal_mode = wal")
        data.execute("pragma synchronous = off")
        data.execute(
            "create table event (sequence integer primary key, id blob unique, entity text,"
            " scope text, kind integer, time integer, payload blob)"
        )
        return data

    def _fill(self, data: sqlite3.Connection, batch: int = BATCH) -> None:
        ids = self._ids if batch > 1 else self._ids[:READS]
        for start in range(0, len(ids), batch):
            rows = (
                (ids[i], f"sensor:{i % 100:03d}", "bench", KIND, i, PAYLOADS[i % 256])
                for i in range(start, min(start + batch, len(ids)))
            )
            data.execute("begin")
            data.executemany(
                "insert into event (id, entity, scope, kind, time, payload) values (?,?,?,?,?,?)",
                rows,
            )
            data.execute("commit")

    def jobs(self) -> dict[str, tuple[int, Callable[[int], object]]]:
        """What is measured."""
        select = "select payload from event where id = ?"
        execute = self._data.execute
        return {
            "append, by 256": (len(self._ids), lambda n: self._fill(self._new(1 + n))),
            "append, one by one": (READS, lambda n: self._fill(self._new(101 + n), 1)),
            "get": (
                READS,
                lambda _: [execute(select, (i,)).fetchone() and None for i in self._reads],
            ),
            "scan": (
                len(self._ids),
                lambda _: sum(
                    len(payload) + len(entity)
                    for entity, payload in execute("select entity, payload from event order by 1")
                ),
            ),
        }


class Lmdb:
    """Payloads by id."""

    name = "py-lmdb"

    def __init__(self, directory: Path, ids: list[bytes]) -> None:
        self._lmdb: Any = importlib.import_module("lmdb")
        self._directory, self._ids = directory, ids
        self._reads = random.Random(1).choices(ids, k=READS)
        self._data = self._new(0)
        self._fill(self._data)

    def _new(self, number: int) -> Any:
        path = str(self._directory / f"lmdb{number}")
        return self._lmdb.open(path, map_size=1 << 32, sync=False)

    def _fill(self, data: Any, batch: int = BATCH) -> None:
        ids = self._ids if batch > 1 else self._ids[:READS]
        for start in range(0, len(ids), batch):
            with data.begin(write=True) as transaction:
                for i in range(start, min(start + batch, len(ids))):
                    transaction.put(ids[i], PAYLOADS[i % 256])

    def _get_each(self) -> None:
        for one in self._reads:
            with self._data.begin() as transaction:
                transaction.get(one)

    def _get_all(self) -> None:
        with self._data.begin() as transaction:
            for one in self._reads:
                transaction.get(one)

    def _scan(self) -> None:
        with self._data.begin() as transaction:
            for _, value in transaction.cursor():
                len(value)

    def jobs(self) -> dict[str, tuple[int, Callable[[int], object]]]:
        """What is measured."""
        return {
            "append, by 256": (len(self._ids), lambda n: self._fill(self._new(1 + n))),
            "append, one by one": (READS, lambda n: self._fill(self._new(101 + n), 1)),
            "get": (READS, lambda _: self._get_each()),
            "get, in one transaction": (READS, lambda _: self._get_all()),
            "scan": (len(self._ids), lambda _: self._scan()),
        }


def compare(directory: Path, count: int) -> None:
    """Print a table."""
    ours = Fbat(directory, count)
    stores: list[Fbat | Sqlite | Lmdb] = [ours, Sqlite(directory, ours.ids())]
    with contextlib.suppress(ImportError):
        stores.append(Lmdb(directory, ours.ids()))
    jobs = {store.name: store.jobs() for store in stores}
    least: dict[tuple[str, str], float] = {}
    for number in range(ROUNDS):
        for name, of_store in jobs.items():
            for job, (events, work) in of_store.items():
                began = time.perf_counter_ns()
                work(number)
                cost = (time.perf_counter_ns() - began) / events / 1000
                least[job, name] = min(cost, least.get((job, name), cost))
    print("| us an event |", " | ".join(jobs), "|")
    print("| --- |", " ---: |" * len(jobs))
    for job in dict.fromkeys(job for job, _ in least):
        cells = (f"{least[job, name]:.2f}" if (job, name) in least else "" for name in jobs)
        print(f"| {job} |", " | ".join(cells), "|")


def main(directory: Path, count: int) -> None:
    """Run the three jobs."""
    with (
        fbat.Store(directory / "source", durability=fbat.Durability.OS) as source,
        fbat.Store(directory / "destination", durability=fbat.Durability.OS) as destination,
    ):
        measure("append_batch", count, lambda: append_all(source, count))
        measure("page_scan", count, lambda: scan(source, count))
        measure("import_filter", count, lambda: import_all(destination, source, count))


if __name__ == "__main__":
    (compare if sys.argv[3:] == ["compare"] else main)(Path(sys.argv[1]), int(sys.argv[2]))
