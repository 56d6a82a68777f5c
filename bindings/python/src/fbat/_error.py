"""Statuses, their categories, and one exception for each category.

Every failure of the library is an :class:`Error` with all of its detail as attributes; which subclass it is tells what
to do about it.
"""

from __future__ import annotations

import enum
import errno
import os
from typing import TYPE_CHECKING, Any, Final

from fbat._native import ffi, lib

if TYPE_CHECKING:
    from typing import Self

    from fbat._id import Id
    from fbat._import import ImportReport
    from fbat._native import CData


class Status(enum.IntEnum):
    """What a call of the library answers with. Numbers are grouped by hundreds and never reused."""

    OK = lib.FBAT_OK
    INVALID_ARGUMENT = lib.FBAT_ERR_INVALID_ARGUMENT
    INVALID_HANDLE = lib.FBAT_ERR_INVALID_HANDLE
    INVALID_UTF8 = lib.FBAT_ERR_INVALID_UTF8
    INVALID_COORDINATE = lib.FBAT_ERR_INVALID_COORDINATE
    RESERVED_KIND = lib.FBAT_ERR_RESERVED_KIND
    RESERVED_EXTENSION = lib.FBAT_ERR_RESERVED_EXTENSION
    LIMIT_EXCEEDED = lib.FBAT_ERR_LIMIT_EXCEEDED
    NOT_FOUND = lib.FBAT_ERR_NOT_FOUND
    STORE_NOT_FOUND = lib.FBAT_ERR_STORE_NOT_FOUND
    IDEMPOTENCY_CONFLICT = lib.FBAT_ERR_IDEMPOTENCY_CONFLICT
    VERSION_CONFLICT = lib.FBAT_ERR_VERSION_CONFLICT
    IMPORT_CONFLICT = lib.FBAT_ERR_IMPORT_CONFLICT
    STORE_EXISTS = lib.FBAT_ERR_STORE_EXISTS
    BUSY = lib.FBAT_ERR_BUSY
    CLOSED = lib.FBAT_ERR_CLOSED
    POISONED = lib.FBAT_ERR_POISONED
    FORKED = lib.FBAT_ERR_FORKED
    READ_ONLY = lib.FBAT_ERR_READ_ONLY
    IO = lib.FBAT_ERR_IO
    NO_SPACE = lib.FBAT_ERR_NO_SPACE
    CORRUPT = lib.FBAT_ERR_CORRUPT
    WIRE_FRAMING = lib.FBAT_ERR_WIRE_FRAMING
    WIRE_CHECKSUM = lib.FBAT_ERR_WIRE_CHECKSUM
    WIRE_BODY = lib.FBAT_ERR_WIRE_BODY
    WIRE_NOT_CANONICAL = lib.FBAT_ERR_WIRE_NOT_CANONICAL
    FUTURE_VERSION = lib.FBAT_ERR_FUTURE_VERSION
    UNSUPPORTED = lib.FBAT_ERR_UNSUPPORTED
    CANCELLED = lib.FBAT_ERR_CANCELLED
    PANIC = lib.FBAT_ERR_PANIC
    INTERNAL = lib.FBAT_ERR_INTERNAL


class Category(enum.IntEnum):
    """What a status is about. There is one exception for each, but for ``NONE``."""

    NONE = lib.FBAT_CATEGORY_NONE
    INVALID = lib.FBAT_CATEGORY_INVALID
    NOT_FOUND = lib.FBAT_CATEGORY_NOT_FOUND
    CONFLICT = lib.FBAT_CATEGORY_CONFLICT
    BUSY = lib.FBAT_CATEGORY_BUSY
    CLOSED = lib.FBAT_CATEGORY_CLOSED
    IO = lib.FBAT_CATEGORY_IO
    CORRUPT = lib.FBAT_CATEGORY_CORRUPT
    UNSUPPORTED = lib.FBAT_CATEGORY_UNSUPPORTED
    CANCELLED = lib.FBAT_CATEGORY_CANCELLED
    INTERNAL = lib.FBAT_CATEGORY_INTERNAL


