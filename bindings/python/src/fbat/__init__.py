"""An embedded, append-only event store with exactly-once import.

>>> import fbat, tempfile
>>> with tempfile.TemporaryDirectory() as directory, fbat.Store(f"{directory}/lamps") as store:
...     receipt = store.append(fbat.Event("lamp:kitchen", "home", fbat.kind(1, 1), b"on"))
...     [(record.entity, record.payload) for record in store]
[('lamp:kitchen', b'on')]
"""

from fbat import _fast
from fbat._append import Event, Expect, Receipt, ReceiptFlags
from fbat._copy import BackupFlags, BackupReport, new_identity
from fbat._error import (
    BusyError,
    CancelledError,
    Category,
    ClosedError,
    ConflictError,
    CorruptError,
    Error,
    InternalError,
    InvalidError,
    IoError,
    NotFoundError,
    Status,
    StoreNotFoundError,
    UnsupportedError,
    status_category,
    status_message,
    status_name,
)
from fbat._id import (
    Hash,
    Id,
    content_hash,
    kind,
    kind_category,
    kind_type,
    namespace_from_path,
    operation_key,
)
from fbat._import import (
    Cancel,
    Filter,
    ImportDurability,
    ImportFlags,
    ImportOptions,
    ImportReport,
    OnConflict,
    Progress,
    import_report_of,
)
from fbat._log import LogLevel, log_to, set_log_callback
from fbat._page import Columns, Page, Record, RecordFlags
from fbat._provenance import PROVENANCE_MAGIC, SCHEMA_VERSION, Provenance, WireFlags
from fbat._query import VERSIONS_ALL, Cursor, KindMatch, Query, QueryFlags
from fbat._repair import Loss, RepairFlags, RepairReport, RepairTotals, repair
from fbat._store import (
    Durability,
    Frontier,
    Head,
    OpenMode,
    OpenOptions,
    OpenReport,
    OpenReportFlags,
    Stats,
    Store,
    set_mapped_reads,
)
from fbat._time import to_datetime, to_us
from fbat._verify import Finding, VerifyReport, VerifyTotals
from fbat._version import ABI_VERSION, VERSION_INFO, abi_version, live_handles, version

__version__ = version()
_fast.use(Id, Hash, Record)

__all__ = [
    "ABI_VERSION",
    "PROVENANCE_MAGIC",
    "SCHEMA_VERSION",
    "VERSIONS_ALL",
    "VERSION_INFO",
    "BackupFlags",
    "BackupReport",
    "BusyError",
    "Cancel",
    "CancelledError",
    "Category",
    "ClosedError",
    "Columns",
    "ConflictError",
    "CorruptError",
    "Cursor",
    "Durability",
    "Error",
    "Event",
    "Expect",
    "Filter",
    "Finding",
    "Frontier",
    "Hash",
    "Head",
    "Id",
    "ImportDurability",
    "ImportFlags",
    "ImportOptions",
    "ImportReport",
    "InternalError",
    "InvalidError",
    "IoError",
    "KindMatch",
    "LogLevel",
    "Loss",
    "NotFoundError",
    "OnConflict",
    "OpenMode",
    "OpenOptions",
    "OpenReport",
    "OpenReportFlags",
    "Page",
    "Progress",
    "Provenance",
    "Query",
    "QueryFlags",
    "Receipt",
    "ReceiptFlags",
    "Record",
    "RecordFlags",
    "RepairFlags",
    "RepairReport",
    "RepairTotals",
    "Stats",
    "Status",
    "Store",
    "StoreNotFoundError",
    "UnsupportedError",
    "VerifyReport",
    "VerifyTotals",
    "WireFlags",
    "abi_version",
    "content_hash",
    "import_report_of",
    "kind",
    "kind_category",
    "kind_type",
    "live_handles",
    "log_to",
    "namespace_from_path",
    "new_identity",
    "operation_key",
    "repair",
    "set_log_callback",
    "set_mapped_reads",
    "status_category",
    "status_message",
    "status_name",
    "to_datetime",
    "to_us",
    "version",
]
