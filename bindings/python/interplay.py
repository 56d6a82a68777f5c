"""One store, every language: tests/outside/interplay/README.md says what each command prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import fbat

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS: Final = 300


def event(i: int) -> fbat.Event:
    """The event of a number."""
    return fbat.Event(
        f"sensor:{i % 7}",
        "plant" if i % 2 == 0 else "Gebäude",
        fbat.kind(1, i % 5),
        bytes(range(i % 50)),
        payload_version=i % 3,
        key=fbat.operation_key("interplay", str(i)),
        timestamp_us=1_700_000_000_000_000 + i,
        correlation=fbat.operation_key("interplay-correlation", str(i // 10)),
        causation_item=1 if i % 10 == 3 else 0,
        extensions={"test.index": str(i).encode()} if i % 4 == 0 else None,
    )


def write(directory: str) -> None:
    """Make a store."""
    with fbat.Store(directory, mode=fbat.OpenMode.MUST_BE_NEW, label="interplay") as store:
        store.append_batch([event(i) for i in range(EVENTS)], receipts=False)


def line(record: fbat.Record) -> str:
    """The line of an event."""
    extensions = ",".join(f"{key}={value.hex() or '-'}" for key, value in record.extensions.items())
    source = f"{record.source_namespace}/{record.source_sequence}/{record.source_event_id}"
    fields = (
        record.sequence,
        record.entity,
        record.scope,
        f"0x{record.kind:04x}",
        record.payload_version,
        record.version,
        record.timestamp_us,
        record.id,
        record.correlation or "-",
        record.causation or "-",
        record.payload.hex() or "-",
        extensions or "-",
        record.content_hash,
        source if record.imported else "-",
    )
    return " ".join(map(str, fields))


def read(directory: str) -> None:
    """Print every event."""
    with fbat.Store(directory, mode=fbat.OpenMode.READ_ONLY) as store:
        for record in store:
            print(line(record))


def import_(source_directory: str, destination_directory: str) -> None:
    """Import one store into another, and print the report."""
    with (
        fbat.Store(source_directory, mode=fbat.OpenMode.READ_ONLY) as source,
        fbat.Store(destination_directory) as destination,
    ):
        report = destination.import_from(
            source, "interplay/source", filter=lambda record: fbat.kind_type(record.kind) % 2 == 0
        )
    figures = {
        "imported": report.imported,
        "deduplicated": report.deduplicated,
        "filtered": report.skipped_filtered,
        "reserved": report.skipped_reserved,
        "conflicts": report.conflicts,
        "watermark": report.source_high_watermark,
    }
    print(*(f"{name} {figure}" for name, figure in figures.items()))


def frame(directory: str) -> None:
    """Print the provenance of each imported event as a frame."""
    with fbat.Store(directory, mode=fbat.OpenMode.READ_ONLY) as store:
        for record in store:
            provenance = record.provenance()
            if provenance is not None:
                print(provenance.encode().hex())


def decode() -> None:
    """Print what is in such frames."""
    for text in sys.stdin:
        provenance = fbat.Provenance.decode(bytes.fromhex(text))
        source = (
            provenance.source_namespace,
            provenance.source_event_id,
            provenance.source_sequence,
        )
        print(*source, f"0x{provenance.source_kind:04x}", provenance.source_content_hash)


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "write": write,
    "read": read,
    "import": import_,
    "frame": frame,
    "decode": decode,
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
