from __future__ import annotations

import datetime
import gc
import itertools
import weakref
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
            fbat.Event(
                f"e:{i % 4}", f"s{i % 2}", kinds[i % 3], bytes([i]), extensions={"n.i": bytes([i])}
            )
            for i in range(60)
        ]
    )
    return store


def numbers(records: Any) -> list[int]:
    return [record.sequence - 2 for record in records]


NOON = 1_700_000_000_000_000


@pytest.fixture
def timed(store: fbat.Store) -> fbat.Store:
    """60 events, as above, a second apart from noon on."""
    store.append_batch(
        [fbat.Event(f"e:{i % 4}", "s", KIND, timestamp_us=NOON + i * 1_000_000) for i in range(60)]
    )
    return store


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
        ({"kind": [OTHER, ANOTHER]}, lambda i: i % 3 > 0),
        ({"kind": (OTHER,)}, lambda i: i % 3 == 1),
        ({"kind": {OTHER}, "category": [2, 3]}, lambda i: i % 3 > 0),
        ({"scope": ["s0", "s1", "s2"]}, lambda i: True),
        ({"scope": iter(["s1"]), "entity": "e:3"}, lambda i: i % 4 == 3),
        ({"versions": (2, 3)}, lambda i: 4 <= i < 12),
        ({"versions": (14, None)}, lambda i: i >= 52),
        ({"versions": (None, 2)}, lambda i: i < 8),
        ({"entity": None, "kind": None, "versions": None, "timestamps": None}, lambda i: True),
        ({"after": 31}, lambda i: i >= 30),
        ({"until": 31}, lambda i: i < 30),
        ({"page_rows": 7}, lambda i: True),
        (
            {"entity": "e:2", "scope": "s0", "kind": ANOTHER, "after": 10},
            lambda i: i % 4 == 2 and i % 3 == 2 and i > 8,
        ),
    ],
)
def test_every_keyword_of_a_query_selects(
    filled: fbat.Store, parts: Any, expected: Callable[[int], bool]
) -> None:
    wanted = [i for i in range(60) if expected(i)]
    parts = {k: list(v) if hasattr(v, "__next__") else v for k, v in parts.items()}
    backward = parts | {"flags": fbat.QueryFlags.BACKWARD}
    assert numbers(filled.records(**parts)) == wanted
    assert numbers(filled.records(**backward)) == wanted[::-1]
    assert filled.count(**parts) == filled.count(**backward) == len(wanted)
    for limit in (1, 3, 7, 59, 60, 100):
        assert numbers(filled.records(**parts, limit=limit)) == wanted[:limit]
        paged = parts | {"limit": limit, "page_rows": 3}
        assert numbers(filled.records(**paged)) == wanted[:limit]
        assert numbers(itertools.chain(*filled.cursor(**paged))) == wanted[:limit]
        assert numbers(filled.query(**paged)) == wanted[: min(limit, 3)]
        assert filled.count(**paged) == min(limit, len(wanted))
    assert numbers(filled.records(**(backward | {"limit": 4}))) == wanted[::-1][:4]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (NOON + 10_000_000, NOON + 12_000_000, [10, 11, 12]),
        (fbat.to_datetime(NOON + 10_000_000), NOON + 11_999_999, [10, 11]),
        (None, fbat.to_datetime(NOON + 1_000_000), [0, 1]),
        (NOON + 57_500_000, None, [58, 59]),
        (None, None, list(range(60))),
        (0, NOON - 1, []),
        (-5, 0, []),
    ],
)
def test_a_region_has_a_range_of_timestamps(
    timed: fbat.Store, first: Any, last: Any, expected: list[int]
) -> None:
    assert numbers(timed.records(timestamps=(first, last))) == expected
    assert numbers(timed.records(timestamps=(first, last), entity="e:2")) == [
        i for i in expected if i % 4 == 2
    ]


def test_a_region_has_a_range_of_recorded_times(store: fbat.Store) -> None:
    receipts = [store.append(event(i, timestamp_us=0)) for i in range(3)]
    second = receipts[1].recorded_us
    before = [r.sequence for r in receipts if r.recorded_us <= second]
    after = [r.sequence for r in receipts if r.recorded_us >= second]
    assert [r.sequence for r in store.records(recorded=(None, receipts[1].recorded))] == before
    assert [r.sequence for r in store.records(recorded=(second, None))] == after
    assert list(store.records(recorded=(receipts[2].recorded_us + 1, None))) == []


