/** One store, every language: see tests/outside/interplay/README.md for what each command does. */
import { createInterface } from "node:readline";
import {
  decodeProvenance,
  type EventInit,
  type EventRecord,
  encodeProvenance,
  kind,
  kindType,
  OpenMode,
  operationKey,
  Store,
} from "fbat";

const EVENTS = 300;
const FIRST_TIMESTAMP_US = 1_700_000_000_000_000n;

function eventOf(i: number): EventInit {
  return {
    entity: `sensor:${i % 7}`,
    scope: i % 2 === 0 ? "plant" : "Gebäude",
    kind: kind(1, i % 5),
    payload: Uint8Array.from({ length: i % 50 }, (_, byte) => byte),
    payloadVersion: i % 3,
    key: operationKey("interplay", String(i)),
    timestampUs: FIRST_TIMESTAMP_US + BigInt(i),
    correlation: operationKey("interplay-correlation", String(Math.floor(i / 10))),
    causationItem: i % 10 === 3 ? 1 : 0,
    extensions: i % 4 === 0 ? [["test.index", String(i)]] : [],
  };
}

function write(path: string): void {
  using store = Store.open(path, { label: "interplay" });
  store.appendBatch(Array.from({ length: EVENTS }, (_, i) => eventOf(i)));
}

function kindText(of: number): string {
  return `0x${of.toString(16).padStart(4, "0")}`;
}

function lineOf(record: EventRecord): string {
  const extensions = [...record.extensions].map(
    ([key, value]) => `${key}=${value.toString("hex")}`,
  );
  const source = [record.sourceNamespace, record.sourceSequence, record.sourceEventId];
  return [
    record.sequence,
    record.entity,
    record.scope,
    kindText(record.kind),
    record.payloadVersion,
    record.version,
    record.timestampUs,
    record.id,
    record.correlation ?? "-",
    record.causation ?? "-",
    record.payload.toString("hex") || "-",
    extensions.join(",") || "-",
    record.contentHash,
    record.isImported ? source.join("/") : "-",
  ].join(" ");
}

function read(path: string): void {
  using store = Store.open(path, { mode: OpenMode.READ_ONLY });
  for (const record of store.records()) {
    console.log(lineOf(record));
  }
}

function importInto(sourcePath: string, destinationPath: string): void {
  using source = Store.open(sourcePath, { mode: OpenMode.READ_ONLY });
  using destination = Store.open(destinationPath);
  const of = destination.importFrom(source, {
    sourceNamespace: "interplay/source",
    filter: (record) => kindType(record.kind) % 2 === 0,
  });
  console.log(
    `imported ${of.imported} deduplicated ${of.deduplicated} filtered ${of.skippedFiltered}`,
    `reserved ${of.skippedReserved} conflicts ${of.conflicts} watermark ${of.sourceHighWatermark}`,
  );
}

function frame(path: string): void {
  using store = Store.open(path, { mode: OpenMode.READ_ONLY });
  for (const record of store.records()) {
    const provenance = record.provenance();
    if (provenance !== null) {
      console.log(encodeProvenance(provenance).toString("hex"));
    }
  }
}

async function decode(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const of = decodeProvenance(Buffer.from(line, "hex"));
    const { sourceNamespace, sourceEventId, sourceSequence, sourceKind, sourceContentHash } = of;
    const source = [sourceNamespace, sourceEventId, sourceSequence];
    console.log([...source, kindText(sourceKind), sourceContentHash].join(" "));
  }
}

const commands: Readonly<Record<string, (...paths: string[]) => void | Promise<void>>> = {
  write,
  read,
  import: importInto,
  frame,
  decode,
};

const [name = "", ...paths] = process.argv.slice(2);
const command = commands[name];
if (command === undefined || paths.length !== command.length) {
  console.error("usage: interplay write|read|frame DIR | import SOURCE DESTINATION | decode");
  process.exit(2);
}
await command(...paths);
