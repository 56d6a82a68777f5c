"""Where an imported event came from: its parts, its body, and its FBATIP frame."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from fbat._error import call
from fbat._handle import struct, text_of
from fbat._id import Hash, Id, from_buffer, number, take_buffer, text_bytes
from fbat._native import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from typing_extensions import Buffer

    from fbat._native import CData

__all__ = ["PROVENANCE_MAGIC", "SCHEMA_VERSION", "Provenance"]

SCHEMA_VERSION: Final[int] = lib.FBAT_PROVENANCE_SCHEMA_VERSION
"""The schema version that this library writes, and the highest that it reads."""

PROVENANCE_MAGIC: Final = b"FBATIP"
"""The first 6 bytes of a provenance frame."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where an imported event came from.

    - ``source_namespace``: The name that the source had in the import: 1 to 1024 bytes of UTF-8.
    - ``source_event_id``: The event's id in the source.
    - ``source_sequence``: Its global sequence there.
    - ``source_kind``: Its kind there.
    - ``source_content_hash``: Its content hash there.
    - ``schema_version``: The version of its encoding.
    """

    source_namespace: str
    source_event_id: Id
    source_sequence: int
    source_kind: int
    source_content_hash: Hash
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def decode(cls, frame: Buffer, flags: int = 0) -> Self:
        """Reads an FBATIP frame: magic, version, checksum, body. Flags are :class:`WireFlags`."""
        return cls._read(lib.fbat_provenance_decode, "frame", frame, flags)

    @classmethod
    def from_extension(cls, body: Buffer, flags: int = 0) -> Self:
        """Reads a bare body, as the extension ``batpak.import.provenance`` holds it. Flags are
        :class:`WireFlags`.
        """
        return cls._read(lib.fbat_provenance_from_extension, "body", body, flags)

    @classmethod
    def _read(cls, read: Callable[..., int], name: str, data: Buffer, flags: int) -> Self:
        out = struct("fbat_provenance")
        with from_buffer(name, data) as raw:
            call(read, raw, len(raw), number("flags", flags, 0, 0xFFFF_FFFF), out)
            return cls._of(out)  # its text points into the bytes

    @classmethod
    def _of(cls, value: CData) -> Self:
        return cls(
            source_namespace=text_of(value.source_namespace),
            source_event_id=Id.of(value.source_event_id),
            source_sequence=value.source_sequence,
            source_kind=value.source_kind,
            source_content_hash=Hash.of(value.source_content_hash),
            schema_version=value.schema_version,
        )

    def encode(self) -> bytes:
        """The FBATIP frame: magic, version, checksum, body."""
        return self._write(lib.fbat_provenance_encode)

    def encode_body(self) -> bytes:
        """The bare body, as the extension ``batpak.import.provenance`` holds it."""
        return self._write(lib.fbat_provenance_encode_body)

    def _write(self, write: Callable[..., int]) -> bytes:
        value, out = struct("fbat_provenance"), ffi.new("fbat_buffer **")
        namespace = text_bytes("source_namespace", self.source_namespace)
        held = ffi.from_buffer("char[]", namespace)
        value.source_namespace = (held, len(held))
        value.source_event_id = (Id(self.source_event_id),)
        value.source_sequence = number("source_sequence", self.source_sequence, 0, 2**64 - 1)
        value.source_kind = number("source_kind", self.source_kind, 0, 0xFFFF)
        value.source_content_hash = (Hash(self.source_content_hash),)
        value.schema_version = number("schema_version", self.schema_version, 0, 0xFFFF)
        call(write, value, out)
        return take_buffer(out[0])