def test_a_region_is_given_to_several_calls(
    filled: fbat.Store, open_store: Callable[..., fbat.Store]
) -> None:
    where = fbat.Region(entity="e:1", kind=OTHER)
    wanted = [i for i in range(60) if i % 4 == 1 and i % 3 == 1]
    assert numbers(filled.records(**where)) == wanted
    report = open_store("destination").import_from(filled, "n", **where)
    assert report.imported == len(wanted)
    assert filled.verify(**where)[0].findings == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("entity", "", "entity is empty"),
        ("entity", "x" * 1025, "entity: a length of 1025; the limit is 1024"),
        ("scope", "x" * 1025, "scope 0: a length of 1025; the limit is 1024"),
        ("category", 16, "category is 16, and not 0 to 15"),
        ("kind", -1, "kind is -1, and not 0 to 65535"),
        ("versions", (5, 4), "versions 5 to 4"),
        ("versions", (-1, 4), "the first of versions is -1, and not 0 to 18446744073709551615"),
        ("timestamps", (5, 4), "timestamps 5 to 4"),
        ("recorded", (5, 4), "recorded times 5 to 4"),
        ("recorded", (0, 2**63), "the last of recorded is 9223372036854775808, and not -"),
        ("after", -1, "after is -1, and not 0 to 18446744073709551615"),
        ("until", 2**64, "until is 18446744073709551616, and not 0 to 18446744073709551615"),
        ("page_rows", 65537, "page_rows .*65537"),
        ("page_rows", 2**64, "page_rows is 18446744073709551616"),
        ("limit", -1, "limit is -1, and not 0 to 18446744073709551615"),
        ("kind", [1, 65536], "kind is 65536, and not 0 to 65535"),
        ("category", [1, 16], "category is 16, and not 0 to 15"),
        ("columns", 16, "columns"),
        ("flags", 4, "flags"),
    ],
)
def test_keywords_out_of_range_are_refused_by_name(
    store: fbat.Store, name: str, value: Any, message: str
) -> None:
    for ask in (store.query, store.cursor, store.records):
        with pytest.raises(fbat.InvalidError, match=message) as caught:
            ask(**{name: value})
        wanted = (fbat.Status.INVALID_ARGUMENT, fbat.Status.INVALID_COORDINATE)
        assert caught.value.code in wanted


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("entity", b"e", "entity is bytes, not text"),
        ("page_rows", "5", "page_rows is str, not an integer"),
        ("page_rows", 5.0, "page_rows is float, not an integer"),
        ("kind", "order", "kind is str, not an integer"),
        ("versions", 5, "versions is 5, not a pair of the first and the last"),
        ("versions", (1, 2, 3), "versions is .*, not a pair"),
        ("versions", (1, "2"), "the last of versions is str, not an integer"),
        ("timestamps", ("now", None), "the first of timestamps is str, not an integer"),
        ("cancel", True, "cancel is bool, not a Cancel"),
        ("progress", "bar", "progress is str, not a function"),
        ("limit", "5", "limit is str, not an integer"),
        ("scope", b"s", "scope is bytes, not text"),
        ("scope", ["s", 5], "scope is int, not text"),
        ("kind", [OTHER, "x"], "kind is str, not an integer"),
        ("limits", 5, "'limits' is no keyword of this call"),
        ("struct_size", 5, "'struct_size' is no keyword of this call"),
        ("region", {}, "'region' is no keyword of this call"),
    ],
)
def test_keywords_of_the_wrong_type_or_name_say_so(
    store: fbat.Store, name: str, value: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        store.query(**{name: value})


def test_a_naive_datetime_is_no_end_of_a_range(store: fbat.Store) -> None:
    with pytest.raises(ValueError, match="time zone"):
        store.query(timestamps=(None, datetime.datetime(2024, 1, 1)))


def test_what_was_computed_and_came_out_empty_is_not_everything(filled: fbat.Store) -> None:
    wrong: list[dict[str, Any]] = [
        {"entity": ""},
        {"scope": ""},
        {"scope": []},
        {"kind": []},
        {"category": ()},
    ]
    for parts in wrong:
        for ask in (filled.query, filled.records, filled.count, filled.verify):
            with pytest.raises(ValueError, match="empty"):
                ask(**parts)
    with pytest.raises(ValueError, match="empty"):
        filled.entities(entity="")


def test_the_end_that_a_limit_makes_is_final(store: fbat.Store) -> None:
    fill(store, 5)
    cursor = store.cursor(limit=5, page_rows=2)
    assert [len(page) for page in cursor] == [2, 2, 1]
    fill(store, 5)
    assert list(cursor) == []
    page = store.query(limit=3)
    assert (len(page), page.is_end) == (3, True)


def test_entities_and_scopes_are_listed(filled: fbat.Store) -> None:
    filled.append(fbat.Event("e", "s0", KIND, timestamp_us=5))
    filled.append(fbat.Event("f:ü", "Gebäude", KIND))
    everything = list(filled)
    for listed, name in ((filled.entities, "entity"), (filled.scopes, "scope")):
        for page_rows in (1, 2, 1000):
            rows = list(listed(page_rows=page_rows))
            names = sorted({getattr(r, name) for r in everything}, key=str.encode)
            assert [row.name for row in rows] == names
            for row in rows:
                own = [r for r in everything if getattr(r, name) == row.name]
                assert row == fbat.Summary(
                    row.name, len(own), own[0].sequence, own[-1].sequence,
                    own[0].timestamp_us, own[-1].timestamp_us,
                )  # fmt: skip
                assert row.first_timestamp == own[0].timestamp
                assert row.last_timestamp == own[-1].timestamp
    assert [row.name for row in filled.entities(entity="e")] == ["e", "e:0", "e:1", "e:2", "e:3"]
    assert [row.name for row in filled.entities(after="e:2")] == ["e:3", "f:ü"]
    assert len(list(filled.entities(flags=fbat.ListFlags.SYSTEM))) == 7
    assert filled.count() == len(everything) == filled.stats().events - 1
    with pytest.raises(fbat.InvalidError, match="entity"):
        filled.scopes(entity="e")
    with pytest.raises(TypeError, match="'scope' is no keyword"):
        filled.entities(scope="e")  # type: ignore[call-arg]
    listing = filled.entities(page_rows=1)
    filled.close()
    with pytest.raises(fbat.ClosedError):
        filled.entities()
    with pytest.raises(fbat.ClosedError):
        list(listing)


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("plain:ü", "plain:ü"),
        ("a/b=c|d%e", "a%2Fb%3Dc%7Cd%25e"),
        ("../..", ".%2E%2F.%2E"),
        ("line\n\0\x7f", "line%0A%00%7F"),
        ("https://x.y/z?q=1", "https:%2F%2Fx.y%2Fz?q%3D1"),
    ],
)
def test_entities_of_any_text(store: fbat.Store, text: str, entity: str) -> None:
    assert fbat.entity_encode(text) == entity
    assert fbat.entity_decode(entity) == text
    store.append(fbat.Event(entity, fbat.entity_encode(text), KIND))
    (record,) = store.records(entity=entity, scope=entity)
    assert fbat.entity_decode(record.entity) == text


