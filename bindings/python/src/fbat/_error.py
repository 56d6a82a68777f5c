"""One exception for each category of statuses.

Every failure of the library is an :class:`Error` with all of its detail as attributes; which
subclass it is tells what to do about it.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Final

from fbat import _fast
from fbat._enums import Category, Status
from fbat._handle import address_of, path_of, struct, text_of
from fbat._native import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable

    from fbat._id import Id
    from fbat._native import CData
    from fbat._structs import ImportReport

__all__ = [
    "BusyError",
    "CancelledError",
    "ClosedError",
    "ConflictError",
    "CorruptError",
    "Error",
    "InternalError",
    "InvalidError",
    "IoError",
    "NotFoundError",
    "StoreNotFoundError",
    "UnsupportedError",
    "WaitTimeoutError",
    "status_category",
    "status_message",
    "status_name",
]


def status_name(status: int) -> str:
    """The name of a status as the C header has it, for example ``FBAT_ERR_NOT_FOUND``."""
    return ffi.string(lib.fbat_status_name(status)).decode()


def status_message(status: int) -> str:
    """What a status means, in a few words. Works for any number."""
    return ffi.string(lib.fbat_status_message(status)).decode()


def status_category(status: int) -> Category:
    """What a status is about. Works for any number."""
    return Category(lib.fbat_status_category(status))


class Error(Exception):
    """A failure of the library. Its text is one sentence for people: what, where and why.

    - ``code``: The status. A plain number is none that this version of the library has; ``name`` is
      there for that too.
    - ``message``: One sentence for people: what, where and why.
    - ``os_error``: The operating system's ``errno``; 0 where it did not fail.
    - ``path``: The file or directory concerned; None for none.
    - ``offset``: Where in that file, in bytes from its start; None where that is not known.
    - ``item``: Which item of a batch was at fault, counted from 0; None where it was none of one.
      A note says it too.
    - ``sequence``: The global sequence of the event concerned; None for none.
    - ``event_id``: The id of the event concerned; None for none.
    - ``actual``: The version, size or count that there is; 0 where none applies.
    - ``allowed``: The version, size or count that is allowed, supported or expected.
    - ``import_report``: Of an import that failed: what was committed before; else None.
    """

    code: Status | int
    message: str
    os_error: int
    path: str | None
    offset: int | None
    item: int | None
    sequence: int | None
    event_id: Id | None
    actual: int
    allowed: int
    import_report: ImportReport | None

    def __init__(self, code: int, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.code = Status(code) if code in Status._value2member_map_ else code
        self.message = message
        self.__dict__.update(_NO_DETAIL, **detail)

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
        detail = {name: self.__dict__[name] for name in _NO_DETAIL}
        return _restore, (type(self), self.code, self.message, detail), self.__dict__.copy()


_NO_DETAIL: Final = {
    **dict.fromkeys(("path", "offset", "item", "sequence", "event_id", "import_report")),
    **dict.fromkeys(("os_error", "actual", "allowed"), 0),
}


def _restore(cls: type[Error], code: int, message: str, detail: dict[str, Any]) -> Error:
    return cls(code, message, **detail)


class InvalidError(Error, ValueError):
    """The caller's mistake; the same call fails again."""


class NotFoundError(Error, KeyError):
    """What was asked for is not there: an event, an entity, a path."""


class StoreNotFoundError(NotFoundError, FileNotFoundError):
    """No store is in the directory. Is a :class:`FileNotFoundError` too: ``errno`` is ``ENOENT``,
    ``filename`` the directory; ``os_error`` stays 0, since the operating system did not fail.
    """

    def __init__(self, code: int, message: str, **detail: Any) -> None:
        super().__init__(code, message, **detail)
        self.errno, self.strerror, self.filename = errno.ENOENT, message, self.path


class ConflictError(Error):
    """What is there contradicts the call: a key, a version, another event, another store."""


class BusyError(Error):
    """Somebody else is using it; try later."""


class ClosedError(Error):
    """The object can't be used any more, or not for this: closed, poisoned, forked, read-only."""


class IoError(Error, OSError):
    """The operating system failed. ``errno``, ``strerror`` and ``filename`` are as with every
    :class:`OSError`. It is of no subclass of that: ``errno`` tells whether something was missing.
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


class WaitTimeoutError(CancelledError, TimeoutError):
    """What the call waits for did not come in the time that it was given. ``actual`` is the
    sequence that was reached, ``allowed`` that which was to be passed.
    """


class InternalError(Error):
    """A defect in the library was caught. Its stores can no longer be written to."""


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
# Those that are also what Python has for it.
_ALSO: Final[dict[int, type[Error]]] = {
    Status.STORE_NOT_FOUND: StoreNotFoundError,
    Status.TIMEOUT: WaitTimeoutError,
}


def error_of(status: int, err: CData = ffi.NULL) -> Error:
    """The exception for a status, with what the error object knows, which stays the caller's."""
    from fbat._id import Id  # noqa: PLC0415, ids raise errors

    cls = _ALSO.get(status) or _EXCEPTIONS[status_category(status)]
    detail = struct("fbat_error_detail")
    if lib.fbat_error_get(err, detail) != lib.FBAT_OK:
        return cls(status, status_message(status))
    error = cls(
        status,
        text_of(detail.message),
        os_error=detail.os_error,
        path=path_of(detail.path) or None,
        offset=None if detail.offset < 0 else detail.offset,
        item=None if detail.item < 0 else detail.item,
        sequence=detail.sequence or None,
        event_id=Id.of(detail.event_id) if any(detail.event_id.bytes) else None,
        actual=detail.actual,
        allowed=detail.allowed,
    )
    if error.item is not None:
        error.add_note(f"event {error.item} of the batch")
    return error


def raised_by(status: int, address: int) -> BaseException:
    """What a call that ended with a status raises: what a callback raised, else the library's own
    failure, whose error object is given by its number.
    """
    stopped = _fast.stopped.pop(status, None)
    return stopped or error_of(status, ffi.cast("fbat_error *", address))


def check(status: int) -> None:
    """Raises for the status of a call that has no error object."""
    if status != lib.FBAT_OK:
        raise error_of(status)


def call(function: Callable[..., int], *arguments: object) -> None:
    """Calls a function whose last parameter is the place of its error. Raises what went wrong: what
    a callback raised, else the library's own failure.
    """
    err = ffi.new("fbat_error **")
    status = function(*arguments, err)
    if status != lib.FBAT_OK:
        try:
            raise raised_by(status, address_of(err[0]))
        finally:
            lib.fbat_error_free(err[0])
