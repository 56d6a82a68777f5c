from __future__ import annotations

import contextvars
import gc
import operator
import threading
import traceback
import weakref
from typing import TYPE_CHECKING, Any

import pytest

import fbat
from fbat import _fast

from conftest import KIND, event, fill

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def source(open_store: Callable[..., fbat.Store]) -> fbat.Store:
    """100 events: sequences 2 to 101."""
    store = open_store("source")
    store.append_batch([event(i, timestamp_us=1_000_000 + i) for i in range(100)])
    return store


@pytest.fixture
def destination(open_store: Callable[..., fbat.Store]) -> fbat.Store:
    return open_store("destination")


def odd(function: Any) -> Any:
    """A callback that the types would refuse."""
    return function


def test_every_event_arrives_once(source: fbat.Store, destination: fbat.Store) -> None:
    report = destination.import_from(source, "the/source")
    assert (report.imported, report.deduplicated, report.skipped_reserved) == (100, 0, 1)
    assert (report.source_high_watermark, report.source_ceiling) == (101, 101)
    assert report.resume_after == 101
    # With the genesis event, the record of which store the namespace stands for, and the import.
    assert report.destination_visible == report.destination_durable == 103
    assert report.examined == 101
    again = destination.import_from(source, source_namespace="the/source")
    assert (again.imported, again.deduplicated) == (0, 100)
    for mine, theirs in zip(destination, source, strict=True):
        assert mine.imported
        assert (mine.source_namespace, mine.source_event_id) == ("the/source", theirs.id)
        assert mine.source_sequence == theirs.sequence
        assert (mine.entity, mine.payload, mine.timestamp_us) == (
            theirs.entity,
            theirs.payload,
            theirs.timestamp_us,
        )
        assert mine.id == fbat.operation_key("batpak.import", "the/source", str(theirs.id))
        provenance = mine.provenance()
        assert provenance == destination.get(mine.id).provenance()
        assert provenance == fbat.Provenance(
            source_namespace="the/source",
            source_event_id=theirs.id,
            source_sequence=theirs.sequence,
            source_kind=theirs.kind,
            source_content_hash=theirs.content_hash,
        )
        body = mine.extensions["batpak.import.provenance"]
        assert fbat.Provenance.from_extension(body) == provenance
        assert provenance.encode_body() == body


@pytest.mark.parametrize(
    ("parts", "imported"),
    [
        ({"entity": "thing"}, 100),
        ({"entity": "thing:3"}, 14),
        ({"scope": "others"}, 0),
        ({"kind": KIND}, 100),
        ({"kind": KIND + 1}, 0),
        ({"category": 1}, 100),
        ({"category": 2}, 0),
        ({"versions": (1, 1)}, 7),
        ({"timestamps": (1_000_010, 1_000_019)}, 10),
        ({"recorded": (None, 0)}, 0),
        ({"after": 91}, 10),
        ({"chunk_size": 1}, 100),
        ({"durability": fbat.ImportDurability.CHUNK}, 100),
        ({"on_conflict": fbat.OnConflict.SKIP}, 100),
        ({"flags": fbat.ImportFlags.REHASH | fbat.ImportFlags.ONE_THREAD}, 100),
    ],
)
def test_every_keyword_counts(
    source: fbat.Store, destination: fbat.Store, parts: Any, imported: int
) -> None:
    assert destination.import_from(source, "n", **parts).imported == imported


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("source_namespace", "", "source_namespace is empty"),
        ("source_namespace", "x" * 1025, "source_namespace: a length of 1025"),
        ("entity", "", "entity is empty"),
        ("entity", "x" * 1025, "entity: a length of 1025"),
        ("category", 16, "category is 16, and not 0 to 15"),
        ("versions", (2, 1), "versions 2 to 1"),
        ("kind", 65536, "kind is 65536, and not 0 to 65535"),
        ("chunk_size", -1, "chunk_size is -1, and not 0 to 18446744073709551615"),
        ("durability", 2, "durability is 2"),
        ("on_conflict", 3, "on_conflict is 3"),
        ("identity", 2, "identity is 2"),
        ("flags", 128, "flags"),
        ("filter_columns", 16, "columns"),
    ],
)
def test_keywords_out_of_range_are_refused_by_name(
    store: fbat.Store, name: str, value: Any, message: str
) -> None:
    with pytest.raises(fbat.InvalidError, match=message):
        store.import_from(store, **({"source_namespace": "n"} | {name: value}))


