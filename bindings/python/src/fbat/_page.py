"""What an append answers, and events read back: views of the library's structs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, overload

from fbat import _fast
from fbat._enums import ReceiptFlags, RecordFlags
from fbat._handle import struct
from fbat._native import ffi, lib
from fbat._provenance import Provenance
from fbat._region import to_datetime

if TYPE_CHECKING:
    import datetime
    from typing import Self

__all__ = ["Page", "Receipt", "Record"]


class _View:
    """What receipts and records have in common."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """All members by their names."""
        raise NotImplementedError  # the views in C have it

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

    def __copy__(self) -> Self:
        return self if isinstance(self, Receipt) else self.__deepcopy__()

    def __deepcopy__(self, _: object = None) -> Self:
        made: Self = _fast.restore(type(self), self.as_dict())  # type: ignore[type-var]
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _fast.restore, (type(self), self.as_dict())


class Receipt(_fast.ReceiptView, _View):
    """What an append answers for an event. Made by the library only, and immutable."""

    __slots__ = ()

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

    Members are made when they are asked for. A record may be kept: when its page goes, or the
    filter that it was given to returns, it becomes a copy, and keeps nothing else alive.
    """

    __slots__ = ()

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


class Page(_fast.PageView, Sequence[Record]):
    """Records that were read at once, and where to go on. Outlives its store."""

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int, /) -> Record: ...
        @overload
        def __getitem__(self, index: slice, /) -> list[Record]: ...
        def __getitem__(self, index: int | slice, /) -> Record | list[Record]: ...

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Page can't be copied or pickled; list(page) can")

    def __repr__(self) -> str:
        end = ", end" if self.is_end else ""
        return f"<fbat.Page of {len(self)} records, resume {self.resume}{end}>"
