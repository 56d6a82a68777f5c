"""What an event costs in Python: ``bench.py DIR COUNT`` prints nanoseconds for three jobs.

The jobs are the same in every language: append batches of 256, iterate over all events with their
payloads, import all of them through a filter. Durability is that of the operating system.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import fbat

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH: Final = 256


def measure(name: str, count: int, job: Callable[[], None]) -> None:
    """Print what one event of a job costs."""
    began = time.perf_counter_ns()
    job()
    print(f"{name} {(time.perf_counter_ns() - began) / count:.1f}")


def append_all(store: fbat.Store, count: int, payloads: list[bytes]) -> None:
    """Make all events, and append them."""
    kind = fbat.kind(1, 1)
    for start in range(0, count, BATCH):
        events = [
            fbat.Event(f"sensor:{i % 100:03d}", "bench", kind, payloads[i % len(payloads)])
            for i in range(start, min(start + BATCH, count))
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
    kind = fbat.kind(1, 1)
    report = destination.import_from(source, "bench", filter=lambda record: record.kind == kind)
    assert report.imported == count


def main(directory: Path, count: int) -> None:
    """Run the three jobs."""
    payloads = [bytes((i + j) % 256 for j in range(256)) for i in range(256)]
    with (
        fbat.Store(directory / "source", durability=fbat.Durability.OS) as source,
        fbat.Store(directory / "destination", durability=fbat.Durability.OS) as destination,
    ):
        measure("append_batch", count, lambda: append_all(source, count, payloads))
        measure("page_scan", count, lambda: scan(source, count))
        measure("import_filter", count, lambda: import_all(destination, source, count))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