# ---- filter --------------------------------------------------------------------------------------


def test_a_filter_decides_by_what_it_sees(source: fbat.Store, destination: fbat.Store) -> None:
    def keep(record: fbat.Record) -> bool:
        assert threading.current_thread() is threading.main_thread()
        assert record.payload == b"payload %d" % (record.sequence - 2)
        return record.entity == "thing:3"

    report = destination.import_from(source, "n", filter=keep, filter_columns=fbat.Columns.PAYLOAD)
    assert (report.imported, report.skipped_filtered) == (14, 86)
    assert {record.entity for record in destination} == {"thing:3"}


def test_a_filter_sees_no_payload_unless_it_asks(
    source: fbat.Store, destination: fbat.Store
) -> None:
    report = destination.import_from(
        source, "n", filter=lambda record: record.payload == b"" and record.stored_payload_len > 0
    )
    assert report.imported == 100


def test_any_truth_but_none_counts(source: fbat.Store, destination: fbat.Store) -> None:
    assert destination.import_from(source, "n", filter=operator.attrgetter("flags")).imported == 0
    assert destination.import_from(source, "n", filter=odd(lambda record: "yes")).imported == 100


def test_a_filter_that_forgets_to_answer_is_refused(
    source: fbat.Store, destination: fbat.Store
) -> None:
    with pytest.raises(
        TypeError,
        match="a filter returns True to import the event or False to leave it out, not None",
    ):
        destination.import_from(source, "n", filter=odd(lambda record: None))
    assert list(destination) == []


def test_the_namespace_of_the_source_is_the_default(
    open_store: Callable[..., fbat.Store], source: fbat.Store, destination: fbat.Store
) -> None:
    # Two devices that count alike, whose events would be one under one name.
    second = open_store("second")
    for device in (source, second):
        device.append(event(7, key=fbat.operation_key("orders", "1")))
        destination.import_from(device)
    found = [record.source_namespace for record in destination if record.payload == b"payload 7"]
    assert found.count(source.namespace) == 2  # and one of those that fill() made
    assert found.count(second.namespace) == 1
    assert destination.import_from(source, None).deduplicated == 101
    assert destination.import_from(source, source_namespace=source.namespace).deduplicated == 101


def test_one_name_stands_for_one_store(
    open_store: Callable[..., fbat.Store], source: fbat.Store, destination: fbat.Store
) -> None:
    destination.import_from(source, "device")
    second = open_store("second")
    second.append(event(1))
    with pytest.raises(fbat.InvalidError, match="device"):
        destination.import_from(second, "device")
    allowed = fbat.ImportFlags.ALLOW_OTHER_STORE
    assert destination.import_from(second, "device", flags=allowed).imported == 1
    with pytest.raises(fbat.InvalidError):
        destination.import_from(destination)
    allowed = fbat.ImportFlags.ALLOW_SELF
    assert destination.import_from(destination, flags=allowed).imported == 101


def test_stores_that_feed_each_other_by_origin_have_every_event_once(
    open_store: Callable[..., fbat.Store], source: fbat.Store, destination: fbat.Store
) -> None:
    origin = fbat.ImportIdentity.ORIGIN
    second = open_store("second")
    second.append(event(1))
    stores = [source, second, destination]
    for _ in range(2):
        brought = [to.import_from(of, identity=origin).imported for to in stores for of in stores]
    assert brought == [0] * 9
    assert {store.count() for store in stores} == {source.count()}
    with pytest.raises(fbat.InvalidError, match="ALLOW_OTHER_IDENTITY"):
        destination.import_from(source, "device")


def test_imports_of_one_name_go_on_from_each_other(
    source: fbat.Store, destination: fbat.Store
) -> None:
    first = destination.import_from(source, "n", name="nightly")
    assert (first.started_after, first.source_state) == (0, fbat.SourceState.UNKNOWN)
    source.append(event(1000))
    second = destination.import_from(source, "n", name="nightly")
    assert (second.imported, second.deduplicated) == (1, 0)
    assert second.started_after == first.source_ceiling
    assert second.source_state == fbat.SourceState.GOES_ON
    flags = fbat.ImportFlags.NO_RESUME
    again = destination.import_from(source, "n", name="nightly", flags=flags)
    assert (again.started_after, again.imported) == (0, 0)
    other = destination.import_from(source, "n", name="nightly", entity="other")
    assert other.flags == fbat.ImportReportFlags.SELECTOR_CHANGED


