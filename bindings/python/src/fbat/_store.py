"""Stores, whose methods lead to everything else."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import threading
import time
import warnings
from typing import TYPE_CHECKING, Final, Literal, overload

from fbat import _fast
from fbat._enums import QueryFlags
from fbat._error import BusyError, call, error_of, raised_by
from fbat._follow import Follower, News
from fbat._handle import Handle, address_of, path_of, struct, text_of
from fbat._id import Hash, Id, number, path_bytes, refused, text_bytes, wrong_type
from fbat._native import ffi, lib
from fbat._options import Options
from fbat._page import Page, Receipt, Record
from fbat._region import Region, to_us
from fbat._structs import (
    BackupOptions,
    BackupReport,
    CompressOptions,
    CompressReport,
    Conflict,
    Difference,
    DiffOptions,
    Event,
    Finding,
    Frontier,
    Head,
    ImportOptions,
    ImportReport,
    ListOptions,
    OpenOptions,
    OpenReport,
    Origin,
    OriginsOptions,
    PlanRow,
    QueryOptions,
    RepairOptions,
    RepairReport,
    SetDigest,
    Source,
    Stats,
    Summary,
    VerifyOptions,
    VerifyReport,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self, Unpack

    from fbat._handle import AnyPath
    from fbat._id import AnyId
    from fbat._native import CData
    from fbat._region import Cancel

__all__ = [
    "Cursor",
    "Store",
    "import_report_of",
    "new_identity",
    "repair",
    "set_mapped_reads",
]

_U64_MAX: Final = 2**64 - 1
_FIRST_WAIT: Final = 0.001
_LONGEST_WAIT: Final = 0.1
_FOR_EVER: Final = 1e9  # seconds


def set_mapped_reads(mapped: bool) -> None:
    """Says how small parts of files are read from now on, in the whole process: from memory that
    the files are mapped to, which is the default and several times as fast, or by system calls.

    Mapping puts a handler for SIGBUS in place, once. ``False`` before the first store is opened:
    none is put in place.
    """
    lib.fbat_set_mapped_reads(mapped)


class Store(Handle):
    """An open store: a context manager that closes it, and an iterable of all its events.

    At most one handle in all processes has a store open for writing; readers are not limited. Any
    number of threads may use a store at once, and any thread may close it. The interpreter's lock
    is released in every call. Ctrl-C ends every call that can take long.
    """

    __slots__ = ("__weakref__", "_address", "_closed", "_news")
    _news: News

    def __new__(cls, *_: object, **__: object) -> Self:
        self = super().__new__(cls)
        self._closed, self._address = True, 0  # until it is open
        self._news = News()
        return self

    def __init__(
        self, path: AnyPath, /, *, timeout: float | None = None, **options: Unpack[OpenOptions]
    ) -> None:
        """Opens the store in a directory, which a new store makes, but not what is above it.

        ``timeout`` is how many seconds to wait for a store that is open for writing elsewhere.
        Then, and at once without it, that is a :class:`BusyError`. The other keywords are those of
        :class:`OpenOptions`.
        """
        given, out = Options("fbat_open_options", options), ffi.new("fbat_store **")
        raw = path_bytes(path)
        end, pause = _deadline(timeout), _FIRST_WAIT
        while True:
            try:
                call(lib.fbat_store_open, raw, given.pointer, out)
                break
            except BusyError:
                left = end - time.monotonic()
                if left <= 0:
                    raise
                time.sleep(min(pause, left))
                pause = min(2 * pause, _LONGEST_WAIT)
                if (cancel := options.get("cancel")) is not None and cancel.is_triggered:
                    raise error_of(lib.FBAT_ERR_CANCELLED) from None
        self._pointer = ffi.gc(out[0], lib.fbat_store_free)
        self._address = address_of(out[0])
        self._closed = False

    def close(self) -> None:
        """Makes what was written durable, releases the directory, and ends all use of the store.

        Calls of other threads end with :class:`ClosedError`. A failure to write is raised, and the
        store is closed all the same. Closing a closed store does nothing. :class:`BusyError`: this
        thread is inside a callback of an import that uses the store, which stays open.
        """
        try:
            call(lib.fbat_store_close, self._pointer)
        except BaseException as exception:
            self._closed = getattr(exception, "code", None) != lib.FBAT_ERR_BUSY
            raise
        self._closed = True

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def __enter__(self) -> Self:
        if self._closed:
            raise error_of(lib.FBAT_ERR_CLOSED)  # now, and not when the block gets to a call
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._closed:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        return f"<fbat.Store {'closed ' if self._closed else ''}at {self.path!r}>"

    # ---- what there is to know ------------------------------------------------------------------

    def sync(self) -> Frontier:
        """Makes everything that is visible durable, and answers with the frontier after it."""
        out = struct("fbat_frontier")
        call(lib.fbat_store_sync, self._pointer, out)
        return Frontier._of(out)

    def frontier(self) -> Frontier:
        """How far the log goes."""
        return self._news.look(self)

    def head(self, entity: str) -> Head:
        """The newest event of an entity; :class:`NotFoundError` where it has none."""
        raw, out = text_bytes("entity", entity), struct("fbat_head")
        call(lib.fbat_store_head, self._pointer, raw, len(raw), out)
        return Head._of(out)

    def stats(self) -> Stats:
        """Figures about the store."""
        out = struct("fbat_stats")
        call(lib.fbat_store_stats, self._pointer, out)
        return Stats._of(out)

    def log_hash(self) -> Hash:
        """The log hash at the visible frontier: one value that stands for the whole history.

        Two stores with the same log hash have the same events in the same order. It is read as the
        log has it; :meth:`verify` computes it, from every event.
        """
        out = ffi.new("fbat_hash *")
        call(lib.fbat_store_log_hash, self._pointer, out)
        return Hash.of(out)

    def log_hash_at(self, sequence: int) -> Hash:
        """The log hash as of a sequence of the past, to compare an anchor of that time with.

        The hashes of the batch that has the event are computed; of what is before it, the log hash
        is read. :class:`NotFoundError`: no event has this sequence.
        """
        out = ffi.new("fbat_hash *")
        at = number("sequence", sequence, 0, 2**64 - 1)
        call(lib.fbat_store_log_hash_at, self._pointer, at, out)
        return Hash.of(out)

    @property
    def open_report(self) -> OpenReport:
        """What opening found and did. Works for a closed store too, as everything below."""
        out = struct("fbat_open_report")
        call(lib.fbat_store_open_report, self._pointer, out)
        return OpenReport._of(out)

    @property
    def id(self) -> Id:
        """The random number that the store was given when it was made, or by
        :func:`fbat.new_identity` since.
        """
        return Id.of(lib.fbat_store_id(self._pointer))

    @property
    def namespace(self) -> str:
        """The native namespace: ``store:`` and the hex digits of its id."""
        return text_of(lib.fbat_store_namespace(self._pointer))

    @property
    def label(self) -> str:
        """The label that the store was made with."""
        return text_of(lib.fbat_store_label(self._pointer))

    @property
    def path(self) -> str:
        """The directory."""
        return path_of(lib.fbat_store_path(self._pointer))

    @property
    def is_read_only(self) -> bool:
        """Whether the store is open for reading only."""
        return lib.fbat_store_is_read_only(self._pointer)

    # ---- waiting --------------------------------------------------------------------------------

    def wait(
        self,
        after: int,
        *,
        timeout: float | None = None,
        durable: bool = False,
        cancel: Cancel | None = None,
    ) -> Frontier:
        """Sleeps until the frontier is above a sequence, and answers with it: until it is visible,
        or ``durable``.

        After ``timeout`` seconds it is a :class:`WaitTimeoutError`, which is a ``TimeoutError``; 0
        looks once. A :class:`Cancel` ends it, Ctrl-C, and :meth:`close` in another thread. A writer
        that ends, dies, or recovers the store does not. ``durable`` begins no sync in a store that
        is open for writing. One that is open for reading syncs what is visible.
        """
        given, out = _wait_options(timeout, durable, cancel), struct("fbat_frontier")
        at = number("after", after, 0, _U64_MAX)
        _fast.wait_above(self._address, at, address_of(given.pointer), address_of(out))
        return Frontier._of(out)

    async def wait_async(self, after: int, *, durable: bool = False) -> Frontier:
        """As :meth:`wait`, on asyncio: the task sleeps, and no thread. ``asyncio.timeout()`` and
        the like end it.
        """
        at = number("after", after, 0, _U64_MAX)
        return await self._news.above(self, at, durable=durable)

    def fileno(self) -> int:
        """A descriptor for an event loop of any kind: readable at first, and when there may be
        something new. :meth:`frontier` makes it unreadable, and says what there is. So does what
        sleeps on asyncio: give such a loop a store of its own.

        It is the store's: do not read, write or close it. Take it out of the loop before the store
        is closed.
        """
        out = ffi.new("int32_t *")
        call(lib.fbat_store_wait_fd, self._pointer, out)
        return int(out[0])

    def follow(self, *, durable: bool = False, **options: Unpack[QueryOptions]) -> Iterator[Record]:
        """Iterates over the events of a query, and then over each new one as it comes, for ever, or
        as far as ``until`` and ``limit`` go. Each comes once, and none is missed, whichever process
        writes, and whatever becomes of it.

        Where there is none yet it sleeps, as :meth:`wait` does; what ends that raises here. From
        now on: ``after=store.frontier().visible``. In pages: :meth:`Cursor.wait`.
        """
        _check_forward(options)
        pages = functools.partial(Cursor(self, **options).wait, durable=durable)
        return itertools.chain.from_iterable(iter(pages, None))

    def follow_async(self, *, durable: bool = False, **options: Unpack[QueryOptions]) -> Follower:
        """As :meth:`follow`, for ``async for`` on asyncio, without a thread. In pages:
        :meth:`Follower.next_page`. Any number of tasks, in several loops too, may follow a store.
        """
        _check_forward(options)
        Cursor(self, **options)  # refuses here what is out of range, and not in the loop
        return Follower(self, durable, options)

    # ---- appending ------------------------------------------------------------------------------

    def append(self, event: Event) -> Receipt:
        """Appends one event. It is in the store when this returns, now or since an earlier call
        with its key.
        """
        return _fast.append(self._address, event)

    @overload
    def append_batch(
        self, events: Iterable[Event], *, receipts: Literal[True] = True
    ) -> list[Receipt]: ...
    @overload
    def append_batch(self, events: Iterable[Event], *, receipts: Literal[False]) -> None: ...
    def append_batch(
        self, events: Iterable[Event], *, receipts: bool = True
    ) -> list[Receipt] | None:
        """Appends all of the events, at most 65,536, or none of them; the receipts come in the same
        order.

        Everything is checked before any work. :attr:`Error.item` names the event at fault.
        """
        if isinstance(events, Event):
            raise wrong_type("events", events, "an iterable of them; append() takes one")
        return _fast.append_batch(self._address, events, receipts)

    # ---- reading --------------------------------------------------------------------------------

    def get(self, event_id: AnyId, columns: int = 0) -> Record:
        """Reads one event by its id; :class:`NotFoundError`, which is a ``KeyError``, where there
        is none. What of it is read are :class:`Columns`; 0: payload and extensions.
        """
        return _fast.get(self._address, event_id, columns)

    def __contains__(self, event_id: AnyId | Record | Receipt) -> bool:
        """Whether there is an event of this id, or of that of a record: a look-up, which reads no
        payload.
        """
        wanted = event_id.id if isinstance(event_id, Record | Receipt) else event_id
        return _fast.contains(self._address, wanted)

    def by_origin(self, source_namespace: str, source_event_id: AnyId, columns: int = 0) -> Page:
        """Reads the events that have a name as their origin; :class:`NotFoundError` where there
        are none. The name of an event that was appended here is :attr:`Store.namespace` and its
        id; that of an imported one is in its provenance.

        There is one event of a name, and one more for each other content that was kept
        (``OnConflict.KEEP``); they come in the order in which they did.
        """
        return _fast.by_origin(self._address, source_namespace, source_event_id, columns)

    def query(self, **options: Unpack[QueryOptions]) -> Page:
        """Reads one page, which may be empty, of the events that the keywords select.

        To go on, set ``after`` (or ``until``, backward) to :attr:`Page.resume`, as a cursor does,
        unless :attr:`Page.is_end`.
        """
        given = Options("fbat_query", options)
        return _fast.query(self._address, address_of(given.pointer))

    def cursor(self, **options: Unpack[QueryOptions]) -> Cursor:
        """Iterates over the pages of a query."""
        return Cursor(self, **options)

    def records(self, **options: Unpack[QueryOptions]) -> Iterator[Record]:
        """Iterates over the events of a query, reading page after page: ``limit`` of them in all,
        ``page_rows`` at a time.
        """
        return itertools.chain.from_iterable(Cursor(self, **options))

    def __iter__(self) -> Iterator[Record]:
        return self.records()

    # ---- counting and listing -------------------------------------------------------------------

    def count(self, **options: Unpack[QueryOptions]) -> int:
        """How many events a query has: exact, and read from indexes, as far as that goes.

        Without keywords these are all events but the library's own.
        """
        given, out = Options("fbat_query", options), ffi.new("uint64_t *")
        call(lib.fbat_store_count, self._pointer, given.pointer, out)
        return int(out[0])

    def entities(self, **options: Unpack[ListOptions]) -> Iterator[Summary]:
        """Iterates over the entities in the order of their names, with what each has. Indexes are
        read for it, not the log.
        """
        return self._summaries(lib.fbat_store_entities, options)

    def scopes(self, **options: Unpack[ListOptions]) -> Iterator[Summary]:
        """Iterates over the scopes, as :meth:`entities` does. No keyword ``entity``."""
        return self._summaries(lib.fbat_store_scopes, options)

    def _summaries(self, read: Callable[..., int], options: ListOptions) -> Iterator[Summary]:
        """The rows of a list, a page at a time; the first is read at the call."""

        def page() -> CData:
            given, out = Options("fbat_list_options", options), ffi.new("fbat_summaries **")
            call(read, self._pointer, given.pointer, out)
            return ffi.gc(out[0], lib.fbat_summaries_free)

        def rows(summaries: CData) -> Iterator[Summary]:
            while True:
                for index in range(lib.fbat_summaries_len(summaries)):
                    row = Summary._of(lib.fbat_summaries_get(summaries, index))
                    options["after"] = row.name
                    yield row
                if lib.fbat_summaries_is_end(summaries):
                    return
                summaries = page()

        return rows(page())

    # ---- lineage --------------------------------------------------------------------------------

    def conflicts(self, *, after: int = 0, page_rows: int = 0) -> Iterator[Conflict]:
        """Iterates over the names that have two contents, in the order in which they were met:
        one for each event that ``OnConflict.KEEP`` has kept. ``after`` is the ``sequence`` of
        another; ``page_rows`` are read at a time, the first at the call.
        """

        def page(after: int) -> CData:
            out = ffi.new("fbat_conflicts **")
            given = [
                number(name, value, 0, _U64_MAX)
                for name, value in (("after", after), ("page_rows", page_rows))
            ]
            call(lib.fbat_store_conflicts, self._pointer, *given, out)
            return ffi.gc(out[0], lib.fbat_conflicts_free)

        def rows(conflicts: CData) -> Iterator[Conflict]:
            while True:
                last = after
                for index in range(lib.fbat_conflicts_len(conflicts)):
                    row = Conflict._of(lib.fbat_conflicts_get(conflicts, index))
                    last = row.sequence
                    yield row
                if lib.fbat_conflicts_is_end(conflicts):
                    return
                conflicts = page(last)

        return rows(page(after))

    def sources(self) -> list[Source]:
        """The stores that fed this one, from the records that imports leave: one for each store
        and each selection, in the order in which they first did.
        """
        out = ffi.new("fbat_sources **")
        call(lib.fbat_store_sources, self._pointer, out)
        sources = ffi.gc(out[0], lib.fbat_sources_free)
        count = lib.fbat_sources_len(sources)
        return [Source._of(lib.fbat_sources_get(sources, index)) for index in range(count)]

    # ---- sets -----------------------------------------------------------------------------------

    def set_digest(self, **region: Unpack[Region]) -> SetDigest:
        """What stands for the events of a region; without keywords, for all. Stores that hold the
        same events have equal digests, in whatever order.
        """
        given, out = Options("fbat_origins_options", region), struct("fbat_set_digest")
        call(lib.fbat_store_set_digest, self._pointer, given.pointer.region, out)
        return SetDigest._of(out)

    def origins(self, **options: Unpack[OriginsOptions]) -> Iterator[Origin]:
        """Iterates over the origins of events in the order of their namespaces."""

        def page() -> CData:
            given, out = Options("fbat_origins_options", options), ffi.new("fbat_origins **")
            call(lib.fbat_store_origins, self._pointer, given.pointer, out)
            return ffi.gc(out[0], lib.fbat_origins_free)

        def rows(origins: CData) -> Iterator[Origin]:
            while True:
                for index in range(lib.fbat_origins_len(origins)):
                    row = Origin._of(lib.fbat_origins_get(origins, index))
                    options["after"] = row.source_namespace
                    yield row
                if lib.fbat_origins_is_end(origins):
                    return
                origins = page()

        return rows(page())

    def diff(self, other: Store, **options: Unpack[DiffOptions]) -> Iterator[Difference]:
        """Iterates over the events that only this store has, or only the other one."""

        def page() -> CData:
            given, out = Options("fbat_diff_options", options), ffi.new("fbat_differences **")
            call(lib.fbat_store_diff, self._pointer, other._pointer, given.pointer, out)
            return ffi.gc(out[0], lib.fbat_differences_free)

        def rows(differences: CData) -> Iterator[Difference]:
            while True:
                for index in range(lib.fbat_differences_len(differences)):
                    row = Difference._of(lib.fbat_differences_get(differences, index))
                    options["after"] = row.position
                    yield row
                if lib.fbat_differences_is_end(differences):
                    return
                differences = page()

        return rows(page())

    # ---- import, verification, backup -----------------------------------------------------------

    def import_from(
        self,
        source: Store,
        source_namespace: str | None = None,
        **options: Unpack[ImportOptions],
    ) -> ImportReport:
        """Copies events of another store into this one, exactly once.

        Each event of the source that the keywords select comes to be here with a new sequence, an
        id made from the namespace and its id in the source, the rest as it was, and a record of
        where it came from. The namespace is the name of the source here, forever; without one it is
        :attr:`Store.namespace` of the source, which no other store has. An event that is here
        already is counted, not copied: importing again adds nothing, and an import that
        failed, was stopped, cancelled, or killed is completed by the next. What the source gains
        during the call is not part of it.

        A filter answers True to import an event, False to leave it out; None is a
        :class:`TypeError`, since a function that forgets to answer would leave out everything. What
        a callback raises comes out as it is. Whatever comes out, :func:`import_report_of` has what
        was committed before.
        """
        given = _import_options(source, source_namespace, options)
        report = struct("fbat_import_report")
        try:
            call(lib.fbat_import, self._pointer, source._pointer, given.pointer, report)
        except BaseException as exception:
            with contextlib.suppress(AttributeError):  # of an exception without a __dict__
                exception.import_report = ImportReport._of(report)  # type: ignore[attr-defined]
            raise
        return ImportReport._of(report)

    def plan_import(
        self,
        source: Store,
        source_namespace: str | None = None,
        **options: Unpack[ImportOptions],
    ) -> list[PlanRow]:
        """What :meth:`import_from` would bring, summed up by the name of the origin, by what the
        entity has before its first colon, and by kind. Nothing is appended; this store may be
        open for reading.
        """
        given = _import_options(source, source_namespace, options)
        out = ffi.new("fbat_plan **")
        call(lib.fbat_import_plan, self._pointer, source._pointer, given.pointer, out)
        plan = ffi.gc(out[0], lib.fbat_plan_free)
        return [PlanRow._of(lib.fbat_plan_get(plan, i)) for i in range(lib.fbat_plan_len(plan))]

    def verify(self, **options: Unpack[VerifyOptions]) -> tuple[VerifyReport, list[Finding]]:
        """Checks every checksum, hash, chain and index against the log; what was checked, and what
        is wrong.

        Damage is a finding, not an exception: a sound store has none. Others may use the store
        meanwhile.
        """
        given, report = Options("fbat_verify_options", options), struct("fbat_verify_report")
        out = ffi.new("fbat_findings **")
        call(lib.fbat_store_verify, self._pointer, given.pointer, report, out)
        return VerifyReport._of(report), _findings(out[0])

    def backup(self, destination: AnyPath, **options: Unpack[BackupOptions]) -> BackupReport:
        """Copies the store into an empty directory, or one to be made, while this handle's threads
        or another process write.

        The copy opens as it is, with the history up to a whole batch that was visible at the call
        or later. It has the same store id: who goes on appending to both calls
        :func:`fbat.new_identity`.
        """
        given, report = Options("fbat_backup_options", options), struct("fbat_backup_report")
        path = path_bytes(destination)
        call(lib.fbat_store_backup, self._pointer, path, given.pointer, report)
        return BackupReport._of(report)

    def compress(self, **options: Unpack[CompressOptions]) -> CompressReport:
        """Compresses files of the log that are full, oldest first: read, proven, imported and
        copied as before.

        Others may use the store meanwhile. What is compressed already is passed over.
        """
        given = Options("fbat_compress_options", options)
        report = struct("fbat_compress_report")
        call(lib.fbat_store_compress, self._pointer, given.pointer, report)
        return CompressReport._of(report)


def _import_options(source: Store, source_namespace: str | None, options: ImportOptions) -> Options:
    if not isinstance(source, Store):
        raise wrong_type("source", source, "a Store")
    if source_namespace is None:  # a store of the parent's, in a forked child, has none
        source_namespace = source.namespace or None
    return Options("fbat_import_options", {**options, "source_namespace": source_namespace})


class Cursor(Handle):
    """Iterates over the pages of a query. For one thread at a time.

    At the end the iteration stops. A forward cursor may be iterated again later: it goes on with
    what was appended since, and so follows the log.
    """

    __slots__ = ("_address", "_options", "_store")

    def __init__(self, store: Store, **options: Unpack[QueryOptions]) -> None:
        if not isinstance(store, Store):
            raise wrong_type("store", store, "a Store")
        self._store = store
        self._options = Options("fbat_query", options)  # each page calls its progress
        out = ffi.new("fbat_cursor **")
        call(lib.fbat_cursor_new, store._pointer, self._options.pointer, out)
        self._pointer = ffi.gc(out[0], lib.fbat_cursor_free)
        self._address = address_of(out[0])

    def next_page(self) -> Page | None:
        """The next page that has rows; None at the end."""
        return _fast.next_page(self._address)

    def wait(
        self,
        *,
        timeout: float | None = None,
        durable: bool = False,
        cancel: Cancel | None = None,
    ) -> Page | None:
        """The next page that has rows, as soon as there is one; None where none can come: backward,
        and where ``until`` or ``limit`` was reached.

        The keywords are those of :meth:`Store.wait`. With ``durable`` it reads durable events only.
        After a :class:`WaitTimeoutError` it may be asked again.
        """
        given = _wait_options(timeout, durable, cancel)
        return _fast.wait_page(self._address, address_of(given.pointer))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Page:
        page = self.next_page()
        if page is None:
            raise StopIteration
        return page


def import_report_of(exception: BaseException) -> ImportReport | None:
    """What an import had committed before this exception left it, whosever exception it is."""
    report = getattr(exception, "import_report", None)
    return report if isinstance(report, ImportReport) else None


def repair(
    damaged_path: AnyPath, new_path: AnyPath, **options: Unpack[RepairOptions]
) -> tuple[RepairReport, list[Finding]]:
    """Puts every event of a damaged store that proves itself into a new store beside it; what was
    kept, and what is wrong.

    Every event that is kept has the sequence, id, version, times and hashes that it had. What is
    lost is a finding, and declared in the new log. No file of the damaged store is changed, and it
    need not be one that opens.
    """
    given, report = Options("fbat_repair_options", options), struct("fbat_repair_report")
    paths, out = (path_bytes(damaged_path), path_bytes(new_path)), ffi.new("fbat_findings **")
    call(lib.fbat_repair, *paths, given.pointer, report, out)
    return RepairReport._of(report), _findings(out[0])


def new_identity(path: AnyPath) -> Id:
    """Gives the store in a directory a new random store id, and with it a native namespace of its
    own, and answers it.

    For a directory that was copied, which is a second store under the name of the first. The store
    must not be open for writing. Nothing that is in the log changes.
    """
    out = ffi.new("fbat_id *")
    call(lib.fbat_new_identity, path_bytes(path), out)
    return Id.of(out)


def _findings(pointer: CData) -> list[Finding]:
    findings = ffi.gc(pointer, lib.fbat_findings_free)
    indices = range(lib.fbat_findings_len(findings))
    return [Finding._of(lib.fbat_findings_get(findings, index)) for index in indices]


def _deadline(timeout: float | None) -> float:
    """Until when to wait."""
    return 0 if timeout is None else time.monotonic() + _seconds(timeout)


def _seconds(timeout: float) -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise wrong_type("timeout", timeout, "a number of seconds")
    if not timeout >= 0:
        raise refused("timeout", timeout, "0 or more seconds")
    return timeout


def _wait_options(timeout: float | None, durable: bool, cancel: Cancel | None) -> Options:
    """How to wait."""
    seconds = _FOR_EVER if timeout is None else min(_seconds(timeout), _FOR_EVER)
    flags, ms = lib.FBAT_WAIT_DURABLE if durable else 0, 0
    if seconds < _FOR_EVER:
        flags, ms = flags | lib.FBAT_WAIT_HAS_TIMEOUT, math.ceil(1000 * seconds)
    return Options("fbat_wait_options", {"timeout_ms": ms, "flags": flags, "cancel": cancel})


def _check_forward(options: QueryOptions) -> None:
    flags = options.get("flags") or QueryFlags(0)
    if isinstance(flags, int) and flags & QueryFlags.BACKWARD:
        raise refused("flags", flags, "forward, as what is followed is")


_fast.use(
    (Id, Hash, Record, Receipt, Page),
    raised_by,
    to_us,
    {name: address_of(ffi.addressof(lib, name)) for name in _fast.CALLED},
    threading.main_thread().ident or 0,
)
