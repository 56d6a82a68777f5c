/**
 * What an event costs through this binding: nanoseconds of one append in batches, one row of a
 * scan, one record of a filtered import.
 *
 *     bench DIR COUNT      makes stores below the empty directory DIR
 */
import { join } from "node:path";
import { Durability, type EventInit, kind, Store } from "fbat";

const BATCH_EVENTS = 256;
const ENTITIES = 100;
const PAYLOAD_BYTES = 256;

function report(name: string, begun: bigint, count: number): void {
  const elapsed = Number(process.hrtime.bigint() - begun);
  console.log(`${name} ${(elapsed / count).toFixed(1)}`);
}

function payloads(): Buffer[] {
  return Array.from({ length: BATCH_EVENTS }, (_, i) => Buffer.alloc(PAYLOAD_BYTES, i));
}

function appendAll(store: Store, count: number): void {
  const of = kind(1, 1);
  const bytes = payloads();
  const entities = Array.from(
    { length: ENTITIES },
    (_, i) => `sensor:${String(i).padStart(3, "0")}`,
  );
  const begun = process.hrtime.bigint();
  for (let first = 0; first < count; first += BATCH_EVENTS) {
    const events: EventInit[] = [];
    for (let i = first; i < Math.min(first + BATCH_EVENTS, count); i++) {
      events.push({
        entity: entities[i % ENTITIES] as string,
        scope: "bench",
        kind: of,
        payload: bytes[i % BATCH_EVENTS] as Buffer,
      });
    }
    store.appendBatch(events, { receipts: false });
  }
  report("append_batch", begun, count);
}

function scanAll(store: Store, count: number): void {
  let rows = 0;
  let bytes = 0;
  const begun = process.hrtime.bigint();
  for (const record of store.records()) {
    rows += 1;
    bytes += record.payload.length + record.entity.length;
  }
  report("page_scan", begun, count);
  expect(
    rows === count && bytes === count * (PAYLOAD_BYTES + "sensor:000".length),
    "the scan saw every event",
  );
}

function importAll(destination: Store, source: Store, count: number): void {
  const begun = process.hrtime.bigint();
  const { imported } = destination.importFrom(source, {
    sourceNamespace: "bench",
    filter: (record) => record.kind !== 0,
  });
  report("import_filter", begun, count);
  expect(imported === BigInt(count), "the import took every event");
}

function expect(holds: boolean, what: string): void {
  if (!holds) {
    throw new Error(`bench: it does not hold that ${what}`);
  }
}

const [directory, wanted] = process.argv.slice(2);
const count = Number(wanted);
if (directory === undefined || !Number.isSafeInteger(count) || count < 1) {
  console.error("usage: bench DIR COUNT");
  process.exit(2);
}
using source = Store.open(join(directory, "source"), { durability: Durability.OS });
using destination = Store.open(join(directory, "destination"), { durability: Durability.OS });
appendAll(source, count);
scanAll(source, count);
importAll(destination, source, count);
