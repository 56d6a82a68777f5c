"""Stores: opening, closing, and what there is to know about one; its methods lead to everything else."""

from __future__ import annotations

import dataclasses
import enum
import itertools
import os
import warnings
from typing import TYPE_CHECKING, Final, Literal, TypedDict, overload

from fbat import _copy, _fast, _import, _verify
from fbat._append import Event, Receipt
from fbat._argument import check_instance, set_number, set_text, text_bytes, u32, wrong_type
from fbat._copy import AnyPath, BackupFlags, BackupReport
from fbat._error import Detail, bytes_of, error_of, path_of, text_of
from fbat._handle import Handle, members, owned, struct
from fbat._id import Hash, Id, path_bytes
from fbat._import import ImportOptions, ImportParts, ImportReport
from fbat._native import ffi, lib
from fbat._page import Columns, Page, Record
from fbat._provenance import Provenance
from fbat._query import Cursor, Query, QueryParts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self, Unpack

    from fbat._native import CData
    from fbat._verify import VerifyReport


class OpenMode(enum.IntEnum):
    """Which stores are accepted."""

    CREATE_IF_MISSING = lib.FBAT_OPEN_CREATE_IF_MISSING
    """Opens the store for writing, or makes a new one."""
    MUST_EXIST = lib.FBAT_OPEN_MUST_EXIST
    """Opens for writing; the store must be there."""
    MUST_BE_NEW = lib.FBAT_OPEN_MUST_BE_NEW
    """Makes a new store; none may be there."""
    READ_ONLY = lib.FBAT_OPEN_READ_ONLY
    """Opens for reading; takes no lock and changes nothing. Works while another process writes."""


class Durability(enum.IntEnum):
    """When an append returns."""

    DURABLE = lib.FBAT_DURABILITY_DURABLE
    """When its events are on the disk. Concurrent callers share a sync."""
    OS = lib.FBAT_DURABILITY_OS
    """When the operating system has its events: they survive a killed process, not a power cut.
    :meth:`Store.sync` makes them durable."""


class OpenReportFlags(enum.IntFlag):
    """What opening found."""

    CREATED = lib.FBAT_OPEN_REPORT_CREATED
    """Opening made the store."""
    UNCLEAN = lib.FBAT_OPEN_REPORT_UNCLEAN
    """The last writer did not close the store."""


@dataclasses.dataclass(frozen=True, slots=True)
class Frontier:
    """What the log goes up to: the value 1 is the event that every store starts with.

    - ``visible``: The highest sequence that readers may see.
    - ``durable``: The highest sequence that is known to have reached the disk.
    """

    visible: int
    durable: int


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """The newest event of an entity.

    - ``version``: How many events the entity has.
    - ``sequence``: The event's global sequence.
    - ``event_id``: The event's id.
    - ``event_hash``: The event's hash.
    """

    version: int
    sequence: int
    event_id: Id
    event_hash: Hash


@dataclasses.dataclass(frozen=True, slots=True)
class Stats:
    """Figures about a store.

    - ``events``: Events in the log, the library's own included.
    - ``segments``: Files that the log consists of.
    - ``log_bytes``: Size of the log on disk, in bytes.
    - ``index_bytes``: Size of its indexes on disk, in bytes.
    - ``unindexed_events``: Events that are indexed in memory only, so far.
    - ``memory_bytes``: Memory that the store's tables take, in bytes.
    """

    events: int
    segments: int
    log_bytes: int
    index_bytes: int
    unindexed_events: int
    memory_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class OpenReport:
    """What opening found and did.

    - ``flags``: What opening found.
    - ``dropped_bytes``: Size of a torn tail that was cut off, in bytes; 0 when there was none.
    - ``dropped_offset``: Where it began in its file.
    - ``dropped_path``: That file.
    - ``dropped_batches``: Whole batches behind the hole that were dropped with it.
    - ``dropped_events``: The events of those batches.
    - ``gap_first``: The first of the sequences that were jumped because somebody may have seen them; 0: none were.
    - ``gap_last``: The last of them.
    - ``indexes_rebuilt``: Indexes that were missing or damaged and were made anew.
    """

    flags: OpenReportFlags
    dropped_bytes: int
    dropped_offset: int
    dropped_path: str | None
    dropped_batches: int
    dropped_events: int
    gap_first: int
    gap_last: int
    indexes_rebuilt: int


