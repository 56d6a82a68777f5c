"""Which events are meant, until when a call goes on, and times between C and ``datetime``."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Final, TypedDict

from fbat._error import check, error_of
from fbat._handle import Handle
from fbat._native import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from fbat._follow import News

__all__ = ["Cancel", "Region", "to_datetime", "to_us"]

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)

Time = int | datetime.datetime


def to_datetime(us: int) -> datetime.datetime:
    """The time of so many microseconds since 1970, as an aware datetime in UTC."""
    return _EPOCH + datetime.timedelta(microseconds=us)


def to_us(time: datetime.datetime) -> int:
    """Microseconds since 1970 of an aware datetime. A naive one is refused: nobody knows what it
    means.
    """
    if not isinstance(time, datetime.datetime):
        raise TypeError(f"time is {type(time).__name__}, not a datetime")
    if time.tzinfo is None:
        raise ValueError("a datetime without a time zone is no point in time")
    return (time - _EPOCH) // _MICROSECOND


class Region(TypedDict, total=False):
    """Which events are meant, as keywords of every call that selects events. All that are given
    must hold; none is every event. Ranges include both their ends; None is no bound.

    To give the same region to several calls: ``where = Region(entity="e")``, then ``**where``.

    - ``entity``: This entity and every one below it: ``e`` takes in ``e`` and ``e:x``.
    - ``scope``: This very scope, or one of several, at most 1,024.
    - ``kind``: This very kind, or one of several.
    - ``category``: All kinds of this category, 0 to 15, or of several. With ``kind``, either will
      do.
    - ``versions``: The first and the last version of its entity that an event has.
    - ``timestamps``: The first and the last time of an event: an aware datetime, or microseconds
      since 1970.
    - ``recorded``: The first and the last time at which the store wrote an event.
    """

    entity: str | None
    scope: str | Iterable[str] | None
    kind: int | Iterable[int] | None
    category: int | Iterable[int] | None
    versions: tuple[int | None, int | None] | None
    timestamps: tuple[Time | None, Time | None] | None
    recorded: tuple[Time | None, Time | None] | None


class Cancel(Handle):
    """Ends the calls that carry it, from any thread.

    Once triggered it stays so: make one for each call, or for each group of calls that are to end
    together.
    """

    __slots__ = ("_told",)
    _told: list[News]

    def __new__(cls, *_: object, **__: object) -> Self:
        self = super().__new__(cls)
        self._told = []  # what tasks wait for that are to see that it was triggered
        return self

    def __init__(self) -> None:
        token = lib.fbat_cancel_new()
        if token == ffi.NULL:
            raise error_of(lib.FBAT_ERR_LIMIT_EXCEEDED)
        self._pointer = ffi.gc(token, lib.fbat_cancel_free)

    def trigger(self) -> None:
        """Calls that carry this token end with :class:`CancelledError`."""
        check(lib.fbat_cancel_trigger(self._pointer))
        for news in self._told.copy():
            news.wake()

    @property
    def is_triggered(self) -> bool:
        """Whether it was triggered."""
        return lib.fbat_cancel_is_triggered(self._pointer)
