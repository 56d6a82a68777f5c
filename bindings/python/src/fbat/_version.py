"""Versions, and what the process holds."""

from __future__ import annotations

from typing import Final

from fbat._native import ffi, lib

__all__ = ["ABI_VERSION", "VERSION_INFO", "abi_version", "live_handles", "version"]

ABI_VERSION: Final[int] = lib.FBAT_ABI_VERSION
"""The version of the binary interface that this package was built for."""

VERSION_INFO: Final = (
    lib.FBAT_VERSION_MAJOR,
    lib.FBAT_VERSION_MINOR,
    lib.FBAT_VERSION_PATCH,
)
"""The version of the library's header as numbers."""


def version() -> str:
    """The version of the library inside this package, for example ``0.2.0``."""
    return ffi.string(lib.fbat_version_string()).decode()


def abi_version() -> int:
    """The version of the library's binary interface."""
    return lib.fbat_abi_version()


def live_handles() -> int:
    """How many of the library's objects the process holds: stores, pages, cursors and so on.

    Each is freed with the last reference to its Python object; records hold their page.
    """
    return lib.fbat_live_handles()
