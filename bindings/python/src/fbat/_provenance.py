"""Where an imported event came from: its parts, its body, and its FBATIP frame."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final

from fbat._argument import from_buffer, set_number, set_text, u32
from fbat._error import Detail, check, text_of
from fbat._handle import Handle, owned
from fbat._id import Hash, Id, take_buffer
from fbat._native import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from typing_extensions import Buffer

    from fbat._native import CData

SCHEMA_VERSION: Final[int] = lib.FBAT_PROVENANCE_SCHEMA_VERSION
"""The schema version that this library writes, and the highest that it reads."""

PROVENANCE_MAGIC: Final = b"FBATIP"
"""The first 6 bytes of a provenance frame."""


class WireFlags(enum.IntFlag):
    """How provenance is decoded."""

    STRICT = 0
    """Only the one canonical encoding is accepted."""
    LENIENT = lib.FBAT_WIRE_LENIENT
    """Every encoding that can be understood is accepted."""


class Provenance(Handle):
    """Where an imported event came from. Its parts can be set, by one thread at a time."""

    __slots__ = ()

    def __init__(
        self,
        *,
        namespace: str | None = None,
        event_id: Id | None = None,
        sequence: int = 0,
        kind: int = 0,
        content_hash: Hash | None = None,
        schema_version: int = SCHEMA_VERSION,
    ) -> None:
        self._pointer = owned(lib.fbat_provenance_new(), lib.fbat_provenance_free)
        if namespace is not None:
            self.namespace = namespace
        if event_id is not None:
            self.event_id = event_id
        if content_hash is not None:
            self.content_hash = content_hash
        self.sequence = sequence
        self.kind = kind
        self.schema_version = schema_version

    @classmethod
    def _adopt(cls, pointer: CData) -> Self | None:
        """A provenance that a call made; None for NULL, which tells that an event was not imported."""
        if pointer == ffi.NULL:
            return None
        made = cls.__new__(cls)
        made._pointer = owned(pointer, lib.fbat_provenance_free)
        return made

    @classmethod
    def decode(cls, frame: Buffer, flags: WireFlags | int = WireFlags.STRICT) -> Self:
        """Reads an FBATIP frame: magic, version, checksum, body."""
        return cls._read(lib.fbat_provenance_decode, "frame", frame, flags)

    @classmethod
    def from_extension(cls, body: Buffer, flags: WireFlags | int = WireFlags.STRICT) -> Self:
        """Reads a bare body, as the extension ``batpak.import.provenance`` holds it."""
        return cls._read(lib.fbat_provenance_from_extension, "body", body, flags)

    @classmethod
    def _read(cls, read: Callable[[CData, int, int, CData, CData], int], name: str, data: Buffer, flags: int) -> Self:
        out = ffi.new("fbat_provenance **")
        with Detail() as err, from_buffer(name, data) as raw:
            err.check(read(raw, len(raw), u32("flags", flags), out, err.out))
        made = cls._adopt(out[0])
        assert made is not None, "decoding that succeeds gives a provenance"
        return made

    def encode(self) -> bytes:
        """The FBATIP frame: magic, version, checksum, body."""
        return self._write(lib.fbat_provenance_encode)

    def encode_body(self) -> bytes:
        """The bare body, as the extension ``batpak.import.provenance`` holds it."""
        return self._write(lib.fbat_provenance_encode_body)

    def _write(self, write: Callable[[CData, CData, CData], int]) -> bytes:
        out = ffi.new("fbat_buffer **")
        with Detail() as err:
            err.check(write(self._pointer, out, err.out))
        return take_buffer(out[0])

    @property
    def schema_version(self) -> int:
        """The schema version. Encoding refuses versions above :data:`SCHEMA_VERSION`."""
        return lib.fbat_provenance_get_schema_version(self._pointer)

    @schema_version.setter
    def schema_version(self, value: int) -> None:
        set_number(lib.fbat_provenance_set_schema_version, self._pointer, "schema_version", value, "0 to 65535")

    @property
    def namespace(self) -> str:
        """The name that the source had in the import: 1 to 1024 bytes of UTF-8; empty where it is not set."""
        return text_of(lib.fbat_provenance_get_namespace(self._pointer))

    @namespace.setter
    def namespace(self, value: str) -> None:
        set_text(lib.fbat_provenance_set_namespace, self._pointer, "namespace", value, "1 to 1024 bytes of UTF-8")

    @property
    def event_id(self) -> Id:
        """The event's id in the source."""
        return Id(bytes(lib.fbat_provenance_get_event_id(self._pointer).bytes))

    @event_id.setter
    def event_id(self, value: Id) -> None:
        check(lib.fbat_provenance_set_event_id(self._pointer, ffi.new("fbat_id *", (Id(value),))))

    @property
    def sequence(self) -> int:
        """The event's global sequence in the source."""
        return lib.fbat_provenance_get_sequence(self._pointer)

    @sequence.setter
    def sequence(self, value: int) -> None:
        set_number(lib.fbat_provenance_set_sequence, self._pointer, "sequence", value, "0 to 18446744073709551615")

    @property
    def kind(self) -> int:
        """The event's kind in the source."""
        return lib.fbat_provenance_get_kind(self._pointer)

    @kind.setter
    def kind(self, value: int) -> None:
        set_number(lib.fbat_provenance_set_kind, self._pointer, "kind", value, "0 to 65535")

    @property
    def content_hash(self) -> Hash:
        """The content hash of the event in the source."""
        return Hash(bytes(lib.fbat_provenance_get_content_hash(self._pointer).bytes))

    @content_hash.setter
    def content_hash(self, value: Hash) -> None:
        check(lib.fbat_provenance_set_content_hash(self._pointer, ffi.new("fbat_hash *", (Hash(value),))))

    def as_dict(self) -> dict[str, Any]:
        """All parts by their names."""
        names = ("schema_version", "namespace", "event_id", "sequence", "kind", "content_hash")
        return {name: getattr(self, name) for name in names}

    def __eq__(self, other: object) -> bool:
        return self.as_dict() == other.as_dict() if isinstance(other, Provenance) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # its parts can be set

    def __repr__(self) -> str:
        return f"Provenance({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"
