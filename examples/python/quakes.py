"""A week of earthquakes: twelve stores become one.

    quakes.py EVENTS.jsonl DIRECTORY

Every seismic network of the input gets a store of its own, DIRECTORY/<network>. A hub,
DIRECTORY/hub, then imports from all of them: first only what a filter lets through, then the rest,
then nothing, because everything is there.

An event of these stores:
    entity     quake:<network>
    scope      usgs
    kind       category 1; type 1 earthquake, 2 explosion, 3 quarry blast
    timestamp  when the ground shook
    key        made from network and code, so that appending the same line again is a replay
    payload    the line of JSON as it stands in the input
"""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import fbat

from table import Table, bold, dim, good

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Unpack

BATCH_EVENTS = 256
STRONGEST = 5
MAGNITUDE_MIN = 2.5  # what the filter compares with
KIND_NAMES = ("earthquake", "explosion", "quarry blast")
KINDS = {name: fbat.kind(1, number) for number, name in enumerate(KIND_NAMES, 1)}

# What the input is known to hold; main answers with failure where the stores tell another story.
EXPECTED_EVENTS, EXPECTED_STRONG, EXPECTED_NETWORKS = 1707, 297, 12

surprises: list[str] = []


def die(message: str) -> NoReturn:
    """End the program."""
    sys.exit(f"quakes: {message}")


def expect(what: str, found: int, expected: int) -> None:
    """Take note of a figure that is not as it should be."""
    if found != expected:
        print(f"quakes: {what}: {found}, not {expected}", file=sys.stderr)
        surprises.append(what)


# ---- input ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quake:
    """A line of the input."""

    network: str
    event: fbat.Event


def parse_quake(number: int, line: bytes) -> Quake:
    """Make the event of a line."""
    try:
        fields = json.loads(line)
        network, code, kind = fields["net"], fields["code"], fields["type"]
        time_us = int(fields["time_ms"]) * 1000
    except (ValueError, KeyError, TypeError):
        die(f"line {number} of the input is not an event")
    if kind not in KINDS:
        die(f"'{kind}' is no type of event that this program knows")
    key = fbat.operation_key("usgs.quake", network, code)
    entity = f"quake:{network}"
    event = fbat.Event(entity, "usgs", KINDS[kind], line, key=key, timestamp_us=time_us)
    return Quake(network, event)


def read_input(path: str) -> list[Quake]:
    """Read all lines."""
    try:
        lines = Path(path).read_bytes().removesuffix(b"\n").split(b"\n")
    except OSError as error:
        die(f"{path}: {error.strerror}")
    return [parse_quake(number, line) for number, line in enumerate(lines, 1)]


# ---- one store for each network ------------------------------------------------------------------


@dataclass
class Appended:
    """How many events were appended."""

    events: int = 0
    fresh: int = 0
    batches: int = 0

    def figures(self) -> tuple[int, int, int]:
        """Events, batches, and events that were new."""
        return self.events, self.batches, self.fresh

    def add(self, other: Appended) -> None:
        """Add up."""
        self.events += other.events
        self.fresh += other.fresh
        self.batches += other.batches


def batches_of(events: list[fbat.Event]) -> Iterator[list[fbat.Event]]:
    """Cut a list into batches."""
    return (events[start : start + BATCH_EVENTS] for start in range(0, len(events), BATCH_EVENTS))


def append_all(store: fbat.Store, events: list[fbat.Event]) -> Appended:
    """Append in batches. A batch is there as a whole or not at all, and costs one fsync."""
    total = Appended()
    for batch in batches_of(events):
        receipts = store.append_batch(batch)
        total.add(Appended(len(batch), sum(not receipt.replayed for receipt in receipts), 1))
    return total


def heading(number: int, title: str, explanation: str) -> None:
    """Print the title of a part."""
    print(f"\n{bold(f'{number}  {title}')}\n   {dim(explanation)}\n")


