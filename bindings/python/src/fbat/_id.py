"""Ids, hashes, kinds and keys: pure functions, the same in every version of the library."""

from __future__ import annotations

import operator
import os
import reprlib
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Self

from fbat._enums import Status
from fbat._error import InvalidError, call, check
from fbat._native import ffi, lib

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fbat._handle import AnyPath
    from fbat._native import CData

    AnyId = bytes | uuid.UUID  # an Id is bytes

__all__ = [
    "Hash",
    "Id",
    "content_hash",
    "entity_decode",
    "entity_encode",
    "kind",
    "kind_category",
    "kind_type",
    "namespace_from_path",
    "operation_key",
]


# ---- arguments: whatever is wrong with one is said with its name, and what was wanted -----------


def wrong_type(name: str, value: object, wanted: str) -> TypeError:
    """The exception for an argument of another type than is wanted."""
    return TypeError(f"{name} is {type(value).__name__}, not {wanted}")


def refused(name: str, value: object, allowed: str) -> InvalidError:
    """The exception for an argument that is outside of what is allowed."""
    message = f"{name} is {reprlib.repr(value)}, and not {allowed}"
    return InvalidError(Status.INVALID_ARGUMENT, message)


def text_bytes(name: str, value: object) -> bytes:
    """Text as UTF-8."""
    if not isinstance(value, str):
        raise wrong_type(name, value, "text")
    return value.encode()


def plain_bytes(name: str, value: Buffer, wanted: str) -> bytes:
    """What a bytes-like object holds. ``bytes()`` takes a number too, and makes zeros of it."""
    try:
        view = memoryview(value)
    except TypeError:
        raise wrong_type(name, value, wanted) from None
    with view:
        return bytes(view)


def from_buffer(name: str, value: Buffer) -> CData:
    """A bytes-like object where it lies, as a context manager that lets go of it."""
    try:
        return ffi.from_buffer("uint8_t[]", value)
    except TypeError:
        raise wrong_type(name, value, "bytes-like") from None


def number(name: str, value: object, low: int, high: int) -> int:
    """An integer within a range. ``True`` is none: it would pass for 1."""
    if isinstance(value, bool):
        raise wrong_type(name, value, "an integer")
    try:
        index = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise wrong_type(name, value, "an integer") from None
    if not low <= index <= high:
        raise refused(name, value, f"{low} to {high}")
    return index


def path_bytes(path: AnyPath) -> bytes:
    """A path as the file system has it. A NUL inside would end it early, so it is refused."""
    raw = os.fsencode(path)
    if b"\0" in raw:
        message = "a path has a NUL inside"
        raise InvalidError(Status.INVALID_ARGUMENT, message, path=os.fsdecode(raw))
    return raw


# ---- ids and hashes -----------------------------------------------------------------------------


