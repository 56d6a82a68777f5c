"""What the rest stands on: structs, text and paths as C has them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fbat._native import ffi

if TYPE_CHECKING:
    from fbat._native import CData

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class Handle:
    """An object of the library that a Python object stands for."""

    __slots__ = ("_pointer",)
    _pointer: CData


def struct(ctype: str) -> CData:
    """A struct to be filled in: all zero but for its size, as its INIT macro would make it."""
    value = ffi.new(f"{ctype} *")
    value.struct_size = ffi.sizeof(ctype)
    return value


def bytes_of(text: CData) -> bytes:
    """The bytes of an ``fbat_str``."""
    return bytes(ffi.buffer(text.data, text.len)) if text.len else b""


def text_of(text: CData) -> str:
    """The text of an ``fbat_str``; empty where it is NULL."""
    return bytes_of(text).decode()


def path_of(text: CData) -> str:
    """The path in an ``fbat_str``, which is bytes of the file system; empty where it is NULL."""
    return os.fsdecode(bytes_of(text))
