/** Events read back. */
import { type InspectOptions, inspect } from "node:util";
import { ok, withArena } from "./call.js";
import { Column, RecordFlag } from "./constants.js";
import { closed } from "./error.js";
import { HASH_BYTES, type Hash, hexOrNull, ID_BYTES, type Id } from "./hex.js";
import { layout } from "./layout.js";
import { copyMemory, fbat } from "./library.js";
import { Block, copyBytes, readText } from "./memory.js";
import { Provenance } from "./provenance.js";
import { type JsonObject, jsonObject, members, show } from "./show.js";

const RECORD = layout({
  structSize: "size",
  id: "id",
  sequence: "u64",
  entity: "text",
  scope: "text",
  kind: "u16",
  payloadVersion: "u16",
  flags: "u32",
  recordFlags: "u32",
  reserved: "u32",
  version: "u64",
  timestampUs: "i64",
  recordedUs: "i64",
  correlation: "id",
  causation: "id",
  payload: "text",
  payloadSize: "size",
  extensions: "pointer",
  extensionCount: "size",
  contentHash: "hash",
  eventHash: "hash",
  previousHash: "hash",
  sourceNamespace: "text",
  sourceEventId: "id",
  sourceSequence: "u64",
  rawProvenance: "text",
});
const R = RECORD.at;
const EXTENSION_BYTES = 32;
const EXTENSION_VALUE = 16;
/** What a record points to beside its extensions: each an address and a length. */
const SLICES = [R.entity, R.scope, R.payload, R.sourceNamespace, R.rawProvenance];

/** Structs of records, and how to get at what they point to. */
export interface Rows {
  readonly block: Block;
  text(at: number): string;
  bytes(at: number): Buffer;
  extensions(at: number): Map<string, Buffer>;
  /** Calls `body` with the address of a record as the library knows it. */
  withRecord<T>(at: number, body: (address: number) => T): T;
}

/** All members of a record, as {@link EventRecord.toObject} gives them. */
export type RecordObject = Omit<EventRecord, "toObject" | "toJSON" | "provenance" | typeof inspect.custom>;

/** All members of a record as JSON has them: 64-bit integers are decimal text, bytes are base64. */
export type RecordJson = JsonObject<RecordObject>;

/**
 * An event as a reader sees it. Members are read when they are asked for. One of a page, or of a query, is good for
 * ever (and holds its page in memory: copy a payload that you keep for long); one of a filter until the filter returns.
 */
export class EventRecord {
  #rows: Rows;
  readonly #at: number;

  /** @internal */
  constructor(rows: Rows, at: number) {
    this.#rows = rows;
    this.#at = at;
  }

  /** The event's id. */
  get id(): Id {
    return this.#hex(R.id, ID_BYTES) as Id;
  }

  /** Its place in the store: counted from 1, in the order of commits, never used again. */
  get sequence(): bigint {
    return this.#rows.block.view.getBigUint64(this.#at + R.sequence, true);
  }

  /** What the event is about. */
  get entity(): string {
    return this.#rows.text(this.#at + R.entity);
  }

  /** Whose event it is. */
  get scope(): string {
    return this.#rows.text(this.#at + R.scope);
  }

  /** What sort of event: category in the top 4 bits, type in the low 12. */
  get kind(): number {
    return this.#rows.block.view.getUint16(this.#at + R.kind, true);
  }

  /** The caller's own. */
  get payloadVersion(): number {
    return this.#rows.block.view.getUint16(this.#at + R.payloadVersion, true);
  }

  /** The caller's own. */
  get flags(): number {
    return this.#rows.block.view.getUint32(this.#at + R.flags, true);
  }

  /** Bits of `RecordFlag`. */
  get recordFlags(): number {
    return this.#rows.block.view.getUint32(this.#at + R.recordFlags, true);
  }

  /** Whether it was imported. */
  get isImported(): boolean {
    return (this.recordFlags & RecordFlag.IMPORTED) !== 0;
  }

  /** How many events the entity had with this one: 1 for its first. */
  get version(): bigint {
    return this.#rows.block.view.getBigUint64(this.#at + R.version, true);
  }

