"""Repair: a new store from what holds of a damaged one."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Final

from fbat._error import Detail, path_of, text_of
from fbat._handle import members, owned, struct
from fbat._id import path_bytes
from fbat._native import ffi, lib

if TYPE_CHECKING:
    from fbat._copy import AnyPath
    from fbat._native import CData


class RepairFlags(enum.IntFlag):
    """What is special about a repaired store."""

    IDENTITY_REBUILT = lib.FBAT_REPAIR_IDENTITY_REBUILT
    """The identity file was lost and made anew from the events of the log that tell of store ids."""
    IDENTITY_UNCERTAIN = lib.FBAT_REPAIR_IDENTITY_UNCERTAIN
    """Besides, an event that told of a newer store id may be among what was lost: compare the store's id, and give it a
    new one before anything is imported from it under its native namespace."""


@dataclasses.dataclass(frozen=True, slots=True)
class RepairTotals:
    """What a repair kept, in figures.

    - ``events``: Events that were kept, the library's own included.
    - ``system_events``: The library's own among them.
    - ``unlinked_events``: Events whose predecessor of the same entity is lost: their checksum and content hold, their
      hash cannot be computed.
    - ``segments``: Files of the log that were read.
    - ``headers_rebuilt``: Those of them whose header was damaged and was made anew.
    - ``bytes_unread``: Bytes of them that are neither a header nor an event.
    - ``losses``: Things that do not hold. A report lists 10,000 of them.
    - ``sequences_lost``: How many sequences are lost. Each belonged to an event or to a declared gap.
    - ``gap_first``: The first of the sequences behind the log that were jumped because somebody may have seen them; 0:
      the damaged store had been closed, and said where it ended.
    - ``gap_last``: The last of them.
    - ``flags``: What is special about the new store.
    """

    events: int
    system_events: int
    unlinked_events: int
    segments: int
    headers_rebuilt: int
    bytes_unread: int
    losses: int
    sequences_lost: int
    gap_first: int
    gap_last: int
    flags: RepairFlags


@dataclasses.dataclass(frozen=True, slots=True)
class Loss:
    """One thing that does not hold, and the sequences lost by it.

    - ``path``: The file, which may be one that is missing.
    - ``offset``: Where in it, in bytes from its start.
    - ``first_sequence``: The first global sequence that is lost; 0 where none is, or none is known to be.
    - ``last_sequence``: The last one.
    - ``message``: One sentence for people.
    """

    path: str
    offset: int
    first_sequence: int
    last_sequence: int
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class RepairReport:
    """What :func:`repair` kept and what is lost.

    - ``totals``: What was kept, in figures.
    - ``losses``: What does not hold: nothing where all of the log held; 10,000 at most.
    """

    totals: RepairTotals
    losses: tuple[Loss, ...]


_NUMBERS: Final = tuple(field.name for field in dataclasses.fields(RepairTotals) if field.name != "flags")


def repair(damaged_path: AnyPath, new_path: AnyPath) -> RepairReport:
    """Puts every event of a damaged store that proves itself into a new store beside it.

    Every event that is kept has the sequence, id, version, times and hashes that it had. What is lost is listed in the
    report, and declared in the new log. No file of the damaged store is changed, and it need not be one that opens.
    """
    out, totals = ffi.new("fbat_repair_report **"), struct("fbat_repair_totals")
    with Detail() as err:
        err.check(lib.fbat_store_repair(path_bytes(damaged_path), path_bytes(new_path), out, err.out))
    report = owned(out[0], lib.fbat_repair_report_free)
    with Detail() as err:
        err.check(lib.fbat_repair_report_totals(report, totals, err.out))
    losses = (_loss(report, index) for index in range(lib.fbat_repair_report_loss_count(report)))
    kept = RepairTotals(**members(totals, _NUMBERS), flags=RepairFlags(totals.flags))
    return RepairReport(kept, tuple(losses))


def _loss(report: CData, index: int) -> Loss:
    value = struct("fbat_loss")
    with Detail() as err:
        err.check(lib.fbat_repair_report_loss(report, index, value, err.out))
    numbers = members(value, ("offset", "first_sequence", "last_sequence"))
    return Loss(path=path_of(value.path), message=text_of(value.message), **numbers)
