from __future__ import annotations

import array
import copy
import dataclasses
import datetime
import mmap
import pickle
import tempfile
import uuid
from typing import TYPE_CHECKING, Any

import pytest

import fbat

from conftest import KIND, event, fill

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_every_member_of_an_event_comes_back(store: fbat.Store) -> None:
    cause = store.append(event(1))
    time = datetime.datetime(2024, 2, 29, 12, 30, 0, 123456, tzinfo=datetime.UTC)
    given = fbat.Event(
        "thing:Ü",
        "Gebäude",
        fbat.kind(15, 4095),
        b"\0payload\xff",
        payload_version=65535,
        flags=0xFFFFFFFF,
        key=fbat.operation_key("tests", "1"),
        expect=fbat.Expect.ABSENT,
        timestamp_us=fbat.to_us(time),
        correlation=fbat.Id.from_hex("0f" * 16),
        causation=cause.id,
        extensions={"test.one": b"1", "test.empty": b"", "a.b": bytearray(b"\0\xff")},
    )
    receipt = store.append(given)
    record = store.get(
        receipt.id, fbat.Columns.PAYLOAD | fbat.Columns.EXTENSIONS | fbat.Columns.PREVIOUS_HASH
    )
    for name in (
        "entity",
        "scope",
        "kind",
        "payload",
        "payload_version",
        "flags",
        "correlation",
        "causation",
    ):
        assert getattr(record, name) == getattr(given, name), name
    assert record.id == receipt.id == given.key
    assert list(record.extensions.items()) == [
        ("test.one", b"1"),
        ("test.empty", b""),
        ("a.b", b"\0\xff"),
    ]
    assert record.timestamp == receipt.timestamp == time
    assert record.timestamp_us == receipt.timestamp_us == given.timestamp_us
    assert (record.sequence, record.version) == (receipt.sequence, receipt.version) == (3, 1)
    assert record.recorded_us == receipt.recorded_us
    assert abs(record.recorded - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(
        minutes=1
    )
    assert record.content_hash == receipt.content_hash == fbat.content_hash(given.payload)
    assert record.event_hash == receipt.event_hash
    assert record.previous_hash == receipt.previous_hash is not None
    assert record.stored_payload_len == 9
    assert not record.imported
    assert record.provenance() is None
    assert (record.source_namespace, record.source_event_id, record.source_sequence) == (
        None,
        None,
        None,
    )
    assert record.raw_provenance is None


def test_a_plain_event_has_defaults(store: fbat.Store) -> None:
    receipt = store.append(fbat.Event("thing", "tests", KIND))
    record = store.get(receipt.id)
    assert record.payload == b""
    assert (record.correlation, record.causation, record.extensions) == (None, None, {})
    assert (record.flags, record.payload_version) == (0, 0)
    assert record.timestamp_us == record.recorded_us
    assert receipt.flags & ~fbat.ReceiptFlags.DURABLE == 0
    assert not receipt.replayed
    assert not receipt.imported


def test_receipts_of_a_durable_store_say_so(tmp_path: Any) -> None:
    with fbat.Store(tmp_path / "store") as store:
        assert store.append(event()).durable


@pytest.mark.parametrize(
    "make",
    [
        bytes,
        bytearray,
        memoryview,
        lambda data: memoryview(bytearray(b"<" + data + b">"))[1:-1],
        lambda data: array.array("B", data),
        lambda data: memoryview(array.array("H", data)),
    ],
)
def test_payloads_are_anything_like_bytes(store: fbat.Store, make: Any) -> None:
    receipt = store.append(
        fbat.Event("thing", "tests", KIND, make(b"payload!"), extensions={"a.b": make(b"x" * 8)})
    )
    record = store.get(receipt.id)
    assert record.payload == b"payload!"
    assert record.extensions == {"a.b": b"x" * 8}


def test_an_event_has_what_a_buffer_held_when_it_was_made(store: fbat.Store) -> None:
    # As readline() into one buffer does it: the same memory again and again.
    buffer, values = bytearray(8), {"a.b": bytearray(1)}

    def events() -> Iterator[fbat.Event]:
        for i in range(5):
            buffer[:] = b"line %3d" % i
            values["a.b"][0] = i
            yield fbat.Event("thing", "tests", KIND, memoryview(buffer)[:8], extensions=values)
            buffer[:] = b"!" * 8
            values["a.b"][0] = 255

    assigned = list(events())
    for one in assigned[3:]:
        buffer[:] = b"assigned"
        one.payload, one.extensions = buffer, values
        buffer[:] = b"!" * 8
    store.append_batch(events())
    store.append_batch(assigned)
    found = [(record.payload, record.extensions["a.b"]) for record in store]
    lines = [(b"line %3d" % i, bytes([i])) for i in range(5)]
    assert found == [*lines, *lines[:3], *[(b"assigned", b"\xff")] * 2]
    buffer.clear()  # BufferError if somebody still held it


def test_mutable_extensions_are_read_as_they_are_at_the_append(store: fbat.Store) -> None:
    given = event(extensions={"a.b": b"1"})
    assert isinstance(given.extensions, dict)
    given.extensions["a.c"] = bytearray(b"2")
    assert store.get(store.append(given).id).extensions == {"a.b": b"1", "a.c": b"2"}


def test_a_payload_is_read_from_mapped_memory_and_let_go_of(store: fbat.Store) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 100_000)
        file.flush()
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        receipt = store.append(fbat.Event("thing", "tests", KIND, mapped))
        mapped.close()  # BufferError if somebody still held it
    assert store.get(receipt.id).stored_payload_len == 100_000


