"""Times are whole microseconds since 1970 in UTC, before it negative; this is between them and ``datetime``."""

from __future__ import annotations

import datetime
from typing import Final

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)


def to_datetime(us: int) -> datetime.datetime:
    """The time of so many microseconds since 1970, as an aware datetime in UTC."""
    return _EPOCH + datetime.timedelta(microseconds=us)


def to_us(time: datetime.datetime) -> int:
    """Microseconds since 1970 of an aware datetime. A naive one is refused: nobody knows what it means."""
    if not isinstance(time, datetime.datetime):
        raise TypeError(f"time is {type(time).__name__}, not a datetime")
    if time.tzinfo is None:
        raise ValueError("a datetime without a time zone is no point in time")
    return (time - _EPOCH) // _MICROSECOND