  /** The event's time: microseconds since 1970. */
  get timestampUs(): bigint {
    return this.#rows.block.view.getBigInt64(this.#at + R.timestampUs, true);
  }

  /** When this store wrote it: microseconds since 1970. Never goes back. */
  get recordedUs(): bigint {
    return this.#rows.block.view.getBigInt64(this.#at + R.recordedUs, true);
  }

  /** What the event belongs to. */
  get correlation(): Id | null {
    return this.#hexOrNull(R.correlation, ID_BYTES) as Id | null;
  }

  /** The event that caused it. Imported events have none. */
  get causation(): Id | null {
    return this.#hexOrNull(R.causation, ID_BYTES) as Id | null;
  }

  /** The payload; empty without its column. Bytes of a page are shared by all who ask: don't write to them. */
  get payload(): Buffer {
    return this.#rows.bytes(this.#at + R.payload);
  }

  /** How long the event's payload is, also where its column was not asked for. */
  get payloadSize(): number {
    return this.#rows.block.word(this.#at + R.payloadSize);
  }

  /**
   * The extensions in the order in which they were given; none without their column. An imported event has its
   * provenance behind them: `batpak.import.provenance`.
   */
  get extensions(): Map<string, Buffer> {
    return this.#rows.extensions(this.#at);
  }

  /** BLAKE3 of the payload. */
  get contentHash(): Hash {
    return this.#hex(R.contentHash, HASH_BYTES) as Hash;
  }

  /** Hash over the event and the entity's history before it. */
  get eventHash(): Hash {
    return this.#hex(R.eventHash, HASH_BYTES) as Hash;
  }

  /** The `eventHash` of the entity's event before this one; null without its column, and where that event was lost. */
  get previousHash(): Hash | null {
    return this.#hexOrNull(R.previousHash, HASH_BYTES) as Hash | null;
  }

  /** Of an imported event: the name that its source had in the import. */
  get sourceNamespace(): string | null {
    return this.#rows.text(this.#at + R.sourceNamespace) || null;
  }

  /** Of an imported event: its id in the source. */
  get sourceEventId(): Id | null {
    return this.#hexOrNull(R.sourceEventId, ID_BYTES) as Id | null;
  }

  /** Of an imported event: its global sequence in the source. */
  get sourceSequence(): bigint | null {
    return this.#rows.block.view.getBigUint64(this.#at + R.sourceSequence, true) || null;
  }

  /** A provenance that this version of the library did not write, as the log has it; mostly null. */
  get rawProvenance(): Buffer | null {
    const bytes = this.#rows.bytes(this.#at + R.rawProvenance);
    return bytes.length === 0 ? null : bytes;
  }

  /** Where the event came from; null where it was not imported. Dispose of what you get. */
  provenance(): Provenance | null {
    return this.#rows.withRecord(this.#at, (address) =>
      withArena((arena) => {
        ok(arena, fbat.fbat_record_provenance(address, arena.out.address, arena.error.address));
        return Provenance.take(arena.out.handle);
      }),
    );
  }

  /** All members as they are now, also of a filter's record after the filter has returned. */
  toObject(): RecordObject {
    return members(this) as RecordObject;
  }

  /** All members for `JSON.stringify`: 64-bit integers are decimal text, bytes are base64, the extensions an object. */
  toJSON(): RecordJson {
    return jsonObject(members(this));
  }

  /** What `console.log` shows: all members. */
  [inspect.custom](depth: number | null, options: InspectOptions): string {
    return show(this, this.#rows === GONE ? "gone" : members(this), depth, options);
  }

  /** @internal What the filter was given is gone. */
  end(): void {
    this.#rows = GONE;
  }

  #hex(at: number, length: number): string {
    return this.#rows.block.buffer.toString("hex", this.#at + at, this.#at + at + length);
  }

  #hexOrNull(at: number, length: number): string | null {
    return hexOrNull(this.#rows.block.buffer, this.#at + at, length);
  }
}

