"""Keyword arguments as a struct of options."""

from __future__ import annotations

import datetime
import reprlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fbat import _fast
from fbat._handle import struct
from fbat._id import number, text_bytes, wrong_type
from fbat._native import ffi, lib
from fbat._region import Cancel, Region, to_us
from fbat._structs import ImportReport, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fbat._native import CData, CType

_PARTS: Final = frozenset(Region.__annotations__)
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


class _Member(NamedTuple):
    """A member of a struct: its type, and between which numbers it is, if it is one."""

    ctype: CType
    low: int
    high: int


def _member(ctype: CType) -> _Member:
    if ctype.kind != "primitive":
        return _Member(ctype, 0, 0)
    bits = 8 * ffi.sizeof(ctype)
    low = -(1 << bits - 1) if ctype.cname[0] == "i" else 0
    return _Member(ctype, low, low + (1 << bits) - 1)


class _Layout:
    """What there is to know about a struct of options."""

    __slots__ = ("first", "has_region", "members", "pointer")

    def __init__(self, ctype: str) -> None:
        hidden, fields = ("struct_size", "reserved", "region"), ffi.typeof(ctype).fields
        shown = [(name, f) for name, f in fields if name not in hidden and name[-5:] != "_data"]
        self.members = {name: _member(f.type) for name, f in shown}
        self.has_region = any(name == "region" for name, _ in fields)
        self.pointer = ffi.typeof(f"{ctype} *")
        # All zero but for its size, and a progress callback by which Ctrl-C ends the call.
        self.first = struct(ctype)
        if "progress" in self.members:
            signals = ffi.cast(self.members["progress"].ctype, _fast.SIGNALS)
            self.first.progress = signals


_LAYOUTS: Final[dict[str, _Layout]] = {}


def _layout(ctype: str) -> _Layout:
    if ctype not in _LAYOUTS:
        _LAYOUTS[ctype] = _Layout(ctype)
    return _LAYOUTS[ctype]


def _several(name: str, value: Any) -> list[Any]:
    """What a keyword says: one value, or several. An empty list is not everything."""
    if isinstance(value, str | bytes | int) or not isinstance(value, Iterable):
        return [value]
    if not (values := list(value)):
        raise ValueError(f"{name} is an empty list; leave it out if none is meant")
    return values


def _kinds(name: str, value: Any) -> list[tuple[int, int]]:
    """Ranges of kinds: each one kind, or all of a category."""
    if name == "kind":
        return [(number("kind", kind, 0, 0xFFFF),) * 2 for kind in _several(name, value)]
    firsts = [number("category", category, 0, 15) << 12 for category in _several(name, value)]
    return [(first, first | 0xFFF) for first in firsts]


class Options:
    """A struct of options, and all that it points to."""

    __slots__ = ("_held", "pointer")

    def __init__(self, ctype: str, given: Mapping[str, Any]) -> None:
        layout, region = _layout(ctype), {}
        self._held: list[object] = []
        self.pointer = to = ffi.new(layout.pointer)
        to[0] = layout.first[0]
        for name, value in given.items():
            if layout.has_region and name in _PARTS:
                if value is not None:
                    region[name] = value
            elif name not in layout.members:
                raise TypeError(f"{name!r} is no keyword of this call")
            elif value is not None:
                self._set(to, name, value, layout.members[name])
        if region:
            to.region = self._region(region)

    def _set(self, to: CData, name: str, value: Any, member: _Member, label: str = "") -> None:
        """Sets a member by its type in C."""
        ctype, low, high = member
        if high:
            setattr(to, name, number(label or name, value, low, high))
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
        region, kinds = struct("fbat_region"), []
        self._held.append(region)
        for name, value in given.items():
            if name in _RANGES:
                self._set_range(region, name, value)
            elif name == "entity":
                self._set(region, name, value, _layout("fbat_region").members[name])
            elif name == "scope":
                held = [
                    ffi.from_buffer("char[]", text_bytes(name, scope))
                    for scope in _several(name, value)
                ]
                texts = ffi.new("fbat_str[]", [(scope, len(scope)) for scope in held])
                region.scopes, region.scope_count = texts, len(held)
                self._held += [*held, texts]
            else:
                kinds += _kinds(name, value)
        if kinds:
            ranges = ffi.new("fbat_kind_range[]", kinds)
            region.kinds, region.kind_count = ranges, len(kinds)
            self._held.append(ranges)
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
            of = _layout("fbat_region").members[member.format(end)]
            self._set(region, member.format(end), us, of, f"the {end} of {name}")