def test_what_is_no_entity_of_a_text_is_refused() -> None:
    for wrong in ("", "a" * 1025):
        with pytest.raises(fbat.InvalidError) as caught:
            fbat.entity_encode(wrong)
        assert caught.value.code == fbat.Status.INVALID_COORDINATE
    for wrong in ("a%2", "a%zz"):
        with pytest.raises(fbat.InvalidError):
            fbat.entity_decode(wrong)
    with pytest.raises(TypeError, match="text is bytes, not text"):
        fbat.entity_encode(b"a")  # type: ignore[arg-type]


def test_several_kinds_scopes_and_categories_are_each_enough(filled: fbat.Store) -> None:
    kinds = {record.kind for record in filled}
    assert len(filled.query(kind=kinds)) == len(filled.query())
    assert len(filled.query(kind=[KIND], category=[15])) == len(filled.query(kind=KIND))
    scopes = {record.scope for record in filled}
    assert len(filled.query(scope=scopes)) == len(filled.query())
    for name in ("kind", "category", "scope"):
        with pytest.raises(ValueError, match=f"{name} is an empty list"):
            filled.query(**{name: []})  # type: ignore[arg-type]
    with pytest.raises(fbat.InvalidError, match="scope 0 is empty"):
        filled.query(scope="")
    with pytest.raises(fbat.InvalidError, match="entity is empty"):
        filled.query(entity="")


def test_a_limit_is_for_all_rows(filled: fbat.Store) -> None:
    assert [record.sequence for record in filled.records(limit=2, page_rows=1)] == [2, 3]


def test_what_is_no_store_is_refused() -> None:
    with pytest.raises(TypeError, match="store is str, not a Store"):
        fbat.Cursor("a/path")  # type: ignore[arg-type]


def test_a_range_that_ends_before_it_begins_has_no_events(filled: fbat.Store) -> None:
    page = filled.query(after=5, until=4)
    assert len(page) == 0
    assert page.is_end


@pytest.mark.parametrize("backward", [False, True])
def test_pages_by_hand_and_by_cursor_are_the_same(filled: fbat.Store, backward: bool) -> None:
    query = fbat.QueryOptions(page_rows=7)
    if backward:
        query["flags"] = fbat.QueryFlags.BACKWARD
    by_cursor = [numbers(page) for page in filled.cursor(**query)]
    by_hand = []
    while True:
        page = filled.query(**query)
        by_hand.append(numbers(page))
        if page.is_end:
            break
        if backward:
            query["until"] = page.resume
        else:
            query["after"] = page.resume
    assert [len(page) for page in by_cursor] == [7] * 8 + [4]
    assert by_hand[: len(by_cursor)] == by_cursor
    assert list(itertools.chain.from_iterable(by_hand)) == (
        list(range(60))[::-1] if backward else list(range(60))
    )


