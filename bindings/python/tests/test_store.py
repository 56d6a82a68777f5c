from __future__ import annotations

import gc
import math
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fbat

from conftest import event, fill, python

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_store_closes_with_its_context(tmp_path: Path) -> None:
    with fbat.Store(tmp_path / "store") as store:
        assert not store.closed
        assert repr(store) == f"<fbat.Store at {str(tmp_path / 'store')!r}>"
    assert store.closed
    assert repr(store).startswith("<fbat.Store closed at")
    store.close()


def test_a_store_closes_when_the_body_raises(tmp_path: Path) -> None:
    with pytest.raises(LookupError), fbat.Store(tmp_path / "store") as store:
        raise LookupError
    assert store.closed


def test_a_store_that_is_not_closed_warns(tmp_path: Path) -> None:
    with pytest.warns(ResourceWarning, match="unclosed <fbat.Store at"):
        fbat.Store(tmp_path / "store")
        gc.collect()


def test_a_store_that_did_not_open_does_not_warn(tmp_path: Path) -> None:
    with warnings.catch_warnings(), pytest.raises(fbat.NotFoundError):
        warnings.simplefilter("error")
        fbat.Store(tmp_path / "store", mode=fbat.OpenMode.MUST_EXIST)


def test_open_modes(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with pytest.raises(fbat.NotFoundError) as missing:
        fbat.Store(path, mode=fbat.OpenMode.MUST_EXIST)
    assert missing.value.code == fbat.Status.STORE_NOT_FOUND
    with pytest.raises(fbat.NotFoundError):
        fbat.Store(path, mode=fbat.OpenMode.READ_ONLY)
    with fbat.Store(path, mode=fbat.OpenMode.MUST_BE_NEW) as new:
        assert not new.is_read_only
        with pytest.raises(fbat.BusyError, match="open for writing in this process"):
            fbat.Store(path)
        with fbat.Store(path, mode=fbat.OpenMode.READ_ONLY) as reader:
            assert reader.is_read_only
            with pytest.raises(fbat.ClosedError) as read_only:
                reader.append(event())
            assert read_only.value.code == fbat.Status.READ_ONLY
    with pytest.raises(fbat.ConflictError) as exists:
        fbat.Store(path, mode=fbat.OpenMode.MUST_BE_NEW)
    assert exists.value.code == fbat.Status.STORE_EXISTS
    with pytest.raises(fbat.InvalidError):
        fbat.Store(path, mode=99)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", [str, Path, os.fsencode])
def test_paths_come_in_every_form(
    tmp_path: Path, form: Callable[[Path], str | bytes | Path]
) -> None:
    with fbat.Store(form(tmp_path / "störe")) as store:
        assert Path(store.path) == tmp_path / "störe"


def test_a_path_that_is_not_utf8_is_kept(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xfe"
    with fbat.Store(raw) as store:
        assert os.fsencode(store.path) == raw


def test_what_a_store_knows_of_itself(open_store: Callable[..., fbat.Store]) -> None:
    store = open_store(label="Grüße")
    fill(store, 3)
    store.close()
    assert store.label == "Grüße"
    assert store.namespace == f"store:{store.id}"
    assert store.path.endswith("store")
    assert store.open_report.flags == fbat.OpenReportFlags.CREATED
    again = open_store()
    assert (again.id, again.label) == (store.id, "Grüße")
    assert again.open_report == fbat.OpenReport(
        fbat.OpenReportFlags(0), 0, 0, None, 0, 0, 0, 0, 0, 0
    )


def test_frontier_sync_stats_head_and_log_hash(store: fbat.Store) -> None:
    receipts = fill(store, 10)
    assert store.frontier().visible == 11
    assert store.sync() == fbat.Frontier(visible=11, durable=11)
    stats = store.stats()
    assert (stats.events, stats.segments) == (11, 1)
    assert stats.log_bytes > 0
    assert stats.memory_bytes > 0
    assert store.head("thing:2") == fbat.Head(
        2, receipts[9].sequence, receipts[9].id, receipts[9].event_hash
    )
    with pytest.raises(fbat.NotFoundError):
        store.head("thing")
    with pytest.raises(TypeError, match="entity is int, not text"):
        store.head(5)  # type: ignore[arg-type]
    before = store.log_hash()
    fill(store, 1)
    assert isinstance(before, fbat.Hash)
    assert store.log_hash() != before


def test_an_anchor_of_the_past_is_compared(store: fbat.Store) -> None:
    anchors = {1: store.log_hash()}
    for i in range(5):
        sequence = store.append(event(i)).sequence
        anchors[sequence] = store.log_hash()
    last = fill(store, 3)[-1].sequence
    anchors[last] = store.log_hash()
    assert {sequence: store.log_hash_at(sequence) for sequence in anchors} == anchors
    assert store.log_hash_at(last - 1) not in anchors.values()
    checked, findings = store.verify()
    assert findings == []
    assert (checked.log_hash, checked.last_sequence) == (store.log_hash(), last)
    assert (checked.events_not_examined, checked.bytes_not_examined) == (0, 0)
    with pytest.raises(fbat.NotFoundError) as caught:
        store.log_hash_at(last + 1)
    assert caught.value.allowed == last
    with pytest.raises(fbat.InvalidError):
        store.log_hash_at(0)
    with pytest.raises(fbat.InvalidError, match="sequence is -1, and not 0 to"):
        store.log_hash_at(-1)
    with pytest.raises(TypeError, match="sequence is str, not an integer"):
        store.log_hash_at("1")  # type: ignore[arg-type]
    store.close()
    with pytest.raises(fbat.ClosedError):
        store.log_hash_at(1)


def test_verification_goes_on_after_damage(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    store = open_store("damaged")
    for i in range(50):
        store.append(event(i))
    log = next((tmp_path / "damaged").glob("*.log"))
    data = log.read_bytes()
    with log.open("r+b") as file:
        for i in (10, 20, 30):
            file.seek(data.index(b"payload %d" % i))
            file.write(b"P")
    checked, findings = store.verify()
    assert checked.findings == len(findings) >= 3
    assert {12, 22, 32} <= {finding.first_sequence for finding in findings}
    assert checked.events_not_examined == 3
    assert checked.events == 51 - 3


def test_a_torn_tail_is_reported(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
    # A copy of a store that is open is what a killed process leaves.
    store = open_store("torn")
    for i in range(3):
        store.append(event(i))
    shutil.copytree(tmp_path / "torn", tmp_path / "copy")
    (tmp_path / "copy" / "LOCK").unlink()
    log = next((tmp_path / "copy").glob("*.log"))
    data = bytearray(log.read_bytes())
    data[data.index(b"payload 1")] ^= 1
    log.write_bytes(data)
    report = open_store("copy").open_report
    assert fbat.OpenReportFlags.UNCLEAN in report.flags
    assert report.dropped_bytes > 0
    assert report.dropped_path == str(log)
    assert report.dropped_offset > 0
    assert (report.dropped_batches, report.dropped_events) == (1, 1)
    assert report.gap_first <= report.gap_last


def test_the_limits_of_a_store_count(tmp_path: Path) -> None:
    limits = fbat.OpenOptions(
        mode=fbat.OpenMode.MUST_BE_NEW,
        durability=fbat.Durability.OS,
        label="x",
        payload_bytes_max=100,
        batch_events_max=2,
        batch_bytes_max=1000,
        segment_bytes=65536,
    )
    for name in "ab":
        with fbat.Store(tmp_path / name, **limits) as store:
            assert store.label == "x"
            fill(store, 2)
            with pytest.raises(fbat.InvalidError) as caught:
                fill(store, 3)
            assert (caught.value.actual, caught.value.allowed) == (3, 2)
            with pytest.raises(fbat.InvalidError):
                store.append(fbat.Event("a", "b", 0x1001, bytes(101)))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mode", 4, "mode is 4"),
        ("durability", 2, "durability is 2"),
        ("label", "x" * 1025, "label.*1025"),
        ("label", "a\0b", "label has a NUL"),
        ("payload_bytes_max", 2**30, "payload_bytes_max is 1073741824; it must be 1 to 33554432"),
        ("payload_bytes_max", -1, "payload_bytes_max is -1, and not 0 to 18446744073709551615"),
        ("batch_events_max", 65537, "batch_events_max is 65537; it must be 1 to 65536"),
        ("batch_bytes_max", 2**27, "batch_bytes_max is 134217728; it must be 1 to 67108864"),
        ("segment_bytes", 65535, "segment_bytes is 65535; it must be 65536 to 1073741824"),
    ],
)
def test_keywords_out_of_range_are_refused_by_name(
    tmp_path: Path, name: str, value: object, message: str
) -> None:
    with pytest.raises(fbat.InvalidError, match=message):
        fbat.Store(tmp_path / "store", **{name: value})  # type: ignore[arg-type]
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mode", "read-only", "mode is str, not an integer"),
        ("label", b"x", "label is bytes, not text"),
        ("entity", "e", "'entity' is no keyword of this call"),
    ],
)
def test_keywords_of_the_wrong_type_or_name_say_so(
    tmp_path: Path, name: str, value: object, message: str
) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        fbat.Store(tmp_path / "store", **{name: value})  # type: ignore[arg-type]


