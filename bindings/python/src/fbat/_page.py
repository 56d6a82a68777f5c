"""What an append answers, and events read back: views of the library's structs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, overload

from fbat import _fast
from fbat._enums import ReceiptFlags, RecordFlags
from fbat._handle import Handle, struct
from fbat._native import ffi, lib
from fbat._provenance import Provenance
from fbat._region import to_datetime

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from fbat._native import CData

__all__ = ["Page", "Receipt", "Record"]


def _names(view: type) -> tuple[str, ...]:
    return tuple(name for name in vars(view) if name[0] != "_")


class _View:
    """What receipts and records have in common."""

    __slots__ = ()
    _names: ClassVar[tuple[str, ...]]

    def as_dict(self) -> dict[str, Any]:
        """All members by their names, as values that are independent of the view."""
        return {name: getattr(self, name) for name in self._names}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _View) or type(other) is not type(self):
            return NotImplemented
        return self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        view: Any = self
        return hash((view.id, view.sequence))

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={value!r}" for name, value in self.as_dict().items())
        return f"{type(self).__name__}({members})"


class Receipt(_fast.ReceiptView, _View):
    """What an append answers for an event. Made by the library only, and immutable.

    The receipts of a batch share one piece of memory, which lives as long as any of them.
    """

    __slots__ = ()
    _names = _names(_fast.ReceiptView)

    @property
    def replayed(self) -> bool:
        """The key was there already, with the same content: the answer of the first append."""
        return bool(self.flags & ReceiptFlags.REPLAYED)

    @property
    def durable(self) -> bool:
        """The event is known to be on the disk."""
        return bool(self.flags & ReceiptFlags.DURABLE)

    @property
    def timestamp(self) -> datetime.datetime:
        """The event's time, in UTC."""
        return to_datetime(self.timestamp_us)

    @property
    def recorded(self) -> datetime.datetime:
        """When this store wrote it, in UTC."""
        return to_datetime(self.recorded_us)

    @property
    def imported(self) -> bool:
        """The event came from another store."""
        return bool(self.flags & ReceiptFlags.IMPORTED)


class Record(_fast.RecordView, _View):
    """An event as a reader sees it. Made by the library only, and immutable.

    A record holds the page that it came with, so that reading a member costs no more than making
    its value; keep :meth:`as_dict` where a few records of many pages are kept. A record that is
    given to a filter is of no use after the filter returned.
    """

    __slots__ = ()
    _names = _names(_fast.RecordView)

    @property
    def timestamp(self) -> datetime.datetime:
        """The event's time, in UTC."""
        return to_datetime(self.timestamp_us)

    @property
    def recorded(self) -> datetime.datetime:
        """When this store wrote it, in UTC."""
        return to_datetime(self.recorded_us)

    @property
    def imported(self) -> bool:
        """The event was imported."""
        return bool(self.record_flags & RecordFlags.IMPORTED)

    def provenance(self) -> Provenance | None:
        """Where the event came from; None where it was not imported.

        Raises :class:`CorruptError` or :class:`UnsupportedError` where that can't be read.
        """
        record, out = _fast.address(self), struct("fbat_provenance")
        if lib.fbat_record_provenance(ffi.cast("const fbat_record *", record), out):
            return Provenance._of(out)
        if self.record_flags & RecordFlags.PROVENANCE_UNREADABLE:
            return Provenance.from_extension(self.raw_provenance or b"")  # says why
        return None


class Page(Handle, Sequence[Record]):
    """Records that were read at once, and where to go on. Outlives its store."""

    __slots__ = ("_records",)

    def __init__(self, pointer: CData) -> None:
        self._pointer = page = ffi.gc(pointer, lib.fbat_page_free)
        first = int(ffi.cast("uintptr_t", lib.fbat_page_rows(page)))
        self._records = _fast.rows(Record, page, first, lib.fbat_page_len(page))

    @property
    def resume(self) -> int:
        """Where to go on: the ``after`` (forward) or ``until`` (backward) of the next page."""
        return lib.fbat_page_resume(self._pointer)

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
        end = ", end" if self.is_end else ""
        return f"<fbat.Page of {len(self)} records, resume {self.resume}{end}>"
