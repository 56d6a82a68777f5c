from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import fbat

from conftest import event, fill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEEPING: Any = {
    "identity": fbat.ImportIdentity.ORIGIN,
    "on_conflict": fbat.OnConflict.KEEP,
}
KEY = fbat.Id(b"\x09" * 16)


@pytest.fixture
def first(open_store: Callable[..., fbat.Store]) -> fbat.Store:
    return open_store("first")


@pytest.fixture
def hub(open_store: Callable[..., fbat.Store], first: fbat.Store, tmp_path: Path) -> fbat.Store:
    """A store that has both contents of one name: of a store, and of a copy that went on."""
    first.backup(tmp_path / "fork")
    fork, hub = open_store("fork"), open_store("hub")
    for store, number in ((first, 1), (fork, 2)):
        store.append(event(number, key=KEY))
    assert hub.import_from(first, **KEEPING).imported == 1
    assert hub.import_from(fork, **KEEPING).conflicts_kept == 1
    return hub


def test_a_dry_run_and_a_plan_append_nothing(
    store: fbat.Store, open_store: Callable[..., fbat.Store]
) -> None:
    fill(store, 10)
    hub = open_store("hub")
    plan = hub.plan_import(store, "plant")
    assert [(row.source_namespace, row.entity_prefix, row.events) for row in plan] == [
        ("plant", "thing", 10)
    ]
    assert plan[0].payload_bytes == 10 * len("payload 0")
    assert plan[0].row_flags == fbat.PlanFlags(0)
    dry = hub.import_from(store, "plant", flags=fbat.ImportFlags.DRY_RUN)
    assert hub.frontier().visible == 1
    report = hub.import_from(store, "plant")
    assert (report.imported, report.examined) == (dry.imported, dry.examined) == (10, 11)
    assert hub.plan_import(store, "plant") == []
    with pytest.raises(TypeError):
        hub.plan_import("plant")  # type: ignore[arg-type]
    with pytest.raises(fbat.InvalidError):
        hub.plan_import(hub, "itself")


def test_events_are_found_by_their_origin(hub: fbat.Store, first: fbat.Store) -> None:
    found = hub.by_origin(first.namespace, KEY)
    assert [record.payload for record in found] == [b"payload 1", b"payload 2"]
    assert all(record.source_event_id == KEY for record in found)
    assert found.is_end
    (own,) = first.by_origin(first.namespace, KEY, fbat.Columns.FIXED)
    assert (own.id, own.payload) == (KEY, b"")
    with pytest.raises(fbat.NotFoundError):
        hub.by_origin(first.namespace, fbat.Id(b"\x08" * 16))
    with pytest.raises(TypeError):
        hub.by_origin(7, KEY)  # type: ignore[arg-type]


def test_names_with_two_contents_are_listed(hub: fbat.Store, first: fbat.Store) -> None:
    (row,) = hub.conflicts()
    assert (row.source_namespace, row.source_event_id) == (first.namespace, KEY)
    assert row.kept_sequence == row.sequence + 1
    kept, earlier = hub.get(row.kept_id), hub.get(row.first_id)
    assert (kept.sequence, kept.content_hash) == (row.kept_sequence, row.kept_content_hash)
    assert (earlier.sequence, earlier.content_hash) == (row.first_sequence, row.first_content_hash)
    assert list(hub.conflicts(page_rows=1)) == [row]
    assert list(hub.conflicts(after=row.sequence)) == []
    assert list(first.conflicts()) == []
    with pytest.raises(fbat.InvalidError):
        hub.conflicts(page_rows=65_537)


def test_a_store_that_nobody_fed_has_no_sources(store: fbat.Store) -> None:
    assert store.sources() == []
