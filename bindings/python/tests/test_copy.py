"""Verification, backup, new identity and repair."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

import fbat

from conftest import event, fill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def damage(directory: Path, text: bytes) -> Path:
    """Flips a bit of the only place in the log where a text stands."""
    log = next(path for path in sorted(directory.glob("*.log")) if text in path.read_bytes())
    data = bytearray(log.read_bytes())
    data[data.index(text)] ^= 4
    log.write_bytes(data)
    return log


def test_a_sound_store_has_no_findings(store: fbat.Store) -> None:
    fill(store, 20)
    report, findings = store.verify()
    assert (findings, report.findings) == ([], 0)
    assert (report.events, report.system_events, report.batches, report.segments) == (21, 1, 2, 1)
    counts = (report.gaps, report.losses, report.lost_sequences, report.unlinked_events)
    assert counts == (0, 0, 0, 0)
    assert report.log_bytes > 0


def test_damage_is_a_finding(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
    store = open_store()
    fill(store, 20)
    log = damage(tmp_path / "store", b"payload 12")
    report, findings = store.verify()
    assert report.findings == len(findings) > 0
    store.close()
    finding = findings[0]
    assert finding.path == str(log)
    assert 0 < finding.offset < log.stat().st_size
    assert finding.message
    assert finding.first_sequence <= finding.last_sequence


def test_a_region_is_verified(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
    store = open_store(segment_bytes=65536)
    for i in range(400):
        store.append(event(i, timestamp_us=i, extensions={"test.filling": bytes(500)}))
    damage(tmp_path / "store", b"payload 399")
    whole, findings = store.verify()
    assert findings
    part, findings = store.verify(timestamps=(0, 50))
    assert findings == []
    assert 50 < part.events < whole.events
    assert store.verify(entity="thing:0", timestamps=(399, 399))[1]


LONG_CALLS: dict[str, Callable[..., object]] = {
    "verify": lambda store, path, **options: store.verify(**options),
    "backup": lambda store, path, **options: store.backup(path, **options),
    "repair": lambda store, path, **options: fbat.repair(store.path, path, **options),
}


@pytest.mark.parametrize("name", LONG_CALLS)
def test_a_long_call_tells_how_far_it_is_and_is_ended(
    open_store: Callable[..., fbat.Store], tmp_path: Path, name: str
) -> None:
    store = open_store()
    for _ in range(4):
        fill(store, 1000)
    if name == "repair":
        store.close()

    def call(**options: Any) -> Any:
        return LONG_CALLS[name](store, tmp_path / "new", **options)

    def fail(progress: fbat.Progress) -> None:
        raise LookupError(progress.done)

    cancel = fbat.Cancel()
    with pytest.raises(fbat.CancelledError):
        call(cancel=cancel, progress=lambda _: cancel.trigger())
    with pytest.raises(fbat.CancelledError):
        call(cancel=cancel)
    with pytest.raises(LookupError):
        call(progress=fail)
    told: list[fbat.Progress] = []
    call(progress=told.append, cancel=fbat.Cancel())
    assert told
    assert [step.done for step in told] == sorted(step.done for step in told)
    assert all(0 < step.done <= step.total for step in told)
    for parts, message in [
        ({"progress": 5}, "progress is int, not a function"),
        ({"cancel": 5}, "cancel is int, not a Cancel"),
        ({"limit": 5}, "'limit' is no keyword of this call"),
    ]:
        with pytest.raises(TypeError, match=message):
            call(**parts)


def test_what_is_full_is_compressed_and_reads_the_same(
    open_store: Callable[..., fbat.Store],
) -> None:
    store = open_store(segment_bytes=65536)
    for i in range(300):
        store.append(event(i, extensions={"test.filling": bytes(500)}))
    before, events = store.stats(), list(store)
    told: list[fbat.Progress] = []
    report = store.compress(level=3, progress=told.append)
    assert report.segments + report.segments_left == before.segments - 1 > 0
    assert 0 < report.bytes_after < report.bytes_before
    assert told[-1].done == told[-1].total
    saved = report.bytes_before - report.bytes_after
    assert store.stats().log_bytes == before.log_bytes - saved
    assert [record.id for record in store] == [record.id for record in events]
    assert store.verify()[1] == []
    assert store.compress(through=1).segments == 0
    with pytest.raises(fbat.InvalidError):
        store.compress(level=20)


@pytest.mark.parametrize("flags", [fbat.BackupFlags(0), fbat.BackupFlags.LINK])
def test_a_backup_is_the_store(
    open_store: Callable[..., fbat.Store], tmp_path: Path, flags: fbat.BackupFlags
) -> None:
    store = open_store(segment_bytes=65536)
    for i in range(300):
        store.append(event(i, extensions={"test.filling": bytes(500)}))
    report = store.backup(tmp_path / "backup", flags=flags)
    assert (report.events, report.last_sequence) == (301, 301)
    assert report.segments == store.stats().segments > 1
    assert (report.linked_segments > 0) == (flags == fbat.BackupFlags.LINK)
    assert report.log_bytes > 0
    assert report.log_hash == store.log_hash()
    copy = open_store("backup")
    assert (copy.id, copy.log_hash()) == (store.id, report.log_hash)
    assert [record.id for record in copy] == [record.id for record in store]
    with pytest.raises(fbat.InvalidError):
        store.backup(tmp_path / "other", flags=4)  # type: ignore[arg-type]
    with pytest.raises(fbat.ConflictError):
        store.backup(os.fspath(tmp_path / "backup"))


def test_a_backup_may_get_an_id_of_its_own(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    store = open_store()
    store.append(event(1))
    store.backup(tmp_path / "backup", flags=fbat.BackupFlags.NEW_IDENTITY)
    copy = open_store("backup")
    assert copy.id != store.id
    assert [record.payload for record in copy] == [record.payload for record in store]


def test_a_copied_directory_gets_an_id_of_its_own(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    store = open_store()
    fill(store, 3)
    store.close()
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    new = fbat.new_identity(tmp_path / "copy")
    assert isinstance(new, fbat.Id)
    copy = open_store("copy")
    assert copy.id == new != store.id
    with pytest.raises(fbat.BusyError):
        fbat.new_identity(tmp_path / "copy")
    with pytest.raises(fbat.NotFoundError):
        fbat.new_identity(tmp_path / "nothing")


def test_repair_keeps_what_holds_and_lists_what_is_lost(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    store = open_store()
    receipts = fill(store, 20)
    store.close()
    log = damage(tmp_path / "store", b"payload 12")
    report, (loss,) = fbat.repair(tmp_path / "store", tmp_path / "repaired")
    assert (report.events, report.lost_sequences, report.findings) == (20, 1, 1)
    assert report.flags == fbat.RepairFlags(0)
    assert report.bytes_unread > 0
    assert loss.path == str(log)
    assert loss.offset > 0
    assert loss.first_sequence == loss.last_sequence == receipts[12].sequence
    assert loss.message
    repaired = open_store("repaired")
    assert repaired.id == store.id
    assert [record.id for record in repaired] == [
        r.id for r in receipts if r.sequence != receipts[12].sequence
    ]
    verified, findings = repaired.verify()
    assert (verified.findings, verified.lost_sequences, findings) == (0, 1, [])
    with pytest.raises(fbat.ConflictError):
        fbat.repair(tmp_path / "store", tmp_path / "repaired")


def test_repair_tells_of_a_lost_identity(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    store = open_store()
    fill(store, 3)
    store.close()
    (tmp_path / "store" / "store.fbat").unlink()
    report, _ = fbat.repair(tmp_path / "store", tmp_path / "repaired")
    assert fbat.RepairFlags.IDENTITY_REBUILT in report.flags


def test_a_whole_store_is_repaired_without_a_loss(
    open_store: Callable[..., fbat.Store], tmp_path: Path
) -> None:
    store = open_store()
    fill(store, 3)
    store.close()
    assert fbat.repair(tmp_path / "store", tmp_path / "repaired")[1] == []
    with pytest.raises(fbat.NotFoundError):
        fbat.repair(tmp_path / "nothing", tmp_path / "other")
