from __future__ import annotations

import gc
import subprocess
import textwrap
import threading
from typing import TYPE_CHECKING

import fbat

from conftest import KIND, event, fill, python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THREADS = 8
ROUNDS = 60


def run_all(work: Callable[[int], None]) -> None:
    """Runs eight threads at once; the first exception of any is raised here."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> None:
        try:
            barrier.wait()
            work(number)
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_eight_threads_append_and_read_one_store(store: fbat.Store) -> None:
    def work(number: int) -> None:
        for i in range(ROUNDS):
            batch = [
                fbat.Event(f"thread:{number}", "tests", KIND, bytes([number, i, j]), expect=expect)
                for j, expect in enumerate(
                    (fbat.Expect.ABSENT if i == 0 else fbat.Expect.PRESENT, fbat.Expect.PRESENT)
                )
            ]
            receipts = store.append_batch(batch)
            assert [receipt.version for receipt in receipts] == [2 * i + 1, 2 * i + 2]
            record = store.get(receipts[1].id)
            assert record.payload == bytes([number, i, 1])
            versions = [
                record.version for record in store.records(entity=f"thread:{number}", page_rows=7)
            ]
            assert versions == list(range(1, 2 * i + 3))

    run_all(work)
    assert store.stats().events == 1 + THREADS * ROUNDS * 2
    assert store.verify()[1] == []


def test_events_that_others_change_meanwhile_are_harmless(store: fbat.Store) -> None:
    events = [event(i, extensions={"a.b": bytearray(100)}) for i in range(200)]

    def work(number: int) -> None:
        for i in range(20):
            if number % 2:
                store.append_batch(events, receipts=False)
            else:
                for one in events:
                    one.payload = bytes([i]) * 300
                    one.entity = f"other:{number}:{i}"
                    one.extensions = {"a.c": bytes(200)}

    run_all(work)
    assert store.verify()[1] == []


def test_threads_share_a_cursor_under_a_lock(store: fbat.Store) -> None:
    fill(store, 1000)
    cursor, lock = store.cursor(page_rows=10), threading.Lock()
    seen: list[int] = []

    def work(number: int) -> None:
        while True:
            with lock:
                page = cursor.next_page()
            if page is None:
                return
            seen.extend(record.sequence for record in page)

    run_all(work)
    assert sorted(seen) == list(range(2, 1002))


def test_closing_while_others_use_it_ends_them_with_an_error(store: fbat.Store) -> None:
    fill(store, 100)
    ended: list[int] = []

    def work(number: int) -> None:
        try:
            for i in range(10_000):
                if number == 0 and i == 20:
                    store.close()
                store.append(event(i))
                list(store.records(page_rows=10))
        except fbat.ClosedError as error:
            ended.append(error.code)

    run_all(work)
    assert ended == [fbat.Status.CLOSED] * THREADS


def test_threads_import_into_one_store_at_once(open_store: Callable[..., fbat.Store]) -> None:
    source, destination = open_store("source"), open_store("destination")
    fill(source, 500)
    reports: list[fbat.ImportReport] = []

    def work(number: int) -> None:
        keep = (lambda record: True) if number % 2 else None
        reports.append(destination.import_from(source, "n", filter=keep, chunk_size=20))

    run_all(work)
    assert sum(report.imported - report.overtaken for report in reports) == 500
    assert len(list(destination)) == 500


def test_the_interpreter_runs_on_while_a_call_lasts(store: fbat.Store) -> None:
    # Calls let other threads run: with the lock held, none of them would count.
    counted, done = 0, threading.Event()

    def work() -> None:
        for i in range(30):
            store.append_batch([event(i) for _ in range(100)], receipts=False)
            store.sync()
            store.verify()
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.is_set():
        counted += 1
    thread.join()
    assert counted > 1000


def test_records_of_one_page_are_read_by_all(store: fbat.Store) -> None:
    fill(store, 100)
    page = store.query()

    def work(number: int) -> None:
        for _ in range(20):
            assert [record.payload for record in page] == [b"payload %d" % i for i in range(100)]
            gc.collect(0)

    run_all(work)


def test_a_thread_that_outlives_the_interpreter_does_no_harm(tmp_path: Path) -> None:
    program = f"""
        import fbat, sys, threading, time, warnings
        warnings.simplefilter("ignore")
        fbat.log_to()
        store = fbat.Store({str(tmp_path)!r} + "/store", durability=fbat.Durability.OS)
        def work():
            while True:
                store.append_batch([fbat.Event("a", "b", 0x1001)] * 10)
                for record in store.records(page_rows=5):
                    pass
        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
    """
    done = subprocess.run(
        python("-W", "ignore", "-c", textwrap.dedent(program)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
