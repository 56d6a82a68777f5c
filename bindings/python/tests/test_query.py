from __future__ import annotations

import gc
import itertools
from typing import TYPE_CHECKING, Any

import pytest

import fbat

from conftest import KIND, event, fill

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER = fbat.kind(1, 2)
ANOTHER = fbat.kind(2, 1)


@pytest.fixture
def filled(store: fbat.Store) -> fbat.Store:
    """60 events: sequences 2 to 61."""
    kinds = [KIND, OTHER, ANOTHER]
    store.append_batch(
        [
            fbat.Event(f"e:{i % 4}", f"s{i % 2}", kinds[i % 3], bytes([i]), extensions={"n.i": bytes([i])})
            for i in range(60)
        ]
    )
    return store


def numbers(records: Any) -> list[int]:
    return [record.sequence - 2 for record in records]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, lambda i: True),
        ({"entity": "e"}, lambda i: True),
        ({"entity": "e:1"}, lambda i: i % 4 == 1),
        ({"entity": "nobody"}, lambda i: False),
        ({"scope": "s1"}, lambda i: i % 2 == 1),
        ({"kind": OTHER}, lambda i: i % 3 == 1),
        ({"category": 1}, lambda i: i % 3 != 2),
        ({"versions": (2, 3)}, lambda i: 4 <= i < 12),
        ({"after": 31}, lambda i: i >= 30),
        ({"until": 31}, lambda i: i < 30),
        ({"limit": 7}, lambda i: True),
        ({"entity": "e:2", "scope": "s0", "kind": ANOTHER, "after": 10}, lambda i: i % 4 == 2 and i % 3 == 2 and i > 8),
    ],
)
def test_every_part_of_a_query_selects(filled: fbat.Store, parts: Any, expected: Callable[[int], bool]) -> None:
    wanted = [i for i in range(60) if expected(i)]
    assert numbers(filled.records(**parts)) == wanted
    assert numbers(filled.records(fbat.Query(**parts))) == wanted
    assert numbers(filled.records(**parts, flags=fbat.QueryFlags.BACKWARD)) == wanted[::-1]


def test_parts_are_set_and_read_back() -> None:
    query = fbat.Query()
    assert (query.entity, query.scope, query.kind, query.category) == ("", "", None, None)
    assert (query.versions, query.after, query.until, query.limit) == (fbat.VERSIONS_ALL, 0, 0, 1000)
    assert query.columns == fbat.Columns.PAYLOAD | fbat.Columns.EXTENSIONS
    assert query.flags == fbat.QueryFlags.NONE
    query.entity, query.scope, query.versions = "Ü", "s", (3, 9)
    query.after, query.until, query.limit = 2**64 - 2, 2**64 - 1, 65536
    query.columns, query.flags = fbat.Columns.NONE, fbat.QueryFlags.SYSTEM | fbat.QueryFlags.BACKWARD
    assert (query.entity, query.scope, query.versions) == ("Ü", "s", (3, 9))
    assert (query.after, query.until, query.limit) == (2**64 - 2, 2**64 - 1, 65536)
    assert query.columns == fbat.Columns.NONE
    assert query.flags == fbat.QueryFlags.SYSTEM | fbat.QueryFlags.BACKWARD


def test_a_kind_takes_the_place_of_a_category_and_back() -> None:
    query = fbat.Query(kind=KIND)
    assert (query.kind_match, query.kind, query.category) == (fbat.KindMatch.EXACT, KIND, None)
    query.category = 5
    assert (query.kind_match, query.kind, query.category) == (fbat.KindMatch.CATEGORY, None, 5)
    query.category = None
    assert (query.kind_match, query.kind, query.category) == (fbat.KindMatch.ANY, None, None)
    query.kind = KIND
    query.kind = None
    assert query.kind_match == fbat.KindMatch.ANY
    with pytest.raises(TypeError):
        fbat.Query(kind=KIND, category=1)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("entity", "x" * 1025, "at most 1024 bytes of UTF-8"),
        ("scope", "x" * 1025, "at most 1024 bytes of UTF-8"),
        ("category", 16, "0 to 15"),
        ("kind", -1, "0 to 65535"),
        ("versions", (5, 4), "a range that begins before it ends"),
        ("after", -1, "0 to 18446744073709551615"),
        ("until", 2**64, "0 to 18446744073709551615"),
        ("limit", 0, "1 to 65536"),
        ("limit", 65537, "1 to 65536"),
        ("limit", 2**64, "1 to 65536"),
        ("columns", 8, "bits of Columns"),
        ("flags", 4, "bits of QueryFlags"),
    ],
)
def test_parts_out_of_range_are_refused_by_name_and_range(name: str, value: Any, allowed: str) -> None:
    with pytest.raises(fbat.InvalidError, match=rf"^{name} is .*, and not {allowed} ") as caught:
        fbat.Query(**{name: value})
    assert caught.value.code in (fbat.Status.INVALID_ARGUMENT, fbat.Status.INVALID_COORDINATE)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("entity", b"e", "entity is bytes, not text"),
        ("limit", "5", "limit is str, not an integer"),
        ("limit", 5.0, "limit is float, not an integer"),
        ("kind", "order", "kind is str, not an integer"),
        ("versions", 5, "versions is 5, not a pair of the first and the last"),
        ("versions", (1, 2, 3), "versions is .*, not a pair"),
        ("versions", (1, None), "the last of versions is NoneType, not an integer"),
    ],
)
def test_parts_of_the_wrong_type_name_themselves(name: str, value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        fbat.Query(**{name: value})


def test_what_is_no_query_or_no_store_is_refused(store: fbat.Store) -> None:
    for ask in (store.query, store.cursor, store.records):
        with pytest.raises(TypeError, match="query is str, not a Query"):
            ask("thing")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="store is str, not a Store"):
        fbat.Cursor("a/path")  # type: ignore[arg-type]