def test_pages_are_sequences(filled: fbat.Store) -> None:
    page = filled.query(page_rows=10)
    assert len(page) == 10
    assert page[0].sequence == 2
    assert page[-1].sequence == 11
    assert numbers(page[2:4]) == [2, 3]
    assert page[3] in page
    assert numbers(reversed(page)) == list(range(10))[::-1]
    assert not page.is_end
    assert repr(page) == f"<fbat.Page of 10 records, resume {page.resume}>"
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
    bare = filled.query(columns=fbat.Columns.FIXED)[5]
    assert (bare.payload, bare.stored_payload_len, bare.extensions, bare.previous_hash) == (
        b"",
        1,
        {},
        None,
    )
    assert bare.record_flags == 0
    full = filled.query(columns=fbat.Columns(7))[5]
    assert (full.payload, full.stored_payload_len, full.extensions) == (b"\5", 1, {"n.i": b"\5"})
    assert fbat.RecordFlags.HAS_PREVIOUS_HASH in fbat.RecordFlags(full.record_flags)
    first = filled.query(columns=fbat.Columns(7))[1]
    assert full.previous_hash == first.event_hash


def test_the_librarys_own_events(filled: fbat.Store) -> None:
    system = [
        record for record in filled.records(flags=fbat.QueryFlags.SYSTEM) if record.sequence == 1
    ]
    assert len(system) == 1
    assert fbat.kind_category(system[0].kind) in (0x0, 0xD)


def test_a_cursor_follows_the_log(store: fbat.Store) -> None:
    fill(store, 3)
    cursor = store.cursor(page_rows=2)
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


def test_get_finds_by_id_alone(filled: fbat.Store) -> None:
    record = filled.query(page_rows=30)[29]
    assert filled.get(record.id) == record
    assert filled.get(record.id, fbat.Columns.FIXED).payload == b""
    with pytest.raises(KeyError):
        filled.get(fbat.Id(b"x" * 16))
    with pytest.raises(fbat.InvalidError, match="columns"):
        filled.get(record.id, 16)
    with pytest.raises(TypeError, match="columns is str, not an integer"):
        filled.get(record.id, "payload")  # type: ignore[arg-type]
    with pytest.raises(fbat.InvalidError):
        filled.get(fbat.Id(b"short"))


def test_large_payloads_come_back(store: fbat.Store) -> None:
    payload = bytes(range(256)) * 4096 * 8
    receipt = store.append(fbat.Event("thing", "tests", KIND, payload))
    assert store.get(receipt.id).payload == payload
    assert store.append(event()).sequence == 3


# ---- progress and cancel -------------------------------------------------------------------------


def test_a_query_tells_how_far_it_is(store: fbat.Store) -> None:
    for _ in range(4):
        fill(store, 3000)
    told: list[fbat.Progress] = []
    parts = fbat.QueryOptions(versions=(10_000, None), progress=told.append)
    asks: list[Callable[[], list[object]]] = [
        lambda: list(store.query(**parts)),
        lambda: list(store.cursor(**parts)),
    ]
    for ask in asks:
        told.clear()
        assert ask() == []
        assert told
        assert [step.done for step in told] == sorted(step.done for step in told)
        assert all(0 < step.done <= step.total == 12_001 for step in told)


def test_what_progress_raises_ends_a_query(store: fbat.Store) -> None:
    fill(store, 1000)

    def fail(progress: fbat.Progress) -> None:
        raise LookupError(progress.done)

    cursor = store.cursor(progress=fail)
    for ask in (lambda: store.query(progress=fail), cursor.next_page):
        with pytest.raises(LookupError):
            ask()


def test_a_token_ends_queries(store: fbat.Store) -> None:
    fill(store, 1000)
    cancel = fbat.Cancel()
    cursor = store.cursor(cancel=cancel, page_rows=10)
    page = cursor.next_page()
    assert page is not None
    assert len(page) == 10
    cancel.trigger()
    for ask in (lambda: store.query(cancel=cancel), cursor.next_page):
        with pytest.raises(fbat.CancelledError):
            ask()


def test_a_token_ends_a_query_from_its_progress(store: fbat.Store) -> None:
    fill(store, 1000)
    cancel = fbat.Cancel()
    with pytest.raises(fbat.CancelledError):
        list(store.records(progress=lambda _: cancel.trigger(), cancel=cancel))


def test_a_cursor_that_its_own_progress_reaches_is_collected(store: fbat.Store) -> None:
    class Reader:
        def __init__(self) -> None:
            self.cursor = store.cursor(progress=self.told)

        def told(self, progress: fbat.Progress) -> None: ...

    gone = weakref.ref(Reader())
    gc.collect()
    assert gone() is None
