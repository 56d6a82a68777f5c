"""In a forked child, what the parent made is refused; the child may open stores of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import fbat

from conftest import KIND, event, fill, python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


def in_child(work: Callable[..., Any], *arguments: Any) -> Any:
    """What a function answers in a forked child."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def run() -> None:
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            sender.send(work(*arguments))
        except BaseException as failure:  # noqa: BLE001
            sender.send(failure)

    child = context.Process(target=run)
    child.start()
    sender.close()
    answer = receiver.recv()
    child.join()
    receiver.close()
    assert child.exitcode == 0
    child.close()
    if isinstance(answer, BaseException):
        raise answer
    return answer


def statuses(calls: list[Callable[[], object]]) -> list[str]:
    """The status that each call is refused with; "OK" where it is not."""
    answers = []
    for call in calls:
        try:
            call()
            answers.append("OK")
        except fbat.Error as error:
            answers.append(error.name)
    return answers


def test_what_the_parent_made_is_refused_in_a_child(store: fbat.Store, tmp_path: Path) -> None:
    receipts = fill(store, 3)
    cursor = store.cursor()
    cancel, provenance = (
        fbat.Cancel(),
        fbat.Provenance(
            source_namespace="n",
            source_event_id=receipts[0].id,
            source_sequence=2,
            source_kind=KIND,
            source_content_hash=receipts[0].content_hash,
        ),
    )
    calls: list[Callable[[], object]] = [
        lambda: store.append(event()),
        lambda: store.append_batch([event()]),
        lambda: store.get(receipts[0].id),
        store.query,
        cursor.next_page,
        cursor.wait,
        lambda: store.wait(0),
        lambda: next(store.follow()),
        lambda: asyncio.run(store.wait_async(0)),
        store.fileno,
        store.sync,
        store.frontier,
        store.stats,
        store.log_hash,
        store.verify,
        lambda: store.backup(tmp_path / "backup"),
        store.compress,
        lambda: store.import_from(store, "n"),
        lambda: store.import_from(store, "n", filter=bool, progress=bool),
        cancel.trigger,
        store.close,
    ]
    assert in_child(statuses, calls) == ["FBAT_ERR_FORKED"] * len(calls)
    own: list[Callable[[], object]] = [
        fbat.Cancel,
        provenance.encode,
        lambda: fbat.operation_key("d"),
        lambda: fbat.content_hash(b""),
        lambda: fbat.namespace_from_path(tmp_path),
    ]
    assert in_child(statuses, own) == ["OK"] * len(own)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
    store.append(event())
    assert len(list(store)) == 4


def test_a_child_may_open_stores_of_its_own(store: fbat.Store, tmp_path: Path) -> None:
    fill(store, 3)

    def use() -> list[object]:
        with fbat.Store(tmp_path / "own") as own:
            own.append(event())
            read = fbat.Store(tmp_path / "store", mode=fbat.OpenMode.READ_ONLY)
            with read:
                return [len(list(own)), len(list(read)), statuses([store.query])]

    assert in_child(use) == [1, 3, ["FBAT_ERR_FORKED"]]
    store.append(event())
    assert len(list(store)) == 4


def test_a_forked_error_is_a_closed_error_that_says_so(store: fbat.Store) -> None:
    with pytest.raises(fbat.ClosedError, match="after fork") as caught:
        in_child(store.append, event())
    assert caught.value.code == fbat.Status.FORKED


def test_records_that_were_read_before_can_be_read(store: fbat.Store) -> None:
    receipts, page = fill(store, 3), store.query()

    def look() -> list[object]:
        return [
            str(page[0].id),
            page[1].payload,
            page[2].entity,
            repr(receipts[0])[:8],
            fbat.kind_type(page[0].kind),
        ]

    assert in_child(look) == [str(receipts[0].id), b"payload 1", "thing:2", "Receipt(", 1]


def test_what_a_child_forgets_stays_alive_in_the_parent(
    open_store: Callable[..., fbat.Store],
) -> None:
    held: list[object] = [open_store(), fbat.Cancel()]

    def forget() -> int:
        held.clear()
        return fbat.live_handles()

    before = fbat.live_handles()
    assert in_child(forget) == 0
    assert fbat.live_handles() == before == 2


def test_a_filter_that_forks(open_store: Callable[..., fbat.Store]) -> None:
    source, destination = open_store("source"), open_store("destination")
    fill(source, 3)
    answers: list[object] = []

    def keep(record: fbat.Record) -> bool:
        answers.append(in_child(lambda: (record.payload, statuses([source.query])[0])))
        return True

    report = destination.import_from(source, "n", filter=keep, filter_columns=fbat.Columns.PAYLOAD)
    assert report.imported == 3
    assert answers == [(b"payload %d" % i, "FBAT_ERR_FORKED") for i in range(3)]


def test_children_that_use_the_library_first_may(tmp_path: Path) -> None:
    # The parent has imported the module and used nothing; exec and spawn are free in any case.
    program = f"""
        import fbat, multiprocessing
        def use(name):
            with fbat.Store({str(tmp_path)!r} + "/" + name) as store:
                store.append(fbat.Event("a", "b", 0x1001))
                return len(list(store))
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(2) as pool:
                print(pool.map(use, ["a", "b", "c"]))
                pool.close()
                pool.join()
    """
    done = subprocess.run(
        python("-c", textwrap.dedent(program)), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1, 1, 1]\n", "")
