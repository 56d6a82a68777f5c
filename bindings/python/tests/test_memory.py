"""What is done again and again leaves nothing: a reference lost in C shows as blocks that stay."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

import pytest

import fbat

from conftest import KIND, event, fill

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 800


def blocks_left(work: Callable[[], object]) -> int:
    """How many more blocks the interpreter has after so many rounds: some hundred, in any case."""
    for _ in range(20):
        work()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(ROUNDS):
        work()
    gc.collect()
    return sys.getallocatedblocks() - before


def test_appends_leave_nothing(store: fbat.Store) -> None:
    extensions = {f"test.key{i}": bytearray(3) for i in range(3)}

    def work() -> None:
        given = event(
            1, extensions=dict(extensions), correlation=fbat.Id(b"c" * 16), timestamp_us=5
        )
        [repr(receipt) for receipt in store.append_batch([given, given])]
        store.append_batch([given], receipts=False)

    assert blocks_left(work) < ROUNDS * 0.8


def test_appends_that_fail_leave_nothing(store: fbat.Store) -> None:
    mixed: Any = {"a.b": bytearray(3), "a.c": "x"}
    wrong = [
        fbat.Event("thing", "tests", 70_000, bytearray(5)),
        fbat.Event("thing", "tests", KIND, bytearray(5), extensions=mixed),
        fbat.Event("thing", "tests", KIND, bytearray(5), key=b"short"),
        fbat.Event("thing/", "tests", KIND, bytearray(5)),
    ]

    def work() -> None:
        for one in wrong:
            with pytest.raises((ValueError, TypeError)):
                store.append_batch([event(1), one])

    assert blocks_left(work) < ROUNDS * 0.8


def test_reads_leave_nothing(store: fbat.Store) -> None:
    store.append_batch([event(i, extensions={"test.key": b"value"}) for i in range(5)])

    def work() -> None:
        for record in store.records(columns=fbat.Columns(7)):
            record.as_dict()
            hash(record)

    assert blocks_left(work) < ROUNDS * 0.8


def test_imports_leave_nothing(store: fbat.Store, open_store: Callable[..., fbat.Store]) -> None:
    destination = open_store("destination")
    fill(store, 5)

    def fail(record: fbat.Record) -> bool:
        raise LookupError(record.entity)

    def work() -> None:
        destination.import_from(
            store, "n", filter=lambda record: record.kind == KIND, progress=bool
        )
        with pytest.raises(LookupError):
            destination.import_from(store, "n", filter=fail)
        destination.import_from(store, "n")

    assert blocks_left(work) < ROUNDS * 0.8


def test_errors_and_the_rest_leave_nothing(store: fbat.Store) -> None:
    provenance = fbat.Provenance(
        source_namespace="n",
        source_event_id=fbat.Id(b"i" * 16),
        source_sequence=1,
        source_kind=KIND,
        source_content_hash=fbat.content_hash(b""),
    )

    def work() -> None:
        with pytest.raises(fbat.NotFoundError):
            store.head("nobody")
        fbat.set_log_callback(lambda level, message: None)
        fbat.operation_key("domain", "part")
        provenance.encode_body()
        fbat.Provenance.decode(provenance.encode())
        store.verify(timestamps=(0, 5), entity="e")
        store.query(cancel=fbat.Cancel(), progress=bool)
        with pytest.raises(TypeError):
            store.query(limits=5)  # type: ignore[call-arg]

    assert blocks_left(work) < ROUNDS * 0.8