def fill_networks(quakes: list[Quake], stores: dict[str, fbat.Store]) -> None:
    """Append every quake to the store of its network, twice."""
    columns = ("network", ">events", ">batches", ">first time", ">again: new", ">replayed")
    table, total, total_again = Table(columns), Appended(), Appended()
    for network, store in stores.items():
        events = [quake.event for quake in quakes if quake.network == network]
        first, again = append_all(store, events), append_all(store, events)
        table.row(network, *first.figures(), again.fresh, again.events - again.fresh)
        total.add(first)
        total_again.add(again)
    table.rule()
    replayed = total_again.events - total_again.fresh
    table.row(f"{len(stores)} networks", *total.figures(), total_again.fresh, replayed)
    told = "Every event carries a key made from network and code: appending it again is a replay."
    heading(1, "One store for each network", told)
    table.print()
    expect("networks", len(stores), EXPECTED_NETWORKS)
    expect("appended", total.fresh, EXPECTED_EVENTS)
    expect("appended twice", total_again.fresh, 0)


# ---- import --------------------------------------------------------------------------------------


def is_strong(record: fbat.Record) -> bool:
    """Let an event through when it is strong enough. Its payload was asked for, so it is here."""
    magnitude = json.loads(record.payload).get("mag")
    return magnitude is not None and magnitude >= MAGNITUDE_MIN


FIGURES = ("imported", "deduplicated", "skipped_filtered", "skipped_reserved")


def import_all(
    hub: fbat.Store, stores: dict[str, fbat.Store], **options: Unpack[fbat.ImportOptions]
) -> dict[str, int]:
    """Import every network into the hub, print the reports, and give their sum."""
    titles = (f">{name.removeprefix('skipped_')}" for name in FIGURES)
    columns = ("network", ">examined", *titles, ">watermark")
    table, total = Table(columns), dict.fromkeys(FIGURES, 0)
    for network, store in stores.items():
        report = hub.import_from(store, f"usgs/{network}", **options)
        figures = {name: getattr(report, name) for name in FIGURES}
        table.row(network, report.examined, *figures.values(), report.source_high_watermark)
        total = {name: total[name] + figures[name] for name in FIGURES}
    table.rule()
    table.row("total", sum(total.values()), *total.values(), "")
    table.print()
    return total


def import_three_times(hub: fbat.Store, stores: dict[str, fbat.Store]) -> None:
    """Import what is strong, then the rest, then nothing."""
    told = "A callback reads each payload and keeps magnitude 2.5 and up."
    heading(2, "Import through a filter", told)
    strong = import_all(hub, stores, filter=is_strong, filter_columns=fbat.Columns.PAYLOAD)
    told = "The rest arrives. What was there is deduplicated, not copied."
    heading(3, "Import again, without the filter", told)
    rest = import_all(hub, stores)
    heading(4, "Import once more", "Nothing is new: importing is safe to repeat.")
    nothing = import_all(hub, stores)
    expect("imported through the filter", strong["imported"], EXPECTED_STRONG)
    expect("filtered", strong["skipped_filtered"], EXPECTED_EVENTS - EXPECTED_STRONG)
    expect("imported without it", rest["imported"], EXPECTED_EVENTS - EXPECTED_STRONG)
    expect("deduplicated", rest["deduplicated"], EXPECTED_STRONG)
    expect("imported once more", nothing["imported"], 0)
    expect("deduplicated once more", nothing["deduplicated"], EXPECTED_EVENTS)


# ---- reading back --------------------------------------------------------------------------------


@dataclass(frozen=True)
class StrongQuake:
    """One of the strongest."""

    magnitude: float
    time_us: int
    id: fbat.Id
    place: str


def strong_quakes(records: Iterable[fbat.Record]) -> Iterator[StrongQuake]:
    """Read magnitude and place of each record that has both."""
    for record in records:
        fields: dict[str, Any] = json.loads(record.payload)
        if fields.get("mag") is not None and fields.get("place") is not None:
            yield StrongQuake(fields["mag"], record.timestamp_us, record.id, fields["place"])


def print_strongest(hub: fbat.Store) -> fbat.Id:
    """Print the strongest of the whole hub, the earlier one first where two are equal."""
    records = hub.records(entity="quake", columns=fbat.Columns.PAYLOAD)  # and all below quake:
    quakes = sorted(strong_quakes(records), key=lambda quake: (-quake.magnitude, quake.time_us))
    strongest = quakes[:STRONGEST]
    table = Table((">mag", "time (UTC)", "place", "source", ">seq", "id there"))
    for quake in strongest:
        provenance = hub.get(quake.id).provenance()
        if provenance is None:
            die("an event of the hub was not imported")
        table.row(
            f"{quake.magnitude:.1f}",
            f"{fbat.to_datetime(quake.time_us):%Y-%m-%d %H:%M}",
            quake.place,
            provenance.source_namespace,
            provenance.source_sequence,
            f"{str(provenance.source_event_id)[:8]}…",
        )
    heading(
        5,
        "The five strongest, and where they came from",
        "The hub knows for every event its store of origin, its sequence and its id there.",
    )
    table.print()
    expect("strongest quakes", len(strongest), STRONGEST)
    return strongest[0].id


