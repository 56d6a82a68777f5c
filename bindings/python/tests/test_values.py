"""What a call answers is a value: it is kept, copied and pickled. What is open is none of that."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import resource
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

import fbat
from fbat import _fast

from conftest import KIND, event, fill, python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVERYTHING = fbat.Columns.PAYLOAD | fbat.Columns.EXTENSIONS | fbat.Columns.PREVIOUS_HASH


def pickled(protocol: int, value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


WAYS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": functools.partial(pickled, protocol)
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.fixture
def records(store: fbat.Store, open_store: Callable[..., fbat.Store]) -> list[fbat.Record]:
    """Records of every sort, whose pages are gone."""
    store.append_batch(
        [
            event(0),
            event(1, extensions={"a.b": b"1", "a.c": b"", "a.d": bytes(300)}),
            fbat.Event("e:ü", "Gebäude", KIND, bytes(range(256)) * 9, timestamp_us=-5, flags=7),
            event(3, correlation=fbat.Id(b"c" * 16), causation=fbat.Id(b"d" * 16)),
            fbat.Event("e", "s", KIND),
        ]
    )
    imported = open_store("imported")
    imported.import_from(store, "n")
    system = fbat.QueryFlags.SYSTEM
    return [
        *store.records(columns=EVERYTHING, flags=system),
        *imported.records(columns=EVERYTHING, flags=system),
        *imported.records(columns=fbat.Columns.FIXED),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_records_are_copied_and_pickled(records: list[fbat.Record], way: str) -> None:
    for record, same in zip(records, WAYS[way](records), strict=True):
        assert type(same) is fbat.Record
        assert same == record
        assert hash(same) == hash(record)
        assert same.as_dict() == record.as_dict() == WAYS[way](record).as_dict()
        assert same.provenance() == record.provenance()


@pytest.mark.parametrize("way", WAYS)
def test_receipts_reports_ids_options_and_errors_are_too(
    store: fbat.Store, tmp_path: Path, way: str
) -> None:
    receipts = fill(store, 3)
    checked, findings = store.verify()
    values: list[Any] = [
        receipts, receipts[0], receipts[0].id, receipts[0].event_hash, fbat.Id(b"x" * 16),
        store.frontier(), store.stats(), store.head("thing:0"), store.open_report, checked,
        findings, store.backup(tmp_path / "backup"), fbat.Progress(1, 2), event(5),
        fbat.Finding("path", 1, 2, 3, "message"), fbat.Status.IO, fbat.Columns.PAYLOAD,
        fbat.Region(entity="e", timestamps=(None, 5)), fbat.OpenOptions(label="x"),
    ]  # fmt: skip
    for value in values:
        same = WAYS[way](value)
        assert same == value
        assert type(same) is type(value)
        assert repr(same) == repr(value)
    with pytest.raises(fbat.ConflictError) as caught:
        store.append(event(0, expect=fbat.Expect.ABSENT))
    same = WAYS[way](caught.value)
    assert (type(same), str(same), same.__dict__) == (
        fbat.ConflictError, str(caught.value), caught.value.__dict__,
    )  # fmt: skip


def test_what_was_pickled_elsewhere_is_checked() -> None:
    with pytest.raises(TypeError, match="only a Record or a Receipt"):
        _fast.restore(bytes, {})  # type: ignore[type-var]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"id": b"short"}, "id has 5 bytes, not 16"),
        ({"entity": 5}, "entity is int, not text"),
        ({"payload": "x"}, "payload is str, not bytes"),
        ({"kind": 70_000}, "kind is 70000, and not 0 to 65535"),
        ({"extensions": []}, "extensions is list, not a dict"),
        ({"extensions": {"a.b": 5}}, "the value of an extension is int, not bytes"),
        ({"extensions": {5: b""}}, "the key of an extension is int, not text"),
        ({"sequence": None}, "sequence is NoneType, not an integer"),
    ]
    for members, message in wrong:
        with pytest.raises((TypeError, ValueError), match=message):
            _fast.restore(fbat.Record, members)
    empty = _fast.restore(fbat.Record, {"later": 5})
    assert (empty.entity, empty.payload, empty.extensions, empty.provenance()) == (
        "",
        b"",
        {},
        None,
    )


def test_what_is_open_is_not_copied(store: fbat.Store) -> None:
    fill(store, 1)
    for one in (store, store.cursor(), store.query(), fbat.Cancel()):
        for way in WAYS.values():
            with pytest.raises(
                TypeError, match=f"a {type(one).__name__} can't be copied or pickled"
            ):
                way(one)
    assert not store.closed
    assert len(list(store)) == 1


def test_a_subclass_that_raises_early_says_only_that(tmp_path: Path) -> None:
    program = """
        import fbat, gc, sys
        class Early(fbat.Store):
            def __init__(self, path):
                raise LookupError("early")
        class Never(fbat.Store):
            def __init__(self): ...
        class Broken(fbat.Store):
            def __init__(self, path):
                super().__init__(path, mode="x")
        for make in (Early, Broken):
            try:
                make(sys.argv[1])
            except (LookupError, TypeError) as error:
                print(type(error).__name__)
        for never in (Never(), fbat.Store.__new__(fbat.Store)):
            print(never, never.closed)
            event = fbat.Event("a", "b", 0x1001)
            for use in (never.stats, never.query, lambda: never.append(event)):
                try:
                    use()
                except fbat.InvalidError as error:
                    print(error.name)
        del never
        gc.collect()
    """
    done = subprocess.run(
        python("-c", textwrap.dedent(program), str(tmp_path / "s")),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout.split("\n")
    assert told[:2] == ["LookupError", "TypeError"]
    assert told.count("FBAT_ERR_INVALID_HANDLE") == 6


def test_a_record_that_is_kept_keeps_nothing_else(store: fbat.Store) -> None:
    large = bytes(50_000)
    for i in range(40):
        store.append_batch(
            [fbat.Event(f"e:{i}", "s", KIND, b"small"), *[fbat.Event("l", "s", KIND, large)] * 50]
        )
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = {record.entity: record for record in store.records(page_rows=100)}
    assert len(kept) == 41
    assert fbat.live_handles() == 1
    # 40 pages of 2.5 MB would be 100 MB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert [kept[f"e:{i}"].payload for i in range(40)] == [b"small"] * 40
    assert kept["l"].payload == large


def test_receipts_of_a_batch_do_not_keep_each_other(store: fbat.Store) -> None:
    [first, *_] = fill(store, 1000)
    assert sys.getsizeof(first) < 400
    assert first.sequence == 2


def test_records_of_a_page_live_through_its_end(store: fbat.Store) -> None:
    fill(store, 10)
    page = store.query()
    views = [page[3], page[3], *page[4:6], *page]
    before = [repr(view) for view in views]
    del views[0]
    rows = iter(page)
    next(rows)
    del page
    assert fbat.live_handles() == 2  # the iterator has it
    del rows
    assert fbat.live_handles() == 1
    assert [repr(view) for view in views] == before[1:]


def test_an_id_is_in_a_store_or_not(store: fbat.Store) -> None:
    receipts = fill(store, 5)
    assert all(receipt.id in store for receipt in receipts)
    assert bytes(receipts[0].id) in store
    assert fbat.Id(b"x" * 16) not in store
    record = store.get(receipts[0].id)
    assert record in store
    assert receipts[1] in store
    with pytest.raises(TypeError, match="event_id is str, not an Id"):
        _ = "thing:0" in store  # type: ignore[operator]
    store.close()
    with pytest.raises(fbat.ClosedError):
        _ = receipts[0].id in store