def test_a_bytearray_can_be_resized_after_a_failed_append(store: fbat.Store) -> None:
    payload = bytearray(b"x")
    with pytest.raises(fbat.InvalidError):
        store.append_batch(
            [fbat.Event("thing", "tests", KIND, payload), fbat.Event("", "tests", KIND)]
        )
    payload += b"y"


def test_events_are_dataclasses_that_are_copied_and_pickled(store: fbat.Store) -> None:
    given = event(3, key=fbat.operation_key("tests", "3"), extensions={"a.b": bytearray(b"1")})
    for same in (
        copy.copy(given),
        copy.deepcopy(given),
        pickle.loads(pickle.dumps(given)),
        dataclasses.replace(given),
        fbat.Event(**dataclasses.asdict(given)),
    ):
        assert same == given
        assert repr(same) == repr(given)
    assert dataclasses.replace(given, payload=bytearray(b"x")).payload == b"x"
    assert [field.name for field in dataclasses.fields(fbat.Event)][:4] == [
        "entity", "scope", "kind", "payload",
    ]  # fmt: skip
    with pytest.raises(TypeError, match="positional"):
        fbat.Event("a", "b", KIND, b"", 1)  # type: ignore[call-arg]


def test_the_time_of_an_event_is_an_aware_datetime_or_microseconds(store: fbat.Store) -> None:
    cet = datetime.timezone(datetime.timedelta(hours=1))
    noon = datetime.datetime(2024, 2, 29, 12, 0, 0, 7, tzinfo=cet)
    for given in (
        event(timestamp=noon),
        event(timestamp_us=noon),
        event(timestamp_us=fbat.to_us(noon)),
        event(timestamp_us=5, timestamp=noon),
        dataclasses.replace(event(timestamp_us=5), timestamp=noon),  # type: ignore[call-arg]
    ):
        assert given.timestamp == noon
        receipt = store.append(given)
        assert receipt.timestamp_us == fbat.to_us(noon)
        assert store.get(receipt.id).timestamp == noon
    epoch = event(timestamp=fbat.to_datetime(0))
    assert (epoch.timestamp_us, epoch.timestamp) == (0, fbat.to_datetime(0))
    assert store.append(epoch).timestamp_us == 0
    assert event().timestamp is None
    with pytest.raises(ValueError, match="without a time zone"):
        event(timestamp=datetime.datetime(2024, 1, 1))
    with pytest.raises(TypeError, match="time is int, not a datetime"):
        event(timestamp=5)


def test_a_batch_is_whole_or_not_there(store: fbat.Store) -> None:
    with pytest.raises(fbat.InvalidError) as caught:
        store.append_batch([event(0), event(1), fbat.Event("a/b", "tests", KIND)])
    assert (caught.value.code, caught.value.item) == (fbat.Status.INVALID_COORDINATE, 2)
    assert list(store) == []


def test_a_batch_is_any_iterable(store: fbat.Store) -> None:
    def events() -> Iterator[fbat.Event]:
        yield from (event(i) for i in range(5))

    receipts = store.append_batch(events())
    assert [receipt.sequence for receipt in receipts] == [2, 3, 4, 5, 6]
    assert store.append_batch([]) == []
    store.append_batch((event(i) for i in range(2)), receipts=False)
    assert len(list(store)) == 7


def test_an_iterable_that_raises_appends_nothing(store: fbat.Store) -> None:
    def events() -> Iterator[fbat.Event]:
        yield event()
        raise LookupError("no more")

    with pytest.raises(LookupError):
        store.append_batch(events())
    assert list(store) == []


def test_a_batch_refers_to_its_own_items(store: fbat.Store) -> None:
    receipts = store.append_batch([event(0), event(1, causation_item=1)])
    assert store.get(receipts[1].id).causation == receipts[0].id