def test_opening_tells_how_far_it_is_and_is_cancelled(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    store = open_store()
    for _ in range(4):
        store.append_batch([event(i, extensions={"a.b": bytes(1000)}) for i in range(1000)])
    shutil.copytree(tmp_path / "store", tmp_path / "copy")  # as a killed process leaves it
    (tmp_path / "copy" / "LOCK").unlink()
    cancel = fbat.Cancel()
    cancel.trigger()
    with pytest.raises(fbat.CancelledError):
        open_store("copy", cancel=cancel)

    def fail(progress: fbat.Progress) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        open_store("copy", progress=fail)
    told: list[fbat.Progress] = []
    copy = open_store("copy", progress=told.append, cancel=None)
    assert len(list(copy)) == 4000
    assert told
    assert all(0 < step.done <= step.total for step in told)


def test_a_closed_store_is_not_entered_again(open_store: Callable[..., fbat.Store]) -> None:
    store = open_store()
    with store:
        pass
    with pytest.raises(fbat.ClosedError), store:
        pytest.fail("the block of a closed store is not run")


def test_use_after_close_is_an_error(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
    store = open_store()
    receipt = store.append(event())
    cursor, iterator = store.cursor(), iter(store)
    store.close()
    calls: list[Callable[[], object]] = [
        lambda: store.append(event()),
        lambda: store.append_batch([event()]),
        lambda: store.append_batch([event()], receipts=False),
        lambda: store.get(receipt.id),
        store.query,
        cursor.next_page,
        lambda: next(iterator),
        lambda: list(store),
        store.sync,
        store.frontier,
        lambda: store.head("thing:0"),
        store.stats,
        store.log_hash,
        lambda: store.import_from(store, "x"),
        store.verify,
        lambda: store.backup(tmp_path / "backup"),
    ]
    for call in calls:
        with pytest.raises(fbat.ClosedError) as caught:
            call()
        assert caught.value.code == fbat.Status.CLOSED
    store.close()


def test_reads_by_system_calls(tmp_path: Path) -> None:
    program = """
        import fbat, sys
        fbat.set_mapped_reads(False)
        with fbat.Store(sys.argv[1]) as store:
            id = store.append(fbat.Event("a", "b", 0x1001, b"payload")).id
            assert store.get(id).payload == b"payload"
        fbat.set_mapped_reads(True)
    """
    subprocess.run(python("-c", textwrap.dedent(program), str(tmp_path / "store")), check=True)


def test_versions() -> None:
    assert fbat.__version__ == fbat.version() == ".".join(map(str, fbat.VERSION_INFO))
    assert fbat.abi_version() == fbat.ABI_VERSION


def test_a_flag_is_no_number_of_a_choice(tmp_path: Path) -> None:
    # True would be Durability.OS, of all things.
    for name in ("durability", "mode", "segment_bytes"):
        with pytest.raises(TypeError, match=f"^{name} is bool, not an integer"):
            fbat.Store(tmp_path / "store", **{name: True})  # type: ignore[arg-type]


def test_opening_waits_for_the_lock_as_long_as_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "store"
    holder = fbat.Store(path)
    for timeout in (None, 0, 0.05):
        before = time.monotonic()
        with pytest.raises(fbat.BusyError):
            fbat.Store(path, timeout=timeout)
        assert time.monotonic() - before >= (timeout or 0)
    later = threading.Timer(0.1, holder.close)
    later.start()
    with fbat.Store(path, timeout=60) as store:
        assert holder.closed
        store.append(event())
    later.join()
    fbat.Store(path, timeout=math.inf).close()


def test_waiting_for_the_lock_is_cancelled(tmp_path: Path) -> None:
    cancel = fbat.Cancel()
    with fbat.Store(tmp_path / "store"):
        threading.Timer(0.05, cancel.trigger).start()
        with pytest.raises(fbat.CancelledError):
            fbat.Store(tmp_path / "store", timeout=60, cancel=cancel)


@pytest.mark.parametrize(
    ("timeout", "exception", "message"),
    [
        (-1, fbat.InvalidError, "timeout is -1, and not 0 or more seconds"),
        (math.nan, fbat.InvalidError, "timeout is nan"),
        ("1", TypeError, "timeout is str, not a number of seconds"),
        (True, TypeError, "timeout is bool, not a number of seconds"),
    ],
)
def test_a_timeout_is_seconds(
    tmp_path: Path, timeout: Any, exception: type[Exception], message: str
) -> None:
    with pytest.raises(exception, match=message):
        fbat.Store(tmp_path / "store", timeout=timeout)


SUBINTERPRETER = """
    import sys
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    program = "try:\\n import fbat\\nexcept ImportError as error: print(error)"
    for first in (False, True):
        if first:
            import fbat
        {make}
        interpreters.run_string(one, program)
        interpreters.destroy(one)
    with fbat.Store(sys.argv[1]) as store:
        print(store.append(fbat.Event("a", "b", 0x1001)).sequence)
"""


# How each version of Python makes one that can import extensions, and one that mostly can't.
MAKE_SUBINTERPRETER = [
    "one = interpreters.create()",
    "one = interpreters.create('legacy')"
    if sys.version_info >= (3, 13)
    else "one = interpreters.create(isolated=False)",
]


@pytest.mark.parametrize("make", MAKE_SUBINTERPRETER)
def test_a_subinterpreter_is_told_what_to_do(tmp_path: Path, make: str) -> None:
    done = subprocess.run(
        python("-W", "ignore", "-c", textwrap.dedent(SUBINTERPRETER.format(make=make)),
               str(tmp_path / "store")),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    message = "fbat works in the main interpreter only, as cffi does: use threads or processes\n"
    assert (done.returncode, done.stdout) == (0, message * 2 + "2\n"), done.stderr
