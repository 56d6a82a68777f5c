"""Events to append, and what an append answers."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Any

from fbat import _fast
from fbat._native import lib
from fbat._time import to_datetime

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping

    from typing_extensions import Buffer

    from fbat._id import Id


class Expect(enum.IntEnum):
    """What is expected of an entity before an event is appended to it."""

    ANY = lib.FBAT_EXPECT_ANY
    """Nothing."""
    ABSENT = lib.FBAT_EXPECT_ABSENT
    """It has no events."""
    PRESENT = lib.FBAT_EXPECT_PRESENT
    """It has at least one event."""
    VERSION = lib.FBAT_EXPECT_VERSION
    """It has exactly ``expected_version`` events."""


class ReceiptFlags(enum.IntFlag):
    """What is known of an appended event."""

    REPLAYED = lib.FBAT_RECEIPT_REPLAYED
    """The key was there already, with the same content: this is the answer of the first append."""
    DURABLE = lib.FBAT_RECEIPT_DURABLE
    """The event is known to be on the disk."""
    IMPORTED = lib.FBAT_RECEIPT_IMPORTED
    """The event came from another store."""


@dataclasses.dataclass(slots=True)
class Event:
    """An event to append. Entity, scope and kind have to be given; the rest has defaults.

    - ``entity``: What the event is about: 1 to 1024 bytes of UTF-8, no control characters, ``/``, ``..``, ``|`` or
      ``=``. ``e:x`` lies below ``e``.
    - ``scope``: Whose event it is, as the caller divides them: a tenant, a service. Same rules as ``entity``.
    - ``kind``: What sort of event, see :func:`fbat.kind`: category in the top 4 bits (not 0x0 nor 0xD), type in the low
      12.
    - ``payload``: Any bytes-like object; at most 32 MiB. It is not copied before the library reads it.
    - ``payload_version``: Which version of its payload's schema: the caller's own, kept as it is; 16 bits.
    - ``flags``: The caller's own, every bit of 32; kept as they are.
    - ``key``: Idempotency key, which becomes the event's id, see :func:`fbat.operation_key`. None: a new id is made.
    - ``expect``: What is expected of the entity before this event. Earlier items of the batch count.
    - ``expected_version``: With :attr:`Expect.VERSION`: how many events the entity has; else 0.
    - ``timestamp_us``: Microseconds since 1970-01-01T00:00:00Z, see :func:`fbat.to_us`. None: the recorded time of the
      batch.
    - ``correlation``: What the event belongs to, across entities; None for nothing.
    - ``causation``: The event that caused this one, by its id, which is not looked up; None for none.
    - ``causation_item``: The item of the same batch that caused this one, counted from 1; 0 for none. Not together with
      ``causation``.
    - ``extensions``: Named values: ``prefix.field`` to any bytes. At most 64, together at most 64 KiB.
    """

    entity: str
    scope: str
    kind: int
    payload: Buffer = b""
    _: dataclasses.KW_ONLY
    payload_version: int = 0
    flags: int = 0
    key: Id | None = None
    expect: Expect = Expect.ANY
    expected_version: int = 0
    timestamp_us: int | None = None
    correlation: Id | None = None
    causation: Id | None = None
    causation_item: int = 0
    extensions: Mapping[str, Buffer] | None = None


class Receipt(_fast.ReceiptView):
    """What an append answers for an event. Made by the library only, and immutable.

    The receipts of a batch share one piece of memory, which lives as long as any of them.
    """

    __slots__ = ()

    @property
    def replayed(self) -> bool:
        """The key was there already, with the same content: this is the answer of the first append."""
        return bool(self.flags & ReceiptFlags.REPLAYED)

    @property
    def durable(self) -> bool:
        """The event is known to be on the disk."""
        return bool(self.flags & ReceiptFlags.DURABLE)

    @property
    def imported(self) -> bool:
        """The event came from another store."""
        return bool(self.flags & ReceiptFlags.IMPORTED)

    @property
    def timestamp(self) -> datetime.datetime:
        """The event's time, in UTC."""
        return to_datetime(self.timestamp_us)

    @property
    def recorded(self) -> datetime.datetime:
        """When the store wrote it, in UTC."""
        return to_datetime(self.recorded_us)

    def as_dict(self) -> dict[str, Any]:
        """All members by their names, as values that are independent of the receipt."""
        return {name: getattr(self, name) for name in _RECEIPT_MEMBERS}

    def __eq__(self, other: object) -> bool:
        return self.as_dict() == other.as_dict() if isinstance(other, Receipt) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.id, self.sequence))

    def __repr__(self) -> str:
        return f"Receipt({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"


_RECEIPT_MEMBERS = (
    "id", "sequence", "version", "timestamp_us", "recorded_us", "content_hash", "event_hash", "previous_hash", "flags",
)  # fmt: skip
