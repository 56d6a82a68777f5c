"""The integrity walk: every checksum, hash, chain and index against the log."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from fbat._error import Detail, path_of, text_of
from fbat._handle import members, owned, struct
from fbat._native import ffi, lib

if TYPE_CHECKING:
    from fbat._native import CData
    from fbat._store import Store


@dataclasses.dataclass(frozen=True, slots=True)
class VerifyTotals:
    """What was walked.

    - ``events``: Events, the library's own included.
    - ``system_events``: The library's own among them.
    - ``batches``: Batches.
    - ``segments``: Files of the log.
    - ``log_bytes``: Size of the log, in bytes.
    - ``gaps``: Declared gaps in the sequences.
    - ``gap_sequences``: How many sequences those gaps take up.
    - ``losses``: Declared losses, which :func:`fbat.repair` leaves.
    - ``lost_sequences``: How many sequences were lost.
    - ``unlinked_events``: Events whose predecessor was lost, so that their hash cannot be computed.
    """

    events: int
    system_events: int
    batches: int
    segments: int
    log_bytes: int
    gaps: int
    gap_sequences: int
    losses: int
    lost_sequences: int
    unlinked_events: int


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold.

    - ``path``: The file.
    - ``offset``: Where in it, in bytes from its start.
    - ``sequence``: The global sequence of the event concerned; None where it is not one event.
    - ``message``: One sentence for people.
    """

    path: str
    offset: int
    sequence: int | None
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a walk over a whole store found.

    - ``totals``: What was walked.
    - ``findings``: What does not hold: nothing in a sound store. A walk stops after 1000.
    """

    totals: VerifyTotals
    findings: tuple[Finding, ...]


_TOTALS: Final = tuple(field.name for field in dataclasses.fields(VerifyTotals))


def verify(store: Store) -> VerifyReport:
    """Walks a whole store; see :meth:`fbat.Store.verify`."""
    out, totals = ffi.new("fbat_verify_report **"), struct("fbat_verify_totals")
    with Detail() as err:
        err.check(lib.fbat_store_verify(store._pointer, out, err.out))
    report = owned(out[0], lib.fbat_verify_report_free)
    with Detail() as err:
        err.check(lib.fbat_verify_report_totals(report, totals, err.out))
    findings = (_finding(report, index) for index in range(lib.fbat_verify_report_finding_count(report)))
    return VerifyReport(VerifyTotals(**members(totals, _TOTALS)), tuple(findings))


def _finding(report: CData, index: int) -> Finding:
    value = struct("fbat_finding")
    with Detail() as err:
        err.check(lib.fbat_verify_report_finding(report, index, value, err.out))
    return Finding(path_of(value.path), value.offset, value.sequence or None, text_of(value.message))