class _Digest(bytes):
    """Bytes of a fixed length that are shown as hex digits."""

    __slots__ = ()
    SIZE: ClassVar[int]
    _ctype: ClassVar[str]
    _read: ClassVar[Callable[..., int]]

    def __new__(cls, value: Buffer) -> Self:
        wanted = f"{cls.SIZE} bytes; {cls.__name__}.from_hex() reads text"
        made = super().__new__(cls, plain_bytes(f"the value of {cls.__name__}", value, wanted))
        if len(made) != cls.SIZE:
            message = f"{cls.__name__} has {cls.SIZE} bytes, not {len(made)}"
            size = {"actual": len(made), "allowed": cls.SIZE}
            raise InvalidError(Status.INVALID_ARGUMENT, message, **size)
        return made

    @classmethod
    def of(cls, value: CData) -> Self:
        """What a struct of the library has."""
        return bytes.__new__(cls, ffi.buffer(value.bytes))

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Reads hex digits of either case; :class:`InvalidError` for anything else."""
        if not isinstance(text, str):
            raise wrong_type("text", text, "text")
        raw, out = text.encode("utf-8", "surrogatepass"), ffi.new(cls._ctype)
        if cls._read(raw, len(raw), out) == lib.FBAT_ERR_INVALID_ARGUMENT:
            raise refused("text", text, f"{2 * cls.SIZE} hex digits")
        return cls.of(out)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (bytes(self),)

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"{type(self).__name__}.from_hex('{self.hex()}')"


class Id(_Digest):
    """A 128-bit identifier: of an event, a correlation, a cause, an idempotency key or a store.

    It is ``bytes`` of 16, most significant first; ``str()`` shows it as 32 hex digits. Where there
    is none, fbat gives and takes ``None`` instead of zeros. A ``uuid.UUID`` is taken wherever an id
    is.
    """

    __slots__ = ()
    SIZE = 16
    _ctype, _read = "fbat_id *", lib.fbat_id_from_hex

    def __new__(cls, value: Buffer | uuid.UUID) -> Self:
        known: Any = sys.modules.get("uuid")  # without it, there is no such object
        raw: Any = value.bytes if known and isinstance(value, known.UUID) else value
        return super().__new__(cls, raw)

    @property
    def uuid(self) -> uuid.UUID:
        """The same 128 bits as a UUID. Ids that the library makes are UUIDs of version 7."""
        import uuid  # noqa: PLC0415, seldom used

        return uuid.UUID(bytes=bytes(self))


class Hash(_Digest):
    """A 256-bit BLAKE3 hash: ``bytes`` of 32, shown as 64 hex digits."""

    __slots__ = ()
    SIZE = 32
    _ctype, _read = "fbat_hash *", lib.fbat_hash_from_hex


# ---- functions ----------------------------------------------------------------------------------


def content_hash(data: Buffer) -> Hash:
    """The content hash of a payload: plain BLAKE3 of its bytes."""
    out = ffi.new("fbat_hash *")
    with from_buffer("data", data) as raw:
        check(lib.fbat_content_hash(raw, len(raw), out))
    return Hash.of(out)


def kind(category: int, type: int) -> int:  # noqa: A002, the header's word
    """The kind of a category (0 to 15; 0x0 and 0xD are the library's) and a type (0 to 4095)."""
    out = ffi.new("uint16_t *")
    check(lib.fbat_kind(number("category", category, 0, 15), number("type", type, 0, 4095), out))
    return int(out[0])


def kind_category(kind: int) -> int:
    """The category of a kind: its top 4 bits."""
    return lib.fbat_kind_category(number("kind", kind, 0, 0xFFFF))


def kind_type(kind: int) -> int:
    """The type of a kind within its category: its low 12 bits."""
    return lib.fbat_kind_type(number("kind", kind, 0, 0xFFFF))


def operation_key(domain: str | Buffer, *parts: str | Buffer) -> Id:
    """A key for events, made from a domain (what sort of operation) and parts: text, which counts
    as UTF-8, or bytes.

    The key is kept for ever, so nothing else is taken for one: of a number, pass ``str(number)``.
    """
    names = ["domain", *(f"part {i}" for i in range(len(parts)))]
    raw_domain, *raw = (
        part.encode() if isinstance(part, str) else plain_bytes(name, part, "text or bytes")
        for name, part in zip(names, (domain, *parts), strict=True)
    )
    held = [ffi.from_buffer("char[]", part) for part in raw]
    strings = ffi.new("fbat_str[]", [(part, len(part)) for part in held])
    out = ffi.new("fbat_id *")
    check(lib.fbat_operation_key(raw_domain, len(raw_domain), strings, len(held), out))
    return Id.of(out)


def namespace_from_path(path: AnyPath) -> str:
    """A namespace for a directory on this machine: ``data-dir:`` and a hash of its canonical path.

    A convenience for local tools: it changes when the directory moves. Where stores move, choose a
    name of your own.
    """
    out = ffi.new("fbat_buffer **")
    call(lib.fbat_namespace_from_path, path_bytes(path), out)
    return take_buffer(out[0]).decode()


def entity_encode(text: str) -> str:
    """The entity, or scope, that stands for any text: for names of others, such as paths, URLs and
    topics, which have what entities refuse.

    Control bytes, ``/``, ``=``, ``|``, ``%`` and the second dot of ``..`` are percent-encoded; all
    else stays as it is, also a ``:``, since it divides.
    """
    return _recoded(lib.fbat_entity_encode, "text", text)


def entity_decode(entity: str) -> str:
    """The text that an entity, or scope, of :func:`entity_encode` stands for."""
    return _recoded(lib.fbat_entity_decode, "entity", entity)


def _recoded(function: Callable[..., int], name: str, text: str) -> str:
    raw, out = text_bytes(name, text), ffi.new("fbat_buffer **")
    call(function, raw, len(raw), out)
    return take_buffer(out[0]).decode()


def take_buffer(buffer: CData) -> bytes:
    """The bytes of a buffer, which is freed."""
    try:
        return bytes(ffi.buffer(lib.fbat_buffer_data(buffer), lib.fbat_buffer_len(buffer)))
    finally:
        lib.fbat_buffer_free(buffer)