_STATS: Final = tuple(field.name for field in dataclasses.fields(Stats))
_OPEN_REPORT: Final = tuple(
    field.name for field in dataclasses.fields(OpenReport) if field.name not in {"flags", "dropped_path"}
)
# A receipt to be filled in: its size, and zeros.
_RECEIPT: Final = bytes(ffi.buffer(struct("fbat_receipt")))


class OpenParts(TypedDict, total=False):
    """What :class:`OpenOptions` are made of, as keyword arguments."""

    mode: OpenMode | int
    durability: Durability | int
    label: str
    payload_bytes_max: int
    batch_events_max: int
    batch_bytes_max: int
    segment_bytes: int


class OpenOptions(Handle):
    """How to open a store. May be read by any number of threads at once, and be changed by one at a time."""

    __slots__ = ()

    def __init__(
        self,
        *,
        mode: OpenMode | int = OpenMode.CREATE_IF_MISSING,
        durability: Durability | int = Durability.DURABLE,
        label: str = "",
        payload_bytes_max: int | None = None,
        batch_events_max: int | None = None,
        batch_bytes_max: int | None = None,
        segment_bytes: int | None = None,
    ) -> None:
        self._pointer = owned(lib.fbat_open_options_new(), lib.fbat_open_options_free)
        self.mode = mode
        self.durability = durability
        self.label = label
        if payload_bytes_max is not None:
            self.payload_bytes_max = payload_bytes_max
        if batch_events_max is not None:
            self.batch_events_max = batch_events_max
        if batch_bytes_max is not None:
            self.batch_bytes_max = batch_bytes_max
        if segment_bytes is not None:
            self.segment_bytes = segment_bytes

    @property
    def mode(self) -> OpenMode:
        """Which stores are accepted."""
        return OpenMode(lib.fbat_open_options_get_mode(self._pointer))

    @mode.setter
    def mode(self, value: OpenMode | int) -> None:
        set_number(lib.fbat_open_options_set_mode, self._pointer, "mode", value, "an OpenMode")

    @property
    def durability(self) -> Durability:
        """When an append returns."""
        return Durability(lib.fbat_open_options_get_durability(self._pointer))

    @durability.setter
    def durability(self, value: Durability | int) -> None:
        set_number(lib.fbat_open_options_set_durability, self._pointer, "durability", value, "a Durability")

    @property
    def label(self) -> str:
        """A label for people, which a new store keeps; at most 1024 bytes of UTF-8. It is no identity."""
        return text_of(lib.fbat_open_options_get_label(self._pointer))

    @label.setter
    def label(self, value: str) -> None:
        set_text(
            lib.fbat_open_options_set_label, self._pointer, "label", value, "at most 1024 bytes of UTF-8 without a NUL"
        )

    @property
    def payload_bytes_max(self) -> int:
        """The limit on the payload of one event: 1 to 33,554,432 (32 MiB), which is the default."""
        return lib.fbat_open_options_get_payload_bytes_max(self._pointer)

    @payload_bytes_max.setter
    def payload_bytes_max(self, value: int) -> None:
        set_number(
            lib.fbat_open_options_set_payload_bytes_max, self._pointer, "payload_bytes_max", value, "1 to 33554432"
        )

    @property
    def batch_events_max(self) -> int:
        """The limit on the events of one batch: 1 to 65,536, which is the default."""
        return lib.fbat_open_options_get_batch_events_max(self._pointer)

    @batch_events_max.setter
    def batch_events_max(self, value: int) -> None:
        set_number(lib.fbat_open_options_set_batch_events_max, self._pointer, "batch_events_max", value, "1 to 65536")

    @property
    def batch_bytes_max(self) -> int:
        """The limit on the bytes of one batch (payloads, extensions, entities and scopes): 64 MiB at most, and by
        default.
        """
        return lib.fbat_open_options_get_batch_bytes_max(self._pointer)

    @batch_bytes_max.setter
    def batch_bytes_max(self, value: int) -> None:
        set_number(lib.fbat_open_options_set_batch_bytes_max, self._pointer, "batch_bytes_max", value, "1 to 67108864")

    @property
    def segment_bytes(self) -> int:
        """At which size a file of the log is sealed and a new one begun: 64 KiB to 1 GiB; the default is 64 MiB."""
        return lib.fbat_open_options_get_segment_bytes(self._pointer)

    @segment_bytes.setter
    def segment_bytes(self, value: int) -> None:
        set_number(
            lib.fbat_open_options_set_segment_bytes, self._pointer, "segment_bytes", value, "65536 to 1073741824"
        )