def test_a_range_that_ends_before_it_begins_has_no_events(filled: fbat.Store) -> None:
    page = filled.query(after=5, until=4)
    assert len(page) == 0
    assert page.is_end


def test_a_query_and_its_parts_do_not_go_together(store: fbat.Store) -> None:
    with pytest.raises(TypeError):
        store.query(fbat.Query(), limit=5)


@pytest.mark.parametrize("backward", [False, True])
def test_pages_by_hand_and_by_cursor_are_the_same(filled: fbat.Store, backward: bool) -> None:
    query = fbat.Query(limit=7, flags=fbat.QueryFlags.BACKWARD if backward else 0)
    by_cursor = [numbers(page) for page in filled.cursor(query)]
    by_hand = []
    while True:
        page = filled.query(query)
        by_hand.append(numbers(page))
        if page.is_end:
            break
        if backward:
            query.until = page.next
        else:
            query.after = page.next
    assert [len(page) for page in by_cursor] == [7] * 8 + [4]
    assert by_hand[: len(by_cursor)] == by_cursor
    assert list(itertools.chain.from_iterable(by_hand)) == (list(range(60))[::-1] if backward else list(range(60)))


def test_pages_are_sequences(filled: fbat.Store) -> None:
    page = filled.query(limit=10)
    assert len(page) == 10
    assert page[0].sequence == 2
    assert page[-1].sequence == 11
    assert numbers(page[2:4]) == [2, 3]
    assert page[3] in page
    assert numbers(reversed(page)) == list(range(10))[::-1]
    assert not page.is_end
    assert repr(page) == f"<fbat.Page of 10 records, next {page.next}>"
    with pytest.raises(IndexError):
        page[10]
    empty = filled.query(entity="nobody")
    assert len(empty) == 0
    assert empty.is_end


def test_records_outlive_page_store_and_everything(open_store: Callable[..., fbat.Store]) -> None:
    store = open_store()
    fill(store, 3)
    record = store.query()[1]
    store.close()
    gc.collect()
    assert (record.entity, record.payload) == ("thing:1", b"payload 1")
    detached = record.as_dict()
    del record
    assert detached["payload"] == b"payload 1"
    assert fbat.live_handles() == 1  # the store


def test_records_are_values(filled: fbat.Store) -> None:
    one, same, other = filled.query()[0], filled.query()[0], filled.query()[1]
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != 5
    assert repr(one).startswith("Record(id=Id.from_hex('")
    with pytest.raises(AttributeError):
        one.kind = 5  # type: ignore[misc]
    with pytest.raises(AttributeError):
        one.other = 5  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="cannot create"):
        fbat.Record()


def test_columns(filled: fbat.Store) -> None:
    bare = filled.query(columns=fbat.Columns.NONE)[5]
    assert (bare.payload, bare.payload_size, bare.extensions, bare.previous_hash) == (b"", 1, {}, None)
    assert bare.record_flags == 0
    full = filled.query(columns=7)[5]
    assert (full.payload, full.payload_size, full.extensions) == (b"\5", 1, {"n.i": b"\5"})
    assert fbat.RecordFlags.HAS_PREVIOUS_HASH in fbat.RecordFlags(full.record_flags)
    first = filled.query(columns=7)[1]
    assert full.previous_hash == first.event_hash


def test_the_librarys_own_events(filled: fbat.Store) -> None:
    system = [record for record in filled.records(flags=fbat.QueryFlags.SYSTEM) if record.sequence == 1]
    assert len(system) == 1
    assert fbat.kind_category(system[0].kind) in (0x0, 0xD)


def test_a_cursor_follows_the_log(store: fbat.Store) -> None:
    fill(store, 3)
    cursor = store.cursor(limit=2)
    assert [len(page) for page in cursor] == [2, 1]
    assert cursor.next_page() is None
    assert list(cursor) == []
    fill(store, 2)
    page = cursor.next_page()
    assert page is not None
    assert [record.sequence for record in page] == [5, 6]


def test_iteration_reads_pages_as_it_goes(store: fbat.Store) -> None:
    fill(store, 2500)
    assert [record.sequence for record in store] == list(range(2, 2502))
    assert [record.sequence for record in itertools.islice(store, 2)] == [2, 3]


def test_a_cursor_keeps_its_copy_of_the_query(filled: fbat.Store) -> None:
    query = fbat.Query(limit=7, entity="e:1")
    cursor = filled.cursor(query)
    query.entity = "nobody"
    del query
    assert numbers(itertools.chain.from_iterable(cursor)) == [i for i in range(60) if i % 4 == 1]


def test_get_finds_by_id_alone(filled: fbat.Store) -> None:
    record = filled.query(limit=30)[29]
    assert filled.get(record.id) == record
    assert filled.get(record.id, fbat.Columns.NONE).payload == b""
    with pytest.raises(KeyError):
        filled.get(fbat.Id(b"x" * 16))
    with pytest.raises(fbat.InvalidError, match="columns"):
        filled.get(record.id, 8)
    with pytest.raises(TypeError, match="columns is str, not an integer"):
        filled.get(record.id, "payload")  # type: ignore[arg-type]
    with pytest.raises(fbat.InvalidError):
        filled.get(fbat.Id(b"short"))


def test_large_payloads_come_back(store: fbat.Store) -> None:
    payload = bytes(range(256)) * 4096 * 8
    receipt = store.append(fbat.Event("thing", "tests", KIND, payload))
    assert store.get(receipt.id).payload == payload
    assert store.append(event()).sequence == 3