def status_name(status: int) -> str:
    """The name of a status as the C header has it, for example ``FBAT_ERR_NOT_FOUND``. Works for any number."""
    return ffi.string(lib.fbat_status_name(status)).decode()


def status_message(status: int) -> str:
    """What a status means, in a few words. Works for any number."""
    return ffi.string(lib.fbat_status_message(status)).decode()


def status_category(status: int) -> Category:
    """What a status is about. Works for any number."""
    return Category(lib.fbat_status_category(status))


class Error(Exception):
    """A failure of the library. Its text is one sentence for people: what, where and why.

    - ``code``: The status. A plain number is none that this version of the library has; ``name`` is there for that too.
    - ``message``: One sentence for people: what, where and why.
    - ``os_error``: The operating system's ``errno``; 0 where it did not fail.
    - ``found``: The version, size or count that was found; 0 where none applies.
    - ``supported``: The version, size or count that is supported, allowed or expected; 0 where none applies.
    - ``item``: Which item of a batch was at fault, counted from 0; None where it was none of one.
      A note says it too.
    - ``path``: The file or directory concerned; None for none.
    - ``offset``: Where in that file, in bytes from its start; None where that is not known.
    - ``sequence``: The global sequence of the event concerned; None for none.
    - ``event_id``: The id of the event concerned; None for none.
    - ``import_report``: Of an import that failed: what was committed before; else None.
    """

    code: Status | int
    message: str
    os_error: int
    found: int
    supported: int
    item: int | None
    path: str | None
    offset: int | None
    sequence: int | None
    event_id: Id | None
    import_report: ImportReport | None

    def __init__(
        self,
        code: int,
        message: str,
        *,
        os_error: int = 0,
        found: int = 0,
        supported: int = 0,
        item: int | None = None,
        path: str | None = None,
        offset: int | None = None,
        sequence: int | None = None,
        event_id: Id | None = None,
    ) -> None:
        super().__init__(message)
        self.code = Status(code) if code in Status._value2member_map_ else code
        self.message = message
        self.os_error = os_error
        self.found = found
        self.supported = supported
        self.item = item
        self.path = path
        self.offset = offset
        self.sequence = sequence
        self.event_id = event_id
        self.import_report = None

    @property
    def name(self) -> str:
        """The status as the C header names it, for example ``FBAT_ERR_NOT_FOUND``."""
        return status_name(self.code)

    @property
    def category(self) -> Category:
        """What the status is about; every category but ``NONE`` has its exception."""
        return status_category(self.code)

    def __str__(self) -> str:
        return f"{self.message} ({self.name})"

    def __reduce__(self) -> tuple[Any, ...]:
        detail = {name: self.__dict__[name] for name in _DETAIL}
        return _restore, (type(self), self.code, self.message, detail), self.__dict__.copy()


_DETAIL: Final = ("os_error", "found", "supported", "item", "path", "offset", "sequence", "event_id")


def _restore(cls: type[Error], code: int, message: str, detail: dict[str, Any]) -> Error:
    return cls(code, message, **detail)


class InvalidError(Error, ValueError):
    """The caller's mistake; the same call fails again."""


class NotFoundError(Error, KeyError):
    """What was asked for is not there: an event, an entity, a path."""


class StoreNotFoundError(NotFoundError, FileNotFoundError):
    """No store is in the directory. Is a :class:`FileNotFoundError` too: ``errno`` is ``ENOENT``, ``filename`` the
    directory; ``os_error`` stays 0, since the operating system did not fail.
    """

    def __init__(self, code: int, message: str, **detail: Any) -> None:
        super().__init__(code, message, **detail)
        self.errno, self.strerror, self.filename = errno.ENOENT, message, self.path


class ConflictError(Error):
    """What is there contradicts the call: a key, a version, another event, another store."""


class BusyError(Error):
    """Somebody else is using it; try later."""


class ClosedError(Error):
    """The object can't be used any more, or not for this: closed, poisoned, forked, or open for reading only."""


class IoError(Error, OSError):
    """The operating system failed. ``errno``, ``strerror`` and ``filename`` are as with every :class:`OSError`.

    It is of no subclass of that: whether something was missing is told by ``errno``.
    """

    def __init__(self, code: int, message: str, **detail: Any) -> None:
        super().__init__(code, message, **detail)
        self.errno = self.os_error or None
        self.strerror = os.strerror(self.os_error) if self.os_error else message
        self.filename = self.path