function gone(): never {
  throw closed("record of a filter, which lives until the filter returns,");
}

const GONE: Rows = {
  get block() {
    return gone();
  },
  text: gone,
  bytes: gone,
  extensions: gone,
  withRecord: gone,
};

/** The record that a filter is shown: its struct is copied, what that points to stays with the library until asked for. */
export class FilterRow implements Rows {
  readonly block = new Block(RECORD.size);
  #address = 0;

  show(address: number): EventRecord {
    this.#address = address;
    copyMemory(this.block.address, address, RECORD.size);
    return new EventRecord(this, 0);
  }

  text(at: number): string {
    return readText(this.block.word(at), this.block.word(at + 8));
  }

  bytes(at: number): Buffer {
    return copyBytes(this.block.word(at), this.block.word(at + 8));
  }

  extensions(at: number): Map<string, Buffer> {
    const count = this.block.word(at + R.extensionCount);
    const rows = new Block(EXTENSION_BYTES * count);
    copyMemory(rows.address, this.block.word(at + R.extensions), EXTENSION_BYTES * count);
    const found = new Map<string, Buffer>();
    for (let row = 0; row < EXTENSION_BYTES * count; row += EXTENSION_BYTES) {
      const value = row + EXTENSION_VALUE;
      found.set(readText(rows.word(row), rows.word(row + 8)), copyBytes(rows.word(value), rows.word(value + 8)));
    }
    return found;
  }

  withRecord<T>(_at: number, body: (address: number) => T): T {
    return body(this.#address);
  }
}

/**
 * Copies pieces of memory that lie close to each other in few steps. Two pieces with no more than a few bytes between
 * them share a copy: what lies between is on a page of memory that one of them is on, and so can be read.
 */
class Gathering {
  static readonly #GAP_BYTES_MAX = 64;
  readonly #runs: { from: number; length: number; at: number }[] = [];
  #from = 0;
  #end = 0;
  #at = 0;
  #total = 0;

  /** Where the piece is going to be in the copy. */
  add(from: number, length: number): number {
    if (from >= this.#from && from - this.#end <= Gathering.#GAP_BYTES_MAX && this.#end > 0) {
      this.#end = Math.max(this.#end, from + length);
    } else {
      this.#close();
      this.#from = from;
      this.#end = from + length;
      this.#at = this.#total;
    }
    return this.#at + from - this.#from;
  }

  #close(): void {
    const length = this.#end - this.#from;
    if (length > 0) {
      this.#runs.push({ from: this.#from, length, at: this.#at });
      this.#total = (this.#at + length + 7) & ~7;
    }
  }

  copy(): Block {
    this.#close();
    const block = new Block(this.#total);
    for (const { from, length, at } of this.#runs) {
      copyMemory(block.address + at, from, length);
    }
    return block;
  }
}

/** The rows of a page, copied, with places in `data` and `extensionRows` instead of addresses. */
class PageRows implements Rows {
  readonly block: Block;
  readonly #data: Block;
  readonly #extensionRows: Block;

  constructor(rows: Block, stride: number, count: number) {
    this.block = rows;
    this.#extensionRows = this.#gatherExtensions(stride, count);
    const data = new Gathering();
    relocate(this.#extensionRows, 0, EXTENSION_VALUE, this.#extensionRows.buffer.length / EXTENSION_VALUE, data);
    for (let row = 0; row < count; row++) {
      for (const slice of SLICES) {
        relocate(rows, row * stride + slice, 0, 1, data);
      }
    }
    this.#data = data.copy();
  }

  #gatherExtensions(stride: number, count: number): Block {
    const arrays = new Gathering();
    for (let at = 0; at < count * stride; at += stride) {
      const length = EXTENSION_BYTES * this.block.word(at + R.extensionCount);
      if (length > 0) {
        this.block.setWord(at + R.extensions, arrays.add(this.block.word(at + R.extensions), length));
      }
    }
    return arrays.copy();
  }

  text(at: number): string {
    const begin = this.block.word(at);
    return this.#data.buffer.toString("utf8", begin, begin + this.block.word(at + 8));
  }