def test_a_source_that_went_back_is_a_conflict(
    open_store: Callable[..., fbat.Store], source: fbat.Store, destination: fbat.Store
) -> None:
    report = destination.import_from(source, "n")
    assert report.resume_after == report.source_high_watermark == 101
    again = destination.import_from(source, "n", after=report.resume_after)
    assert (again.source_high_watermark, again.resume_after) == (0, 101)
    with pytest.raises(fbat.ConflictError) as caught:
        destination.import_from(source, "n", after=150)
    assert caught.value.code == fbat.Status.SOURCE_DIVERGED
    assert (caught.value.actual, caught.value.allowed) == (150, 101)


def test_what_is_no_store_no_text_or_no_function_is_refused(
    source: fbat.Store, destination: fbat.Store
) -> None:
    wrong: Any = "/a/path"
    with pytest.raises(TypeError, match="source is str, not a Store"):
        destination.import_from(wrong, "n")
    with pytest.raises(TypeError, match="source_namespace is int, not text"):
        destination.import_from(source, 5)  # type: ignore[arg-type]
    for name, message in [
        ("filter", "filter is str, not a function"),
        ("progress", "progress is str, not a function"),
        ("cancel", "cancel is str, not a Cancel"),
        ("namespace", "'namespace' is no keyword of this call"),
    ]:
        with pytest.raises(TypeError, match=message):
            destination.import_from(source, "n", **{name: wrong})


class Boom(Exception):
    pass


def test_what_a_filter_raises_arrives_as_it_is_with_traceback_and_report(
    source: fbat.Store, destination: fbat.Store
) -> None:
    boom = Boom("at the 50th")

    def fails_inside(record: fbat.Record) -> bool:
        if record.sequence == 51:
            raise boom
        return True

    with pytest.raises(Boom) as caught:
        destination.import_from(
            source, "n", filter=fails_inside, chunk_size=10, flags=fbat.ImportFlags.ONE_THREAD
        )
    assert caught.value is boom
    assert "fails_inside" in [frame.name for frame in traceback.extract_tb(boom.__traceback__)]
    report = fbat.import_report_of(boom)
    assert report is not None
    assert report.imported == 40
    assert report.imported == len(list(destination))
    assert destination.import_from(source, "n").imported == 60


