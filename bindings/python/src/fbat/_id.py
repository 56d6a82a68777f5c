"""Ids, hashes, kinds and keys: pure functions, the same in every version of the library."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, Self

from fbat._argument import check_argument, from_buffer, number, plain_bytes, text_or_bytes, u16, wrong_type
from fbat._error import Detail, InvalidError, Status, check
from fbat._native import ffi, lib

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from fbat._native import CData


class _Digest(bytes):
    """Bytes of a fixed length that are shown as hex digits."""

    __slots__ = ()
    SIZE: ClassVar[int]

    def __new__(cls, value: Buffer) -> Self:
        wanted = f"{cls.SIZE} bytes; {cls.__name__}.from_hex() reads text"
        made = super().__new__(cls, plain_bytes(f"the value of {cls.__name__}", value, wanted))
        if len(made) != cls.SIZE:
            message = f"{cls.__name__} has {cls.SIZE} bytes, not {len(made)}"
            raise InvalidError(Status.INVALID_ARGUMENT, message, found=len(made), supported=cls.SIZE)
        return made

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"{type(self).__name__}.from_hex('{self.hex()}')"


class Id(_Digest):
    """A 128-bit identifier: of an event, a correlation, a cause, an idempotency key or a store.

    It is ``bytes`` of 16, most significant first; ``str()`` shows it as 32 hex digits. Where there is none, fbat gives
    and takes ``None`` instead of zeros.
    """

    __slots__ = ()
    SIZE = 16

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Reads an id from 32 hex digits of either case; :class:`InvalidError` for anything else."""
        if not isinstance(text, str):
            raise wrong_type("text", text, "text")
        raw, out = text.encode("utf-8", "surrogatepass"), ffi.new("fbat_id *")
        check_argument(lib.fbat_id_from_hex(raw, len(raw), out), "text", text, "32 hex digits")
        return cls(bytes(out.bytes))


class Hash(_Digest):
    """A 256-bit BLAKE3 hash: ``bytes`` of 32, shown as 64 hex digits."""

    __slots__ = ()
    SIZE = 32

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Reads a hash from 64 hex digits of either case; :class:`InvalidError` for anything else."""
        if not isinstance(text, str):
            raise wrong_type("text", text, "text")
        raw, out = text.encode("utf-8", "surrogatepass"), ffi.new("fbat_hash *")
        check_argument(lib.fbat_hash_from_hex(raw, len(raw), out), "text", text, "64 hex digits")
        return cls(bytes(out.bytes))


def content_hash(data: Buffer) -> Hash:
    """The content hash of a payload: plain BLAKE3 of its bytes."""
    out = ffi.new("fbat_hash *")
    with from_buffer("data", data) as raw:
        check(lib.fbat_content_hash(raw, len(raw), out))
    return Hash(bytes(out.bytes))


def kind(category: int, type: int) -> int:  # noqa: A002, the header's word
    """The kind of a category (0 to 15; 0x0 and 0xD are the library's own) and a type (0 to 4095)."""
    out = ffi.new("uint16_t *")
    check(lib.fbat_kind(number("category", category, 0, 15), number("type", type, 0, 4095), out))
    return int(out[0])


def kind_category(kind: int) -> int:
    """The category of a kind: its top 4 bits."""
    return lib.fbat_kind_category(u16("kind", kind))


def kind_type(kind: int) -> int:
    """The type of a kind within its category: its low 12 bits."""
    return lib.fbat_kind_type(u16("kind", kind))


def operation_key(domain: str | Buffer, *parts: str | Buffer) -> Id:
    """A key for events, made from a domain (what sort of operation) and parts: text, which counts as UTF-8, or bytes.

    The key is kept for ever, so nothing else is taken for one of them: of a number, pass ``str(number)``.
    """
    raw_domain = text_or_bytes("domain", domain)
    raw_parts = [ffi.from_buffer("char[]", text_or_bytes(f"part {i}", part)) for i, part in enumerate(parts)]
    strings = ffi.new("fbat_str[]", [(part, len(part)) for part in raw_parts])
    out = ffi.new("fbat_id *")
    check(lib.fbat_operation_key(raw_domain, len(raw_domain), strings, len(raw_parts), out))
    return Id(bytes(out.bytes))


def namespace_from_path(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    """A namespace for a directory on this machine: ``data-dir:`` and a hash of its canonical path.

    A convenience for local tools: it changes when the directory moves. Where stores move, choose a name of your own.
    """
    out = ffi.new("fbat_buffer **")
    with Detail() as err:
        err.check(lib.fbat_namespace_from_path(path_bytes(path), out, err.out))
    return take_buffer(out[0]).decode()


def path_bytes(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> bytes:
    """A path as the file system has it. A NUL inside would end it early, so it is refused as `open` does."""
    raw = os.fsencode(path)
    if b"\0" in raw:
        raise InvalidError(Status.INVALID_ARGUMENT, "a path has a NUL inside", path=os.fsdecode(raw))
    return raw


def take_buffer(buffer: CData) -> bytes:
    """The bytes of a buffer, which is freed."""
    try:
        return bytes(ffi.buffer(lib.fbat_buffer_data(buffer), lib.fbat_buffer_len(buffer)))
    finally:
        lib.fbat_buffer_free(buffer)
