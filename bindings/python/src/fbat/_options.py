"""Keyword arguments as a struct of options."""

from __future__ import annotations

import datetime
import reprlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from fbat import _fast
from fbat._handle import struct
from fbat._id import number, text_bytes, wrong_type
from fbat._native import ffi, lib
from fbat._region import Cancel, Region, to_us
from fbat._structs import ImportReport, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fbat._native import CData, CType

# What callbacks are told, by its type in C. A filter is given the record itself.
_REPORTS: Final[dict[str, type[Progress | ImportReport]]] = {
    "struct fbat_progress": Progress,
    "struct fbat_import_report": ImportReport,
}
# Ranges of a region: its members, the flag that makes them count, and what stands for no bound.
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_RANGES: Final = {
    "versions": ("version_{}", 0, 0, 0),
    "timestamps": ("timestamp_{}_us", lib.FBAT_REGION_TIMESTAMP, _LEAST, _GREATEST),
    "recorded": ("recorded_{}_us", lib.FBAT_REGION_RECORDED, _LEAST, _GREATEST),
}


_MEMBERS: dict[str, dict[str, CType]] = {}


def _members(ctype: str) -> dict[str, CType]:
    """What can be set of a struct."""
    if ctype not in _MEMBERS:
        hidden, fields = ("struct_size", "reserved", "region"), ffi.typeof(ctype).fields
        shown = [(name, f) for name, f in fields if name not in hidden and name[-5:] != "_data"]
        _MEMBERS[ctype] = {name: f.type for name, f in shown}
    return _MEMBERS[ctype]


def _several(given: dict[str, Any], name: str) -> list[Any]:
    """What a keyword says: one value, or several. An empty list is not everything."""
    value = given.pop(name, None)
    if value is None:
        return []
    if isinstance(value, (str, int)) or not isinstance(value, Iterable):
        return [value]
    if not (values := list(value)):
        raise ValueError(f"{name} is an empty list; leave it out if none is meant")
    return values


class Options:
    """A struct of options, and all that it points to."""

    __slots__ = ("_held", "pointer")

    def __init__(self, ctype: str, given: Mapping[str, Any]) -> None:
        self._held: list[object] = []
        self.pointer = struct(ctype)
        members, has_region = _members(ctype), hasattr(self.pointer, "region")
        region = {}
        for name, value in given.items():
            if has_region and name in Region.__annotations__:
                region[name] = value
            elif name not in members:
                raise TypeError(f"{name!r} is no keyword of this call")
            elif value is not None:
                self._set(self.pointer, name, value, members[name])
        if region := {name: value for name, value in region.items() if value is not None}:
            self.pointer.region = self._region(region)
        if "progress" in members and given.get("progress") is None:
            self.pointer.progress = ffi.cast(members["progress"], _fast.SIGNALS)

    def _set(self, to: CData, name: str, value: Any, ctype: CType, label: str = "") -> None:
        """Sets a member by its type in C."""
        if ctype.kind == "primitive":
            bits = 8 * ffi.sizeof(ctype)
            low = -(1 << bits - 1) if ctype.cname[0] == "i" else 0
            setattr(to, name, number(label or name, value, low, low + (1 << bits) - 1))
        elif ctype.kind == "struct":
            text = ffi.from_buffer("char[]", text_bytes(name, value))
            self._held.append(text)
            setattr(to, name, (text, len(text)))
        elif ctype.kind == "function":
            self._set_callback(to, name, value, ctype)
        elif isinstance(value, Cancel):
            self._held.append(value)
            setattr(to, name, value._pointer)
        else:
            raise wrong_type(name, value, "a Cancel")

    def _set_callback(self, to: CData, name: str, function: Any, ctype: CType) -> None:
        """A callback's user data is the address of the function that it calls."""
        if not callable(function):
            raise wrong_type(name, function, "a function")
        told, called, address = ctype.args[1], function, _fast.FILTER
        if report := _REPORTS.get(told.item.cname):
            called, address = lambda at: function(report._of(ffi.cast(told, at))), _fast.PROGRESS
        self._held.append(called)
        setattr(to, name, ffi.cast(ctype, address))
        setattr(to, f"{name}_data", ffi.cast("void *", id(called)))

    def _region(self, given: dict[str, Any]) -> CData:
        region, members = struct("fbat_region"), _members("fbat_region")
        self._held.append(region)
        kinds = [(number("kind", k, 0, 0xFFFF),) * 2 for k in _several(given, "kind")]
        for category in _several(given, "category"):
            first = number("category", category, 0, 15) << 12
            kinds.append((first, first | 0xFFF))
        if kinds:
            ranges = ffi.new("fbat_kind_range[]", kinds)
            region.kinds, region.kind_count = ranges, len(kinds)
            self._held.append(ranges)
        if scopes := [text_bytes("scope", scope) for scope in _several(given, "scope")]:
            held = [ffi.from_buffer("char[]", scope) for scope in scopes]
            texts = ffi.new("fbat_str[]", [(scope, len(scope)) for scope in held])
            region.scopes, region.scope_count = texts, len(held)
            self._held += [held, texts]
        for name, value in given.items():
            if name in _RANGES:
                self._set_range(region, name, value)
            else:
                self._set(region, name, value, members[name])
        return region

    def _set_range(self, region: CData, name: str, value: Any) -> None:
        member, flag, *bounds = _RANGES[name]
        try:
            first, last = value
        except (TypeError, ValueError):
            message = f"{name} is {reprlib.repr(value)}, not a pair of the first and the last"
            raise TypeError(message) from None
        region.flags |= flag
        for end, at, bound in zip(("first", "last"), (first, last), bounds, strict=True):
            is_time = flag and isinstance(at, datetime.datetime)
            us = to_us(at) if is_time else bound if at is None else at
            ctype = _members("fbat_region")[member.format(end)]
            self._set(region, member.format(end), us, ctype, f"the {end} of {name}")
