"""A backup of a store that is in use, and a store id of its own for a directory that was copied."""

from __future__ import annotations

import dataclasses
import enum
import os
from typing import TYPE_CHECKING, Final

from fbat._argument import u32
from fbat._error import Detail
from fbat._handle import members, struct
from fbat._id import Hash, Id, path_bytes
from fbat._native import ffi, lib

if TYPE_CHECKING:
    from fbat._store import Store

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class BackupFlags(enum.IntFlag):
    """How a backup is made."""

    NONE = 0
    """Every file is copied."""
    LINK = lib.FBAT_BACKUP_LINK
    """Gives sealed files of the log a second name instead of copying them, where the file system can. Takes no space,
    but what a disk does to such a file it does to store and backup alike."""


@dataclasses.dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds.

    - ``events``: Events in the copy, the library's own included.
    - ``segments``: Files of the log.
    - ``linked_segments``: Those of them that are links to the files of the store.
    - ``log_bytes``: Size of the log, in bytes, linked files included.
    - ``last_sequence``: The global sequence that the copy ends with.
    - ``log_hash``: The log hash there, of store and copy alike.
    """

    events: int
    segments: int
    linked_segments: int
    log_bytes: int
    last_sequence: int
    log_hash: Hash


_NUMBERS: Final = tuple(field.name for field in dataclasses.fields(BackupReport) if field.name != "log_hash")


def backup(store: Store, destination: AnyPath, flags: BackupFlags | int) -> BackupReport:
    """Copies a store; see :meth:`fbat.Store.backup`."""
    report = struct("fbat_backup_report")
    with Detail() as err:
        err.check(lib.fbat_store_backup(store._pointer, path_bytes(destination), u32("flags", flags), report, err.out))
    return BackupReport(**members(report, _NUMBERS), log_hash=Hash(bytes(report.log_hash.bytes)))


def new_identity(path: AnyPath) -> Id:
    """Gives the store in a directory a new random store id, and with it a native namespace of its own, and answers it.

    For a directory that was copied, which is a second store under the name of the first. The store must not be open for
    writing. Nothing that is in the log changes.
    """
    out = ffi.new("fbat_id *")
    with Detail() as err:
        err.check(lib.fbat_store_new_identity(path_bytes(path), out, err.out))
    return Id(bytes(out.bytes))
