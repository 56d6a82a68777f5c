"""What the rest stands on: structs, text and paths as C has them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NoReturn

from fbat._native import ffi

if TYPE_CHECKING:
    from typing import Self

    from fbat._native import CData, CType

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class Handle:
    """An object of the library that a Python object stands for."""

    __slots__ = ("_pointer",)
    _pointer: CData

    def __new__(cls, *_: object, **__: object) -> Self:
        self = super().__new__(cls)
        self._pointer = ffi.NULL  # what a subclass that does not get to our __init__ has
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} can't be copied or pickled")


_STRUCTS: Final[dict[str, tuple[CType, tuple[int]]]] = {}


def struct(ctype: str) -> CData:
    """A struct to be filled in: all zero but for its size, as its INIT macro would make it."""
    made = _STRUCTS.get(ctype)
    if made is None:
        made = _STRUCTS[ctype] = ffi.typeof(f"{ctype} *"), (ffi.sizeof(ctype),)
    return ffi.new(*made)


def address_of(pointer: CData) -> int:
    """The number of an object of the library, or where a struct is, as ``_fast`` takes it."""
    return int(ffi.cast("uintptr_t", pointer))


def bytes_of(text: CData) -> bytes:
    """The bytes of an ``fbat_str``."""
    return bytes(ffi.buffer(text.data, text.len)) if text.len else b""


def text_of(text: CData) -> str:
    """The text of an ``fbat_str``; empty where it is NULL."""
    return bytes_of(text).decode()


def path_of(text: CData) -> str:
    """The path in an ``fbat_str``, which is bytes of the file system; empty where it is NULL."""
    return os.fsdecode(bytes_of(text))