@pytest.mark.parametrize("kind", [StopIteration, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_every_kind_of_exception_arrives(
    source: fbat.Store, destination: fbat.Store, kind: type[BaseException]
) -> None:
    exception = kind(5)

    def fail(record: fbat.Record) -> bool:
        raise exception

    with pytest.raises(kind) as caught:
        destination.import_from(source, "n", filter=fail)
    assert caught.value is exception


def test_a_truth_that_raises_stops_the_import(source: fbat.Store, destination: fbat.Store) -> None:
    class Undecided:
        def __bool__(self) -> bool:
            raise Boom

    with pytest.raises(Boom):
        destination.import_from(source, "n", filter=odd(lambda record: Undecided()))


def test_a_record_that_a_filter_keeps_is_a_copy(
    source: fbat.Store, destination: fbat.Store, open_store: Callable[..., fbat.Store]
) -> None:
    destination.import_from(source, "first")
    kept: list[fbat.Record] = []

    def keep(record: fbat.Record) -> bool:
        kept.append(record)
        return True

    third = open_store("third")
    third.import_from(destination, "n", filter=keep, filter_columns=fbat.Columns.PAYLOAD)
    gc.collect()
    both = fbat.Columns.PAYLOAD | fbat.Columns.EXTENSIONS
    for record, theirs in zip(kept, destination.records(columns=both), strict=True):
        assert record.as_dict() | {"extensions": theirs.extensions} == theirs.as_dict()
        assert record.provenance() == theirs.provenance() is not None
    assert fbat.live_handles() == 3


def test_a_filter_sees_where_an_event_came_from(
    source: fbat.Store, destination: fbat.Store, open_store: Callable[..., fbat.Store]
) -> None:
    destination.import_from(source, "first")

    def keep(record: fbat.Record) -> bool:
        provenance = record.provenance()
        return provenance is not None and provenance.source_namespace == "first"

    assert open_store("third").import_from(destination, "second", filter=keep).imported == 100


def test_a_filter_may_read_both_stores_and_append_but_not_close(
    source: fbat.Store, destination: fbat.Store
) -> None:
    closing: list[fbat.Status | int] = []

    def keep(record: fbat.Record) -> bool:
        assert source.get(record.id).sequence == record.sequence
        if record.sequence == 50:
            destination.append(event(5))
            for store in (source, destination):
                with pytest.raises(fbat.BusyError) as caught:
                    store.close()
                closing.append(caught.value.code)
        return True

    assert destination.import_from(source, "n", filter=keep).imported == 100
    assert closing == [fbat.Status.BUSY] * 2
    assert not source.closed
    assert len(list(destination)) == 101


def test_filters_run_in_the_context_of_the_caller(
    source: fbat.Store, destination: fbat.Store
) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set")
    destination.import_from(source, "n", filter=lambda record: variable.get() == "set")
    assert len(list(destination)) == 100


def test_an_import_inside_a_filter(
    source: fbat.Store, destination: fbat.Store, open_store: Callable[..., fbat.Store]
) -> None:
    third = open_store("third")

    def inner(record: fbat.Record) -> bool:
        raise Boom("inner")

    def keep(record: fbat.Record) -> bool:
        if record.sequence == 2:
            with pytest.raises(Boom, match="inner"):
                third.import_from(source, "n", filter=inner)
        return third.import_from(source, "n", chunk_size=50).imported in (0, 100)

    assert destination.import_from(source, "n", filter=keep, entity="thing:0").imported == 15


# ---- progress ------------------------------------------------------------------------------------


def test_progress_is_told_after_each_chunk(source: fbat.Store, destination: fbat.Store) -> None:
    reports: list[fbat.ImportReport] = []
    last = destination.import_from(source, "n", progress=reports.append, chunk_size=10)
    assert [report.imported for report in reports] == list(range(10, 101, 10))
    assert reports[-1].source_high_watermark == last.source_high_watermark == 101
    assert all(report.source_ceiling == 101 for report in reports)
    assert [report.source_position for report in reports] == sorted(
        report.source_position for report in reports
    )
    assert reports[-1].source_position == 101


def test_progress_is_told_while_nothing_is_committed(
    open_store: Callable[..., fbat.Store], destination: fbat.Store
) -> None:
    source = open_store("large")
    for _ in range(10):
        fill(source, 2000)
    variants: list[dict[str, Any]] = [
        {"filter": lambda record: False},
        {"versions": (10_000, None)},
    ]
    for parts in variants:
        reports: list[fbat.ImportReport] = []
        last = destination.import_from(source, "n", progress=reports.append, **parts)
        assert last.imported == 0
        assert len(reports) > 1
        assert 0 < reports[0].source_position < 20_001
        assert all(report.source_ceiling == 20_001 for report in reports)


def test_what_progress_raises_stops_the_import(source: fbat.Store, destination: fbat.Store) -> None:
    def fail(report: fbat.ImportReport) -> None:
        raise Boom(report.imported)

    with pytest.raises(Boom, match="10") as caught:
        destination.import_from(
            source, "n", progress=fail, chunk_size=10, flags=fbat.ImportFlags.ONE_THREAD
        )
    report = fbat.import_report_of(caught.value)
    assert report is not None
    assert report.imported == 10


# ---- cancel, conflicts, errors -------------------------------------------------------------------


def test_a_token_that_was_triggered_ends_imports(
    source: fbat.Store, destination: fbat.Store
) -> None:
    cancel = fbat.Cancel()
    assert not cancel.is_triggered
    cancel.trigger()
    cancel.trigger()
    assert cancel.is_triggered
    variants: list[dict[str, Any]] = [{}, {"filter": bool}]
    for parts in variants:
        with pytest.raises(fbat.CancelledError) as caught:
            destination.import_from(source, "n", cancel=cancel, **parts)
        assert caught.value.import_report is not None


@pytest.mark.parametrize("with_filter", [False, True])
def test_a_token_ends_an_import_from_another_thread(
    open_store: Callable[..., fbat.Store], destination: fbat.Store, with_filter: bool
) -> None:
    source = open_store("source")
    for _ in range(20):
        fill(source, 2000)
    cancel, began = fbat.Cancel(), threading.Event()

    def trigger() -> None:
        began.wait()
        cancel.trigger()

    other = threading.Thread(target=trigger)
    other.start()
    parts: dict[str, Any] = {
        "cancel": cancel,
        "chunk_size": 1,
        "durability": fbat.ImportDurability.CHUNK,
    }
    if with_filter:

        def keep(record: fbat.Record) -> bool:
            began.set()
            return True

        parts["filter"] = keep
    else:
        threading.Timer(0.05, began.set).start()
    with pytest.raises(fbat.CancelledError) as caught:
        destination.import_from(source, "n", **parts)
    other.join()
    report = caught.value.import_report
    assert report is not None
    assert report.imported == len(list(destination)) < 40_000


def test_a_conflict_fails_or_is_skipped(source: fbat.Store, destination: fbat.Store) -> None:
    theirs = source.query(page_rows=50)[49]
    taken = fbat.operation_key("batpak.import", "n", str(theirs.id))
    destination.append(event(0, key=taken))
    with pytest.raises(fbat.ConflictError) as caught:
        destination.import_from(source, "n")
    assert caught.value.code == fbat.Status.IMPORT_CONFLICT
    assert str(taken) in str(caught.value) or str(theirs.id) in str(caught.value)
    assert caught.value.import_report is fbat.import_report_of(caught.value) is not None
    report = destination.import_from(source, "n", on_conflict=fbat.OnConflict.SKIP)
    assert (report.conflicts, report.imported) == (1, 99)
    assert report.examined == 101


def test_a_store_imports_its_own_output_once(store: fbat.Store) -> None:
    fill(store, 5)
    with pytest.raises(fbat.InvalidError, match="FBAT_IMPORT_ALLOW_SELF"):
        store.import_from(store, "n")
    flags = fbat.ImportFlags.ALLOW_SELF
    assert store.import_from(store, "n", flags=flags).imported == 5
    assert store.import_from(store, "n", flags=flags).skipped_reimported == 5


def test_an_exception_without_an_import_has_no_report() -> None:
    assert fbat.import_report_of(ValueError()) is None


def test_imports_on_other_threads(source: fbat.Store, destination: fbat.Store) -> None:
    outcome: list[object] = []

    def work() -> None:
        outcome.append(destination.import_from(source, "n").imported)
        try:
            destination.import_from(source, "m", filter=odd(lambda record: 1 / 0))
        except ZeroDivisionError as error:
            outcome.append(fbat.import_report_of(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert outcome[0] == 100
    assert isinstance(outcome[1], fbat.ImportReport)


def test_the_same_keywords_serve_imports_at_once(
    source: fbat.Store, open_store: Callable[..., fbat.Store]
) -> None:
    names = threading.local()

    def keep(record: fbat.Record) -> bool:
        if names.fails and record.sequence == 40:
            raise Boom(names.number)
        return True

    options, outcome = fbat.ImportOptions(filter=keep, chunk_size=3), {}
    stores = [open_store(f"destination {i}") for i in range(4)]

    def work(number: int) -> None:
        names.number, names.fails = number, number % 2 == 1
        try:
            outcome[number] = stores[number].import_from(source, "n", **options).imported
        except Boom as boom:
            outcome[number] = boom.args[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcome == {0: 100, 1: 1, 2: 100, 3: 3}


def test_callbacks_live_as_long_as_the_import(source: fbat.Store, destination: fbat.Store) -> None:
    class Once:
        def __call__(self, _: object) -> bool:
            gc.collect()
            return True

    options = fbat.ImportOptions(filter=Once(), progress=Once(), cancel=fbat.Cancel())
    options["chunk_size"] = 10
    gone = weakref.ref(options["filter"])

    def clear(report: fbat.ImportReport) -> None:
        options.clear()  # type: ignore[attr-defined]
        gc.collect()
        assert gone() is not None

    options["progress"] = clear
    assert destination.import_from(source, "n", **options).imported == 100
    assert gone() is None


def test_exceptions_of_callbacks_are_not_kept(source: fbat.Store, destination: fbat.Store) -> None:
    def fail(record: fbat.Record) -> bool:
        raise Boom

    with pytest.raises(Boom):
        destination.import_from(source, "n", filter=fail)
    assert _fast.stopped == {}