class CorruptError(Error):
    """Bytes are not what they should be: in a file, or in a frame of provenance."""


class UnsupportedError(Error):
    """A version or a feature is beyond this library or this machine."""


class CancelledError(Error):
    """The caller ended the call, through a :class:`fbat.Cancel`."""


class InternalError(Error):
    """A defect in the library was caught. Its stores can no longer be written to; the process may go on."""


_EXCEPTIONS: Final[dict[Category, type[Error]]] = {
    Category.INVALID: InvalidError,
    Category.NOT_FOUND: NotFoundError,
    Category.CONFLICT: ConflictError,
    Category.BUSY: BusyError,
    Category.CLOSED: ClosedError,
    Category.IO: IoError,
    Category.CORRUPT: CorruptError,
    Category.UNSUPPORTED: UnsupportedError,
    Category.CANCELLED: CancelledError,
    Category.INTERNAL: InternalError,
}


def error_of(status: int, detail: CData = ffi.NULL) -> Error:
    """The exception for a status, with what the error object knows beside it, which stays the caller's."""
    missing = status == lib.FBAT_ERR_STORE_NOT_FOUND
    cls = StoreNotFoundError if missing else _EXCEPTIONS[status_category(status)]
    if detail == ffi.NULL:
        return cls(status, status_message(status))
    item, offset = lib.fbat_error_item(detail), lib.fbat_error_offset(detail)
    path = bytes_of(lib.fbat_error_path(detail))
    event_id = bytes(lib.fbat_error_event_id(detail).bytes)
    error = cls(
        lib.fbat_error_code(detail),
        text_of(lib.fbat_error_message(detail)),
        os_error=lib.fbat_error_os_error(detail),
        found=lib.fbat_error_found(detail),
        supported=lib.fbat_error_supported(detail),
        item=None if item < 0 else item,
        path=None if path is None else os.fsdecode(path),
        offset=None if offset < 0 else offset,
        sequence=lib.fbat_error_sequence(detail) or None,
        event_id=optional_id(event_id),
    )
    if error.item is not None:
        error.add_note(f"event {error.item} of the batch")
    return error


def check(status: int) -> None:
    """Raises for the status of a call that has no error object."""
    if status != lib.FBAT_OK:
        raise error_of(status)


class Detail:
    """The place for the error object of one call: ``with Detail() as err: err.check(lib.fbat_...(..., err.out))``."""

    __slots__ = ("out",)

    def __init__(self) -> None:
        self.out = ffi.new("fbat_error **")

    def check(self, status: int) -> None:
        """Raises for a status other than OK."""
        if status != lib.FBAT_OK:
            raise error_of(status, self.out[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        lib.fbat_error_free(self.out[0])


def made(pointer: CData) -> CData:
    """What a ``_new`` function made. It answers NULL in a forked child, and where too many objects are live."""
    if pointer == ffi.NULL:
        forked = lib.fbat_content_hash(ffi.NULL, 0, ffi.new("fbat_hash *")) == lib.FBAT_ERR_FORKED
        raise error_of(lib.FBAT_ERR_FORKED if forked else lib.FBAT_ERR_LIMIT_EXCEEDED)
    return pointer


def bytes_of(text: CData) -> bytes | None:
    """The bytes of an ``fbat_str``; None where it is NULL."""
    return None if text.data == ffi.NULL else bytes(ffi.buffer(text.data, text.len))


def text_of(text: CData) -> str:
    """The text of an ``fbat_str``; empty where it is NULL."""
    return (bytes_of(text) or b"").decode()


def path_of(text: CData) -> str:
    """The path in an ``fbat_str``, which is bytes of the file system."""
    return os.fsdecode(bytes_of(text) or b"")


def optional_id(raw: bytes) -> Id | None:
    """An id; None where it is all zero."""
    from fbat._id import Id  # noqa: PLC0415, ids raise errors

    return Id(raw) if any(raw) else None