def print_hex(data: bytes) -> None:
    """Print 32 bytes a line, with the offset in front."""
    for start in range(0, len(data), 32):
        line = data[start : start + 32]
        groups = "".join(f" {line[at : at + 8].hex()}" for at in range(0, len(line), 8))
        print(f"  {dim(f'{start:04x}')} {groups}")


def print_frame(hub: fbat.Store, event_id: fbat.Id) -> None:
    """Print the frame, which is how provenance travels."""
    heading(6, "A provenance frame", "As it goes over a wire, and decoded again.")
    provenance = hub.get(event_id).provenance()
    if provenance is None:
        die("an event of the hub was not imported")
    frame = provenance.encode()
    print_hex(frame)
    decoded = fbat.Provenance.decode(frame)
    print(f"\n  schema version  {decoded.schema_version}")
    print(f"  namespace       {decoded.source_namespace}")
    print(f"  event id        {decoded.source_event_id}")
    print(f"  sequence        {decoded.source_sequence}")
    print(f"  kind            0x{decoded.source_kind:04x}")
    print(f"  content hash    {decoded.source_content_hash}")
    expect("equal frames", decoded.encode() == frame, True)


def print_state(hub: fbat.Store) -> None:
    """Print what there is to know about the hub, and check it."""
    busiest = "quake:ci"
    heading(7, "The hub", "Every checksum, hash, chain and index is checked against the log.")
    head, frontier, (report, _) = hub.head(busiest), hub.frontier(), hub.verify()
    print(f"  head            {busiest} is at version {head.version}, sequence {head.sequence}")
    print(f"  frontier        visible {frontier.visible}, durable {frontier.durable}")
    verified = f"{report.events} events in {report.batches} batches"
    print(f"  verify          {verified}: {report.findings} findings")
    expect("findings", report.findings, 0)
    # Besides, the library's own: its genesis, what each namespace stands for, each import.
    expect("visible", frontier.visible, report.events)
    expect("durable", frontier.durable, frontier.visible)
    expect("events", report.events - report.system_events, EXPECTED_EVENTS)


def run(quakes: list[Quake], directory: Path) -> None:
    """Make the stores, and show them."""
    with contextlib.ExitStack() as stack:
        networks = dict.fromkeys(quake.network for quake in quakes)
        stores = {name: stack.enter_context(fbat.Store(directory / name)) for name in networks}
        fill_networks(quakes, stores)
        hub = stack.enter_context(fbat.Store(directory / "hub"))
        import_three_times(hub, stores)
        strongest = print_strongest(hub)
        print_frame(hub, strongest)
        print_state(hub)


def main() -> int:
    """Run the demo; 0 where everything was as expected."""
    if len(sys.argv) != 3:
        print(f"usage: {sys.argv[0]} EVENTS.jsonl DIRECTORY", file=sys.stderr)
        return 1
    directory = Path(sys.argv[2])
    try:
        directory.mkdir()
    except FileExistsError as error:
        die(f"{directory}: {error.strerror}; this program wants a fresh start")
    except OSError as error:
        die(f"{directory}: {error.strerror}")
    quakes = read_input(sys.argv[1])
    title, count = bold(f"fbat {fbat.version()}"), len(quakes)
    what = "earthquakes, explosions and quarry blasts of one week"
    print(f"{title}: {count} {what}, from {sys.argv[1]}")
    try:
        run(quakes, directory)
    except fbat.Error as error:
        die(str(error))
    expect("handles alive", fbat.live_handles(), 0)
    if surprises:
        print("\n✗ This is not what was expected.")
        return 1
    told = f"{EXPECTED_EVENTS} events of {EXPECTED_NETWORKS} networks in one store"
    print(f"\n{good('✓')} {told}, each once, each with its provenance.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