def test_expected_versions(store: fbat.Store) -> None:
    store.append(event(0, expect=fbat.Expect.ABSENT))
    store.append(event(0, expect=fbat.Expect.PRESENT))
    store.append(event(0, expect=fbat.Expect.VERSION, expected_version=2))
    for parts in (
        {"expect": fbat.Expect.ABSENT},
        {"expect": fbat.Expect.VERSION, "expected_version": 2},
    ):
        with pytest.raises(fbat.ConflictError) as caught:
            store.append(event(0, **parts))
        assert (caught.value.code, caught.value.actual) == (fbat.Status.VERSION_CONFLICT, 3)
    with pytest.raises(fbat.ConflictError):
        store.append(event(1, expect=fbat.Expect.PRESENT))


def test_a_plain_number_is_the_version_that_is_expected(store: fbat.Store) -> None:
    for version in range(4):
        assert store.append(event(0, expect=version)).version == version + 1
    for version in (0, 1, 2, 3, 5):
        with pytest.raises(fbat.ConflictError) as caught:
            store.append(event(0, expect=version))
        assert (caught.value.actual, caught.value.allowed) == (4, version)
    with pytest.raises(fbat.ConflictError):
        store.append(event(1, expect=2))  # which is the value of Expect.PRESENT
    assert store.append(event(0, expect=store.head("thing:0").version)).version == 5


def test_a_uuid_is_an_id(store: fbat.Store) -> None:
    key, cause = uuid.uuid4(), uuid.UUID(int=5)
    receipt = store.append(event(0, key=key, correlation=cause, causation=cause))
    assert receipt.id == key.bytes
    assert receipt.id.uuid == key
    record = store.get(key)
    assert record.correlation == record.causation == fbat.Id(cause) == cause.bytes
    assert key in store
    assert cause not in store
    assert store.append(event(1)).id.uuid.version == 7


def test_a_key_is_used_once(store: fbat.Store) -> None:
    key = fbat.operation_key("tests", "1")
    first, again = store.append(event(0, key=key)), store.append(event(0, key=key))
    assert (first.replayed, again.replayed) == (False, True)
    assert fbat.ReceiptFlags.REPLAYED in fbat.ReceiptFlags(again.flags)
    assert (again.id, again.sequence, again.event_hash) == (
        first.id,
        first.sequence,
        first.event_hash,
    )
    with pytest.raises(fbat.ConflictError) as caught:
        store.append(event(1, key=key))
    assert caught.value.code == fbat.Status.IDEMPOTENCY_CONFLICT