  bytes(at: number): Buffer {
    const begin = this.block.word(at);
    return this.#data.buffer.subarray(begin, begin + this.block.word(at + 8));
  }

  extensions(at: number): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    const { buffer } = this.#data;
    const rows = this.#extensionRows;
    const begin = this.block.word(at + R.extensions);
    const end = begin + EXTENSION_BYTES * this.block.word(at + R.extensionCount);
    for (let row = begin; row < end; row += EXTENSION_BYTES) {
      const key = rows.word(row);
      const value = rows.word(row + EXTENSION_VALUE);
      found.set(
        buffer.toString("utf8", key, key + rows.word(row + 8)),
        buffer.subarray(value, value + rows.word(row + EXTENSION_VALUE + 8)),
      );
    }
    return found;
  }

  /** A copy of the struct that points into this page's bytes; the extensions are of no use to the library. */
  withRecord<T>(at: number, body: (address: number) => T): T {
    const size = this.block.word(at);
    const record = new Block(size);
    record.buffer.set(this.block.buffer.subarray(at, at + size));
    record.setWord(R.extensions, 0);
    record.setWord(R.extensionCount, 0);
    for (const slice of SLICES) {
      if (record.word(slice + 8) > 0) {
        record.setWord(slice, this.#data.address + record.word(slice));
      }
    }
    return body(record.address);
  }
}

/** Turns addresses into places of the copy to come. */
function relocate(block: Block, begin: number, distance: number, count: number, data: Gathering): void {
  for (let i = 0, at = begin; i < count; i++, at += distance) {
    const length = block.word(at + 8);
    block.setWord(at, length === 0 ? 0 : data.add(block.word(at), length));
  }
}

/** Rows of events with all their bytes. Outlives the store; nothing has to be freed. */
export class Page implements Iterable<EventRecord> {
  /** How many rows there are. */
  readonly length: number;
  /** Where to go on: what to set as `after` (forward) or `until` (backward) for the next page. */
  readonly next: bigint;
  /** Whether nothing more was there when the page was read. */
  readonly isEnd: boolean;
  readonly #rows: Rows;
  readonly #stride: number;

  private constructor(handle: bigint) {
    this.length = Number(fbat.fbat_page_len(handle));
    this.next = BigInt(fbat.fbat_page_next(handle));
    this.isEnd = fbat.fbat_page_is_end(handle);
    const first = Number(fbat.fbat_page_rows(handle));
    this.#stride = this.length === 0 ? RECORD.size : strideOf(first);
    const rows = new Block(this.#stride * this.length);
    copyMemory(rows.address, first, this.#stride * this.length);
    this.#rows = new PageRows(rows, this.#stride, this.length);
  }

  /** @internal Copies a page of the library, and frees it. */
  static take(handle: bigint): Page {
    try {
      return new Page(handle);
    } finally {
      fbat.fbat_page_free(handle);
    }
  }

  /** A row; undefined where there is none. Counts from the end where `index` is negative. */
  at(index: number): EventRecord | undefined {
    const row = index < 0 ? this.length + index : index;
    return Number.isInteger(row) && row >= 0 && row < this.length
      ? new EventRecord(this.#rows, row * this.#stride)
      : undefined;
  }

  *[Symbol.iterator](): IterableIterator<EventRecord> {
    for (let row = 0; row < this.length; row++) {
      yield new EventRecord(this.#rows, row * this.#stride);
    }
  }

  /** The rows as an array. */
  toArray(): EventRecord[] {
    return [...this];
  }
}

function strideOf(firstRow: number): number {
  const size = new Block(8);
  copyMemory(size.address, firstRow, 8);
  const stride = size.word(0);
  if (stride < RECORD.size) {
    throw new Error(`fbat: the library's fbat_record has ${stride} bytes, this package needs ${RECORD.size}`);
  }
  return stride;
}

/** What is read of an event where nothing else is said. */
export const DEFAULT_COLUMNS = Column.PAYLOAD | Column.EXTENSIONS;
