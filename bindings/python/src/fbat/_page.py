"""Events read back: records, and pages of them."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from fbat import _fast
from fbat._error import Detail
from fbat._handle import Handle, owned
from fbat._native import ffi, lib
from fbat._provenance import Provenance
from fbat._time import to_datetime

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from fbat._native import CData


class Columns(enum.IntFlag):
    """What to read of each event beside the rest."""

    NONE = 0
    """Nothing."""
    PAYLOAD = lib.FBAT_COLUMN_PAYLOAD
    """The payload."""
    EXTENSIONS = lib.FBAT_COLUMN_EXTENSIONS
    """The extensions, the provenance of imported events among them."""
    PREVIOUS_HASH = lib.FBAT_COLUMN_PREVIOUS_HASH
    """The hash of the entity's event before. Costs one more look-up for each event."""


class RecordFlags(enum.IntFlag):
    """What is known of a record."""

    IMPORTED = lib.FBAT_RECORD_IMPORTED
    """The event was imported."""
    HAS_PREVIOUS_HASH = lib.FBAT_RECORD_HAS_PREVIOUS_HASH
    """``previous_hash`` is filled in."""
    PROVENANCE_UNREADABLE = lib.FBAT_RECORD_PROVENANCE_UNREADABLE
    """The event was imported, but its provenance can't be read; :meth:`Record.provenance` says why."""


class Record(_fast.RecordView):
    """An event as a reader sees it. Made by the library only, and immutable.

    A record holds the page that it came with, so that reading a member costs no more than making its value; keep
    :meth:`as_dict` where a few records of many pages are kept. A record that is given to a filter is of no use after
    the filter returned.
    """

    __slots__ = ()

    @property
    def imported(self) -> bool:
        """The event was imported."""
        return bool(self.record_flags & RecordFlags.IMPORTED)

    @property
    def timestamp(self) -> datetime.datetime:
        """The event's time, in UTC."""
        return to_datetime(self.timestamp_us)

    @property
    def recorded(self) -> datetime.datetime:
        """When this store wrote it, in UTC."""
        return to_datetime(self.recorded_us)

    def provenance(self) -> Provenance | None:
        """Where the event came from; None where it was not imported.

        Raises :class:`CorruptError` or :class:`UnsupportedError` where the provenance can't be read.
        """
        out = ffi.new("fbat_provenance **")
        with Detail() as err:
            record = ffi.cast("const fbat_record *", _fast.address(self))
            err.check(lib.fbat_record_provenance(record, out, err.out))
        return Provenance._adopt(out[0])

    def as_dict(self) -> dict[str, Any]:
        """All members by their names, as values that are independent of the page."""
        return {name: getattr(self, name) for name in _RECORD_MEMBERS}

    def __eq__(self, other: object) -> bool:
        return self.as_dict() == other.as_dict() if isinstance(other, Record) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.id, self.sequence))

    def __repr__(self) -> str:
        return f"Record({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"


_RECORD_MEMBERS = (
    "id", "sequence", "entity", "scope", "kind", "payload_version", "flags", "record_flags", "version", "timestamp_us",
    "recorded_us", "correlation", "causation", "payload", "payload_size", "extensions", "content_hash", "event_hash",
    "previous_hash", "source_namespace", "source_event_id", "source_sequence", "raw_provenance",
)  # fmt: skip


class Page(Handle, Sequence[Record]):
    """Records that were read at once, and where to go on. Outlives its store."""

    __slots__ = ("_records",)

    def __init__(self, pointer: CData) -> None:
        self._pointer = page = owned(pointer, lib.fbat_page_free)
        address = int(ffi.cast("uintptr_t", lib.fbat_page_rows(page)))
        self._records: list[Record] = _fast.rows(Record, page, address, lib.fbat_page_len(page))

    @property
    def next(self) -> int:
        """Where to go on: what to set as ``after`` (forward) or ``until`` (backward) for the next page."""
        return lib.fbat_page_next(self._pointer)

    @property
    def is_end(self) -> bool:
        """Nothing more was there when the page was read."""
        return lib.fbat_page_is_end(self._pointer)

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        return self._records[index]

    def __repr__(self) -> str:
        return f"<fbat.Page of {len(self)} records, next {self.next}{', end' if self.is_end else ''}>"