@pytest.mark.parametrize(
    ("parts", "exception", "match"),
    [
        ({"entity": b"bytes"}, TypeError, "entity is bytes, not text"),
        ({"entity": "\ud800"}, UnicodeEncodeError, "surrogates"),
        ({"scope": None}, TypeError, "scope is NoneType, not text"),
        ({"kind": 65536}, ValueError, "kind is 65536, and not 0 to 65535"),
        ({"kind": -1}, ValueError, "kind is -1"),
        ({"kind": "x"}, TypeError, "kind is str, not an integer"),
        ({"payload": "text"}, TypeError, "payload is str, not bytes-like"),
        ({"payload": 5}, TypeError, "payload is int, not bytes-like"),
        ({"payload_version": 2**16}, ValueError, "payload_version"),
        ({"flags": 2**32}, ValueError, "flags"),
        ({"key": b"short"}, TypeError, "key has 5 bytes, and an Id has 16"),
        (
            {"key": "0" * 32},
            TypeError,
            r"key is str, not an Id or a uuid.UUID; Id.from_hex\(\) reads text",
        ),
        ({"expect": -1}, ValueError, "expect is -1, and not 0 to 18446744073709551615"),
        ({"expect": "absent"}, TypeError, "expect is str, not an integer"),
        ({"expect": True}, TypeError, "expect is bool, not an integer"),
        ({"expect": 1, "expected_version": 1}, TypeError, "either a number for expect or"),
        ({"kind": True}, TypeError, "kind is bool, not an integer"),
        ({"expected_version": 2**64}, ValueError, "expected_version"),
        ({"timestamp_us": 1.5}, TypeError, "timestamp_us is float, not an integer"),
        ({"timestamp_us": datetime.datetime(2024, 1, 1)}, ValueError, "without a time zone"),
        ({"timestamp_us": "now"}, TypeError, "timestamp_us is str, not an integer or a datetime"),
        (
            {"timestamp_us": 2**63},
            ValueError,
            "timestamp_us is 9223372036854775808, and not of 64 bits",
        ),
        ({"correlation": 5}, TypeError, "correlation is int, not an Id or a uuid.UUID"),
        ({"causation": 5}, TypeError, "causation"),
        ({"causation_item": -1}, ValueError, "causation_item"),
        ({"extensions": ["a.b"]}, TypeError, "extensions is list, not a mapping"),
        ({"extensions": 5}, TypeError, "extensions is int, not a mapping"),
        ({"extensions": {1: b""}}, TypeError, "the key of an extension is int, not text"),
        (
            {"extensions": {"a.b": "text"}},
            TypeError,
            "the value of an extension is str, not bytes-like",
        ),
        ({"extensions": {"a.\ud800": b""}}, UnicodeEncodeError, "surrogates"),
    ],
)
def test_a_member_of_the_wrong_type_names_itself_and_its_event(
    store: fbat.Store, parts: dict[str, Any], exception: type[Exception], match: str
) -> None:
    arguments: dict[str, Any] = {"entity": "thing", "scope": "tests", "kind": KIND} | parts
    with pytest.raises(exception, match=match) as caught:
        store.append_batch([event(), fbat.Event(**arguments)])
    assert caught.value.__notes__ == ["event 1 of the batch"]
    assert list(store) == []


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"entity": ""}, "INVALID_COORDINATE"),
        ({"entity": "x" * 1025}, "INVALID_COORDINATE"),
        ({"scope": "a|b"}, "INVALID_COORDINATE"),
        ({"kind": 0x0001}, "RESERVED_KIND"),
        ({"expected_version": 7}, "INVALID_ARGUMENT"),
        ({"kind": 0xD001}, "RESERVED_KIND"),
        ({"extensions": {"batpak.x": b""}}, "RESERVED_EXTENSION"),
        ({"extensions": {"x": b""}}, "INVALID_ARGUMENT"),
        ({"extensions": {"a.b": bytes(70_000)}}, "LIMIT_EXCEEDED"),
        ({"payload": bytes((32 << 20) + 1)}, "LIMIT_EXCEEDED"),
        ({"causation": fbat.Id(b"x" * 16), "causation_item": 1}, "INVALID_ARGUMENT"),
        ({"causation_item": 1}, "INVALID_ARGUMENT"),
    ],
)
def test_what_the_library_refuses_is_an_invalid_error(
    store: fbat.Store, parts: dict[str, Any], status: str
) -> None:
    arguments: dict[str, Any] = {"entity": "thing", "scope": "tests", "kind": KIND} | parts
    with pytest.raises(fbat.InvalidError) as caught:
        store.append(fbat.Event(**arguments))
    assert caught.value.code == fbat.Status[status]


def test_what_the_library_refuses_of_a_batch_has_a_note_of_the_event(store: fbat.Store) -> None:
    with pytest.raises(fbat.InvalidError) as caught:
        store.append_batch([event(), fbat.Event("a/b", "tests", KIND)])
    assert (caught.value.item, caught.value.__notes__) == (1, ["event 1 of the batch"])


def test_an_object_that_is_no_event_is_refused(store: fbat.Store) -> None:
    wrong: Any = [event()]
    with pytest.raises(TypeError, match=r"^event is list, not an Event; append_batch\(\) takes"):
        store.append(wrong)
    for one in (object(), None, {"entity": "e"}, store.append(event())):
        with pytest.raises(
            TypeError, match=f"an event is {type(one).__name__}, not an Event"
        ) as no:
            store.append_batch([event(), one])  # type: ignore[list-item]
        assert no.value.__notes__ == ["event 1 of the batch"]
    with pytest.raises(TypeError, match=r"^events is Event, not .*; append\(\) takes one"):
        store.append_batch(event())  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="not iterable"):
        store.append_batch(5)  # type: ignore[call-overload]


def test_receipts_are_values(store: fbat.Store) -> None:
    receipts = fill(store, 2)
    assert receipts[0] == receipts[0]
    assert receipts[0] != receipts[1]
    assert receipts[0] != "a receipt"
    assert len(set(receipts)) == 2
    assert repr(receipts[0]).startswith("Receipt(id=Id.from_hex('")
    assert receipts[0].as_dict()["sequence"] == 2
    with pytest.raises(AttributeError):
        receipts[0].sequence = 5  # type: ignore[misc]
    with pytest.raises(AttributeError):
        receipts[0].other = 5  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="cannot create"):
        fbat.Receipt()


def test_times_are_between_microseconds_and_aware_datetimes() -> None:
    for us in (0, 1, -1, 1_700_000_000_123_456, -62_135_596_800_000_000):
        assert fbat.to_us(fbat.to_datetime(us)) == us
    cet = datetime.timezone(datetime.timedelta(hours=1))
    assert fbat.to_us(datetime.datetime(1970, 1, 1, 1, tzinfo=cet)) == 0
    with pytest.raises(TypeError, match="time is int, not a datetime"):
        fbat.to_us(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="time zone"):
        fbat.to_us(datetime.datetime(1970, 1, 1))
