"""The library prints nothing. What is worth telling beside an exception goes to a function."""

from __future__ import annotations

import atexit
import logging
import os
from typing import TYPE_CHECKING, Final

from fbat import _fast
from fbat._enums import LogLevel
from fbat._error import check
from fbat._id import wrong_type
from fbat._native import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["log_to", "set_log_callback"]

_LEVELS: Final = {
    LogLevel.ERROR: logging.ERROR,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.INFO: logging.INFO,
}


def set_log_callback(callback: Callable[[LogLevel, str], object] | None) -> None:
    """Sets the function that receives the log of this process; None for none.

    It may be called on any thread that is inside a call to the library, by several at once. An
    exception that it raises goes to :func:`sys.unraisablehook`. It is taken away before the
    interpreter ends.
    """
    if callback is None:
        check(lib.fbat_set_log_callback(ffi.NULL, ffi.NULL, ffi.NULL))
        return
    if not callable(callback):
        raise wrong_type("callback", callback, "a function")
    check(
        lib.fbat_set_log_callback(
            ffi.cast("fbat_log_fn", _fast.LOG),
            ffi.cast("void *", _fast.retain(lambda level, text: callback(LogLevel(level), text))),
            ffi.cast("fbat_destroy_fn", _fast.RELEASE),
        )
    )


def log_to(logger: logging.Logger | None = None) -> None:
    """Sends the library's log to a logger; ``fbat`` without one."""
    target = logger or logging.getLogger("fbat")
    set_log_callback(lambda level, message: target.log(_LEVELS[level], "%s", message))


def _end() -> None:
    """No function can be called any more while the interpreter goes down: by a store that is freed,
    and logs, nor on a thread that is still in a call.
    """
    lib.fbat_set_log_callback(ffi.NULL, ffi.NULL, ffi.NULL)
    _fast.end()


atexit.register(_end)
os.register_at_fork(after_in_child=_fast.forked)
