"""What objects of the library have in common in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fbat._error import made
from fbat._native import ffi

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fbat._native import CData

T = TypeVar("T")


def owned(pointer: CData, free: Callable[[CData], None]) -> CData:
    """A pointer that is freed with the last reference to it."""
    return ffi.gc(made(pointer), free)


def struct(ctype: str) -> CData:
    """A struct to be filled in: all zero but for its size, as its INIT macro would make it."""
    value = ffi.new(f"{ctype} *")
    value.struct_size = ffi.sizeof(ctype)
    return value


def members(value: CData, names: Sequence[str]) -> dict[str, Any]:
    """Members of a struct that are plain numbers, by their names."""
    return {name: getattr(value, name) for name in names}


class Handle:
    """An object of the library that a Python object stands for."""

    __slots__ = ("_pointer",)
    _pointer: CData
