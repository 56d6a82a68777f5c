"""Verification, backup, new identity and repair."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

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
    report = store.verify()
    assert report.findings == ()
    totals = report.totals
    assert (totals.events, totals.system_events, totals.batches, totals.segments) == (21, 1, 2, 1)
    assert (totals.gaps, totals.losses, totals.lost_sequences, totals.unlinked_events) == (0, 0, 0, 0)
    assert totals.log_bytes > 0


def test_damage_is_a_finding(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
    store = open_store()
    fill(store, 20)
    log = damage(tmp_path / "store", b"payload 12")
    report = store.verify()
    assert report.findings
    finding = report.findings[0]
    assert finding.path == str(log)
    assert 0 < finding.offset < log.stat().st_size
    assert finding.message
    assert finding.sequence is None or finding.sequence > 0


@pytest.mark.parametrize("flags", [fbat.BackupFlags.NONE, fbat.BackupFlags.LINK])
def test_a_backup_is_the_store(open_store: Callable[..., fbat.Store], tmp_path: Path, flags: fbat.BackupFlags) -> None:
    store = open_store(segment_bytes=65536)
    for i in range(300):
        store.append(event(i, extensions={"test.filling": bytes(500)}))
    report = store.backup(tmp_path / "backup", flags)
    assert (report.events, report.last_sequence) == (301, 301)
    assert report.segments == store.stats().segments > 1
    assert (report.linked_segments > 0) == (flags == fbat.BackupFlags.LINK)
    assert report.log_bytes > 0
    assert report.log_hash == store.log_hash()
    copy = open_store("backup")
    assert (copy.id, copy.log_hash()) == (store.id, report.log_hash)
    assert [record.id for record in copy] == [record.id for record in store]
    with pytest.raises(fbat.InvalidError):
        store.backup(tmp_path / "other", 2)
    with pytest.raises(fbat.ConflictError):
        store.backup(os.fspath(tmp_path / "backup"))


def test_a_copied_directory_gets_an_id_of_its_own(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
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


def test_repair_keeps_what_holds_and_lists_what_is_lost(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
    store = open_store()
    receipts = fill(store, 20)
    store.close()
    log = damage(tmp_path / "store", b"payload 12")
    report = fbat.repair(tmp_path / "store", tmp_path / "repaired")
    assert (report.totals.events, report.totals.sequences_lost, report.totals.losses) == (20, 1, 1)
    assert report.totals.flags == fbat.RepairFlags(0)
    assert report.totals.bytes_unread > 0
    (loss,) = report.losses
    assert loss.path == str(log)
    assert loss.offset > 0
    assert loss.first_sequence == loss.last_sequence == receipts[12].sequence
    assert loss.message
    repaired = open_store("repaired")
    assert repaired.id == store.id
    assert [record.id for record in repaired] == [r.id for r in receipts if r.sequence != receipts[12].sequence]
    verified = repaired.verify()
    assert (verified.findings, verified.totals.lost_sequences) == ((), 1)
    with pytest.raises(fbat.ConflictError):
        fbat.repair(tmp_path / "store", tmp_path / "repaired")


def test_repair_tells_of_a_lost_identity(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
    store = open_store()
    fill(store, 3)
    store.close()
    (tmp_path / "store" / "store.fbat").unlink()
    report = fbat.repair(tmp_path / "store", tmp_path / "repaired")
    assert fbat.RepairFlags.IDENTITY_REBUILT in report.totals.flags


def test_a_whole_store_is_repaired_without_a_loss(open_store: Callable[..., fbat.Store], tmp_path: Path) -> None:
    store = open_store()
    fill(store, 3)
    store.close()
    assert fbat.repair(tmp_path / "store", tmp_path / "repaired").losses == ()
    with pytest.raises(fbat.NotFoundError):
        fbat.repair(tmp_path / "nothing", tmp_path / "other")
