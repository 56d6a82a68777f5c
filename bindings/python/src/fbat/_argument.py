"""What callers hand over: whatever is wrong with an argument is said with its name, and what was wanted."""

from __future__ import annotations

import operator
import reprlib
from typing import TYPE_CHECKING, Any

from fbat._error import InvalidError, Status, error_of
from fbat._native import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fbat._native import CData


def wrong_type(name: str, value: object, wanted: str) -> TypeError:
    """The exception for an argument of another type than is wanted."""
    return TypeError(f"{name} is {type(value).__name__}, not {wanted}")


def check_instance(name: str, value: object, wanted: type) -> None:
    """Refuses what is no object of a class."""
    if not isinstance(value, wanted):
        raise wrong_type(name, value, f"{'an' if wanted.__name__[0] in 'AEIO' else 'a'} {wanted.__name__}")


def check_callable(name: str, value: Any) -> None:
    """Refuses what cannot be called."""
    if not callable(value):
        raise wrong_type(name, value, "a function")


def text_bytes(name: str, value: str) -> bytes:
    """Text as UTF-8."""
    if not isinstance(value, str):
        raise wrong_type(name, value, "text")
    return value.encode()


def plain_bytes(name: str, value: Buffer, wanted: str) -> bytes:
    """What a bytes-like object holds. ``bytes()`` takes a number too, and answers with so many zeros."""
    try:
        view = memoryview(value)
    except TypeError:
        raise wrong_type(name, value, wanted) from None
    with view:
        return bytes(view)


def text_or_bytes(name: str, value: str | Buffer) -> bytes:
    """Text as UTF-8, or what a bytes-like object holds."""
    return value.encode() if isinstance(value, str) else plain_bytes(name, value, "text or bytes")


def from_buffer(name: str, value: Buffer) -> CData:
    """A bytes-like object where it lies, as a context manager that lets go of it."""
    try:
        return ffi.from_buffer("uint8_t[]", value)
    except TypeError:
        raise wrong_type(name, value, "bytes-like") from None


def integer(name: str, value: int) -> int:
    """An integer of any size."""
    try:
        return operator.index(value)
    except TypeError:
        raise wrong_type(name, value, "an integer") from None


def number(name: str, value: int, low: int, high: int) -> int:
    """An integer within a range."""
    if not low <= integer(name, value) <= high:
        raise refused(Status.INVALID_ARGUMENT, name, value, f"{low} to {high}")
    return integer(name, value)


def u16(name: str, value: int) -> int:
    """A number of 16 bits, such as a kind."""
    return number(name, value, 0, 0xFFFF)


def u32(name: str, value: int) -> int:
    """A number of 32 bits, such as flags."""
    return number(name, value, 0, 0xFFFF_FFFF)


def u64(name: str, value: int) -> int:
    """A number of 64 bits, such as a sequence."""
    return number(name, value, 0, 2**64 - 1)


def set_number(set_: Callable[[CData, int], int], pointer: CData, name: str, value: int, allowed: str) -> None:
    """Calls a setter of a number; the library decides what is in range, and ``allowed`` says what that is."""
    try:
        status = set_(pointer, integer(name, value))
    except OverflowError:
        status = lib.FBAT_ERR_INVALID_ARGUMENT
    check_argument(status, name, value, allowed)


def set_text(set_: Callable[[CData, bytes, int], int], pointer: CData, name: str, value: str, allowed: str) -> None:
    """Calls a setter of text; the library decides what it takes, and ``allowed`` says what that is."""
    raw = text_bytes(name, value)
    check_argument(set_(pointer, raw, len(raw)), name, value, allowed)


def set_versions(set_: Callable[[CData, int, int], int], pointer: CData, value: tuple[int, int]) -> None:
    """Calls a setter of a range of entity versions."""
    try:
        first, last = value
    except (TypeError, ValueError):
        raise TypeError(f"versions is {reprlib.repr(value)}, not a pair of the first and the last") from None
    status = set_(pointer, u64("the first of versions", first), u64("the last of versions", last))
    check_argument(status, "versions", value, "a range that begins before it ends")


def check_argument(status: int, name: str, value: object, allowed: str) -> None:
    """Raises for the status of a call that could be refused for one argument only."""
    if status != lib.FBAT_OK:
        error = error_of(status)
        raise refused(status, name, value, allowed) if isinstance(error, InvalidError) else error


def refused(status: int, name: str, value: object, allowed: str) -> InvalidError:
    """The exception for an argument that is outside of what is allowed."""
    return InvalidError(status, f"{name} is {reprlib.repr(value)}, and not {allowed}")