def set_mapped_reads(mapped: bool) -> None:
    """Says how small parts of files are read from now on, in the whole process: from memory that the files are mapped
    to, which is the default and several times as fast, or by system calls.

    Mapping puts a handler for SIGBUS in place, once. ``False`` before the first store is opened: none is put in place.
    """
    lib.fbat_set_mapped_reads(mapped)


class Store(Handle):
    """An open store: a context manager that closes it, and an iterable of all its events.

    At most one handle in all processes has a store open for writing; readers are not limited. Any number of threads may
    use a store at once, and any thread may close it. The interpreter's lock is released in every call.
    """

    __slots__ = ("__weakref__", "_closed")

    def __init__(self, path: AnyPath, /, options: OpenOptions | None = None, **parts: Unpack[OpenParts]) -> None:
        """Opens the store in a directory, which a new store makes, but not what is above it.

        ``Store(path, mode=..., durability=...)`` has the parts of :class:`OpenOptions`.
        """
        self._closed = True  # until it is open, for __del__
        if options is None:
            options = OpenOptions(**parts)
        elif parts:
            raise TypeError("either options or their parts")
        else:
            check_instance("options", options, OpenOptions)
        out = ffi.new("fbat_store **")
        with Detail() as err:
            err.check(lib.fbat_store_open(path_bytes(path), options._pointer, out, err.out))
        self._pointer = owned(out[0], lib.fbat_store_free)
        self._closed = False

    def close(self) -> None:
        """Makes what was written durable, releases the directory, and ends all use of the store.

        Calls of other threads end with :class:`ClosedError`. A failure to write is raised, and the store is closed all
        the same. Closing a closed store does nothing. :class:`BusyError`: this thread is inside a callback of an import
        that uses the store, which stays open.
        """
        with Detail() as err:
            status = lib.fbat_store_close(self._pointer, err.out)
            self._closed = status != lib.FBAT_ERR_BUSY
            err.check(status)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def __enter__(self) -> Self:
        if self._closed:
            raise error_of(lib.FBAT_ERR_CLOSED)  # now, and not when the block gets to its first call
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._closed:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        return f"<fbat.Store {'closed ' if self._closed else ''}at {self.path!r}>"

    # ---- what there is to know ----------------------------------------------------------------------------------

    def sync(self) -> Frontier:
        """Makes everything that is visible durable, and answers with the frontier after it."""
        out = struct("fbat_frontier")
        with Detail() as err:
            err.check(lib.fbat_store_sync(self._pointer, out, err.out))
        return Frontier(out.visible, out.durable)

    def frontier(self) -> Frontier:
        """How far the log goes."""
        out = struct("fbat_frontier")
        with Detail() as err:
            err.check(lib.fbat_store_frontier(self._pointer, out, err.out))
        return Frontier(out.visible, out.durable)

    def head(self, entity: str) -> Head:
        """The newest event of an entity; :class:`NotFoundError` where it has none."""
        raw, out = text_bytes("entity", entity), struct("fbat_head")
        with Detail() as err:
            err.check(lib.fbat_store_head(self._pointer, raw, len(raw), out, err.out))
        return Head(out.version, out.sequence, Id(bytes(out.event_id.bytes)), Hash(bytes(out.event_hash.bytes)))

    def stats(self) -> Stats:
        """Figures about the store."""
        out = struct("fbat_stats")
        with Detail() as err:
            err.check(lib.fbat_store_stats(self._pointer, out, err.out))
        return Stats(**members(out, _STATS))

    def log_hash(self) -> Hash:
        """The log hash at the visible frontier: one value that stands for the whole history.

        Two stores with the same log hash have the same events in the same order.
        """
        out = ffi.new("fbat_hash *")
        with Detail() as err:
            err.check(lib.fbat_store_log_hash(self._pointer, out, err.out))
        return Hash(bytes(out.bytes))

    @property
    def open_report(self) -> OpenReport:
        """What opening found and did. Works for a closed store too, as everything below."""
        out = struct("fbat_open_report")
        with Detail() as err:
            err.check(lib.fbat_store_open_report(self._pointer, out, err.out))
        path = bytes_of(out.dropped_path)
        dropped_path = None if path is None else os.fsdecode(path)
        return OpenReport(OpenReportFlags(out.flags), dropped_path=dropped_path, **members(out, _OPEN_REPORT))

    @property
    def id(self) -> Id:
        """The random number that the store was given when it was made, or by :func:`fbat.new_identity` since."""
        return Id(bytes(lib.fbat_store_id(self._pointer).bytes))

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

    # ---- appending ----------------------------------------------------------------------------------------------

    def append(self, event: Event) -> Receipt:
        """Appends one event. It is in the store when this returns, now or since an earlier call with its key."""
        batch = _fast.Batch((event,))
        receipts = _receipts(1)
        with Detail() as err:
            events = ffi.cast("const fbat_event *", batch.address)
            err.check(lib.fbat_append(self._pointer, events, receipts, err.out))
        return _views(receipts)[0]

    @overload
    def append_batch(self, events: Iterable[Event], *, receipts: Literal[True] = True) -> list[Receipt]: ...
    @overload
    def append_batch(self, events: Iterable[Event], *, receipts: Literal[False]) -> None: ...
    def append_batch(self, events: Iterable[Event], *, receipts: bool = True) -> list[Receipt] | None:
        """Appends all of the events, at most 65,536, or none of them; the receipts come in the same order.

        Everything is checked before any work. :attr:`Error.item` names the event at fault.
        """
        batch = _fast.Batch(events)
        out = _receipts(len(batch)) if receipts else ffi.NULL
        with Detail() as err:
            array = ffi.cast("const fbat_event *", batch.address)
            err.check(lib.fbat_append_batch(self._pointer, array, len(batch), out, err.out))
        return _views(out) if receipts else None

    # ---- reading ------------------------------------------------------------------------------------------------

    def get(self, event_id: Id, columns: Columns | int = Columns.PAYLOAD | Columns.EXTENSIONS) -> Record:
        """Reads one event by its id; :class:`NotFoundError`, which is a ``KeyError``, where there is none."""
        out = ffi.new("fbat_page **")
        with Detail() as err:
            event = ffi.new("fbat_id *", (Id(event_id),))
            err.check(lib.fbat_event_get(self._pointer, event, u32("columns", columns), out, err.out))
        return Page(out[0])[0]

    def query(self, query: Query | None = None, /, **parts: Unpack[QueryParts]) -> Page:
        """Reads one page, which may be empty; all events without a query.

        ``store.query(entity=..., limit=...)`` has the parts of :class:`Query`. To go on, set ``after`` (or ``until``,
        backward) to :attr:`Page.next`, as a cursor does, unless :attr:`Page.is_end`.
        """
        selected, out = _query(query, parts), ffi.new("fbat_page **")
        with Detail() as err:
            err.check(lib.fbat_store_query(self._pointer, selected._pointer if selected else ffi.NULL, out, err.out))
        return Page(out[0])

    def cursor(self, query: Query | None = None, /, **parts: Unpack[QueryParts]) -> Cursor:
        """Iterates over the pages of a query, which is copied."""
        return Cursor(self, _query(query, parts))

    def records(self, query: Query | None = None, /, **parts: Unpack[QueryParts]) -> Iterator[Record]:
        """Iterates over the events of a query, reading page after page."""
        return itertools.chain.from_iterable(self.cursor(query, **parts))

    def __iter__(self) -> Iterator[Record]:
        return self.records()

    def provenance(self, event_id: Id) -> Provenance | None:
        """Where an event came from; None where it was not imported.

        Raises :class:`NotFoundError` where there is no such event, and :class:`CorruptError` or
        :class:`UnsupportedError` where its provenance can't be read.
        """
        out = ffi.new("fbat_provenance **")
        with Detail() as err:
            event = ffi.new("fbat_id *", (Id(event_id),))
            err.check(lib.fbat_event_provenance(self._pointer, event, out, err.out))
        return Provenance._adopt(out[0])

    # ---- import, verification, copies ---------------------------------------------------------------------------

    def import_from(self, source: Store, options: ImportOptions | str, /, **parts: Unpack[ImportParts]) -> ImportReport:
        """Copies events of another store into this one, exactly once.

        ``store.import_from(source, namespace, filter=...)`` has the parts of :class:`ImportOptions`. Each event of the
        source that they select comes to be here with a new sequence, an id made from the namespace and its id in the
        source, the rest as it was, and a record of where it came from. An event that is here already is counted, not
        copied: importing again adds nothing, and an import that failed, was stopped, cancelled, or killed is completed
        by the next. What the source gains during the call is not part of it.

        What a callback raises comes out as it is. Whatever comes out, :func:`import_report_of` has what was committed
        before. On the main thread Ctrl-C ends an import: at once where there is no callback, else when one returns.
        """
        if isinstance(options, str):
            options = ImportOptions(options, **parts)
        elif parts:
            raise TypeError("either options or a namespace and their parts")
        elif not isinstance(options, ImportOptions):
            raise wrong_type("options", options, "a namespace or an ImportOptions")
        check_instance("source", source, Store)
        return _import.import_events(self, source, options)

    def verify(self) -> VerifyReport:
        """Walks the whole store and checks every checksum, hash, chain and index against the log.

        Damage is a finding, not an exception: a sound store has none. Others may use the store meanwhile.
        """
        return _verify.verify(self)

    def backup(self, destination: AnyPath, flags: BackupFlags | int = BackupFlags.NONE) -> BackupReport:
        """Copies the store into an empty directory, or one to be made, while this handle's threads or another process
        write.

        The copy opens as it is, with the history up to a whole batch that was visible at the call or later. It has the
        same store id: who goes on appending to both calls :func:`fbat.new_identity`.
        """
        return _copy.backup(self, destination, flags)


def _query(query: Query | None, parts: QueryParts) -> Query | None:
    if query is None:
        return Query(**parts) if parts else None
    if parts:
        raise TypeError("either a query or its parts")
    check_instance("query", query, Query)
    return query


def _receipts(count: int) -> CData:
    """An array of receipts to be filled in: zeros but for their sizes, which is quicker to repeat than to set."""
    receipts = ffi.new("fbat_receipt[]", count)
    ffi.memmove(receipts, _RECEIPT * count, len(_RECEIPT) * count)
    return receipts


def _views(receipts: CData) -> list[Receipt]:
    return _fast.rows(Receipt, receipts, int(ffi.cast("uintptr_t", receipts)), len(receipts))
