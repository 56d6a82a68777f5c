/** Appending. */
import { type InspectOptions, inspect } from "node:util";
import { type Call, call, ok } from "./call.js";
import { EventOption, Expect, ReceiptFlag, Status } from "./constants.js";
import { FbatError, invalid, makeError } from "./error.js";
import { HASH_BYTES, type Hash, hexOrNull, ID_BYTES, type Id, writeHex } from "./hex.js";
import { confirmedLayout, layout } from "./layout.js";
import { fbat } from "./library.js";
import { type Arena, type Block, needObject, typeName } from "./memory.js";
import { i64, size, u16, u32, u64 } from "./numbers.js";
import { refuseUnknown } from "./options.js";
import { type JsonObject, jsonObject, members, show } from "./show.js";

/** An event to append. Everything is copied before the call returns; see the asynchronous methods for theirs. */
export interface EventInit {
  /** What the event is about: 1 to 1024 bytes of UTF-8 without control bytes, `/`, `..`, `|` or `=`. */
  readonly entity: string;
  /** Whose event it is, as the caller divides them: a tenant, a service. Same rules as `entity`. */
  readonly scope: string;
  /** What sort of event: category in the top 4 bits (not 0x0 nor 0xD), type in the low 12. See `kind`. */
  readonly kind: number;
  /** Any bytes, at most 32 MiB; text stands for its UTF-8. Empty if it is left out. */
  readonly payload?: Uint8Array | string | null | undefined;
  /** Which version of its payload's schema: the caller's own, 0 to 65,535. */
  readonly payloadVersion?: number | undefined;
  /** The caller's own, 32 bits. */
  readonly flags?: number | undefined;
  /** Idempotency key, which becomes the event's id. Without one, a new id (UUID version 7) is made. */
  readonly key?: Id | null | undefined;
  /** What is expected of the entity before this event: one of `Expect`. Earlier items of the batch count. */
  readonly expect?: Expect | undefined;
  /** With `Expect.VERSION`: how many events the entity has. */
  readonly expectedVersion?: number | bigint | undefined;
  /** Microseconds since 1970. Without it the event takes the recorded time of its batch. */
  readonly timestampUs?: number | bigint | null | undefined;
  /** What the event belongs to, across entities. */
  readonly correlation?: Id | null | undefined;
  /** The event that caused this one, by its id, which is not looked up. */
  readonly causation?: Id | null | undefined;
  /** The item of the same batch that caused this one, counted from 1. Not together with `causation`. */
  readonly causationItem?: number | undefined;
  /**
   * Named values: keys are `prefix.field` in ASCII. At most 64, together at most 64 KiB. An object, or pairs of key and
   * value such as a Map.
   */
  readonly extensions?:
    | { readonly [key: string]: Uint8Array | string }
    | Iterable<readonly [key: string, value: Uint8Array | string]>
    | null
    | undefined;
}

const EVENT_NAMES: readonly (keyof EventInit)[] = [
  "entity",
  "scope",
  "kind",
  "payload",
  "payloadVersion",
  "flags",
  "key",
  "expect",
  "expectedVersion",
  "timestampUs",
  "correlation",
  "causation",
  "causationItem",
  "extensions",
];

const EVENT = confirmedLayout("fbat_event_init", {
  entity: "text",
  scope: "text",
  kind: "u16",
  payloadVersion: "u16",
  options: "u32",
  payload: "text",
  key: "id",
  expect: "u32",
  flags: "u32",
  expectedVersion: "u64",
  timestampUs: "i64",
  correlation: "id",
  causation: "id",
  causationItem: "size",
  extensions: "pointer",
  extensionCount: "size",
});
const E = EVENT.at;

const EXTENSION = layout({ key: "text", value: "text" });

const RECEIPT = confirmedLayout("fbat_receipt_init", {
  id: "id",
  sequence: "u64",
  version: "u64",
  timestampUs: "i64",
  recordedUs: "i64",
  contentHash: "hash",
  eventHash: "hash",
  previousHash: "hash",
  flags: "u32",
  reserved: "u32",
});
const R = RECEIPT.at;

/** All members of a receipt as JSON has them: 64-bit integers are decimal text. */
export type ReceiptJson = JsonObject<Omit<Receipt, "toJSON" | typeof inspect.custom>>;

/** What an append answers for an event. */
export class Receipt {
  readonly #bytes: Buffer;
  readonly #at: number;

  /** @internal */
  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** The event's id. */
  get id(): Id {
    return this.#hex(R.id, ID_BYTES) as Id;
  }

  /** Its place in the store: counted from 1, in the order of commits, never used again. */
  get sequence(): bigint {
    return this.#bytes.readBigUInt64LE(this.#at + R.sequence);
  }

  /** How many events the entity has with this one: 1 for its first. */
  get version(): bigint {
    return this.#bytes.readBigUInt64LE(this.#at + R.version);
  }

  /** The event's time: microseconds since 1970. */
  get timestampUs(): bigint {
    return this.#bytes.readBigInt64LE(this.#at + R.timestampUs);
  }

  /** When the store wrote it: microseconds since 1970. Never goes back. */
  get recordedUs(): bigint {
    return this.#bytes.readBigInt64LE(this.#at + R.recordedUs);
  }

  /** BLAKE3 of the payload. */
  get contentHash(): Hash {
    return this.#hex(R.contentHash, HASH_BYTES) as Hash;
  }

  /** Hash over the event and the entity's history before it. */
  get eventHash(): Hash {
    return this.#hex(R.eventHash, HASH_BYTES) as Hash;
  }

  /**
   * The `eventHash` of the entity's event before this one; of the store's first event for the first; null where it was
   * lost before a repair.
   */
  get previousHash(): Hash | null {
    return hexOrNull(this.#bytes, this.#at + R.previousHash, HASH_BYTES) as Hash | null;
  }

  /** Bits of `ReceiptFlag`. */
  get flags(): number {
    return this.#bytes.readUInt32LE(this.#at + R.flags);
  }

  /** The key was there already, with the same content: this is the answer of the first append. */
  get isReplayed(): boolean {
    return (this.flags & ReceiptFlag.REPLAYED) !== 0;
  }

  /** The event is known to be on the disk. */
  get isDurable(): boolean {
    return (this.flags & ReceiptFlag.DURABLE) !== 0;
  }

  /** All members for `JSON.stringify`: 64-bit integers are decimal text. */
  toJSON(): ReceiptJson {
    return jsonObject(members(this));
  }

  /** What `console.log` shows: all members. */
  [inspect.custom](depth: number | null, options: InspectOptions): string {
    return show(this, members(this), depth, options);
  }

  #hex(at: number, length: number): string {
    return this.#bytes.toString("hex", this.#at + at, this.#at + at + length);
  }
}

let lastNames: readonly string[] = [];

/**
 * A misspelt key would be an event that can be there twice. Events mostly have the same names in the same order as the
 * one before, or the first of them: comparing these costs a third of looking each one up.
 */
function refuseMisspelt(event: EventInit): void {
  needObject(event, "event");
  let i = 0;
  for (const name in event) {
    if (name !== lastNames[i++]) {
      refuseUnknown(event, EVENT_NAMES, "event");
      lastNames = Object.keys(event);
      return;
    }
  }
}

/** Writes an event into a struct that is zero but for its size. */
function writeEvent(arena: Arena, block: Block, at: number, event: EventInit): void {
  refuseMisspelt(event);
  const { buffer, view } = block;
  arena.writeText(event.entity, "entity", block, at + E.entity);
  arena.writeText(event.scope, "scope", block, at + E.scope);
  view.setUint16(at + E.kind, u16(event.kind, "kind"), true);
  if (event.payload != null) {
    arena.writeBytes(event.payload, "payload", block, at + E.payload);
  }
  if (event.payloadVersion !== undefined) {
    view.setUint16(at + E.payloadVersion, u16(event.payloadVersion, "payloadVersion"), true);
  }
  if (event.flags !== undefined) {
    view.setUint32(at + E.flags, u32(event.flags, "flags"), true);
  }
  if (event.timestampUs != null) {
    view.setUint32(at + E.options, EventOption.HAS_TIMESTAMP, true);
    view.setBigInt64(at + E.timestampUs, i64(event.timestampUs, "timestampUs"), true);
  }
  if (event.key != null) {
    writeHex(buffer, at + E.key, ID_BYTES, event.key, "key");
  }
  if (event.correlation != null) {
    writeHex(buffer, at + E.correlation, ID_BYTES, event.correlation, "correlation");
  }
  if (event.causation != null) {
    writeHex(buffer, at + E.causation, ID_BYTES, event.causation, "causation");
  }
  if (event.causationItem !== undefined) {
    block.setWord(at + E.causationItem, size(event.causationItem, "causationItem"));
  }
  writeExpectation(view, at, event);
  if (event.extensions != null) {
    writeExtensions(arena, block, at, event.extensions);
  }
}

function writeExpectation(view: DataView, at: number, { expect = Expect.ANY, expectedVersion = 0n }: EventInit): void {
  if (expect !== Expect.ANY) {
    view.setUint32(at + E.expect, u32(expect, "expect"), true);
  }
  if (expectedVersion !== 0n) {
    view.setBigUint64(at + E.expectedVersion, u64(expectedVersion, "expectedVersion"), true);
  }
}

function pairsOf(extensions: NonNullable<EventInit["extensions"]>): (readonly [string, Uint8Array | string])[] {
  needObject(extensions, "extensions");
  const pairs = Symbol.iterator in extensions ? [...extensions] : Object.entries(extensions);
  if (!pairs.every(Array.isArray)) {
    throw invalid(Status.ERR_INVALID_ARGUMENT, "extensions: an object, or pairs of key and value are needed");
  }
  return pairs;
}

function writeExtensions(arena: Arena, block: Block, at: number, extensions: NonNullable<EventInit["extensions"]>) {
  const pairs = pairsOf(extensions);
  const rows = arena.room(EXTENSION.size * pairs.length);
  let row = rows.at;
  for (const [key, value] of pairs) {
    arena.writeText(key, "key of an extension", rows.block, row + EXTENSION.at.key);
    arena.writeBytes(value, `extension ${key}`, rows.block, row + EXTENSION.at.value);
    row += EXTENSION.size;
  }
  block.setWord(at + E.extensions, pairs.length === 0 ? 0 : rows.address);
  block.setWord(at + E.extensionCount, pairs.length);
}

/** A call that appends; with `count` receipts as its answer. */
export function appendCall(store: bigint, event: EventInit): Call<Receipt> {
  return call((arena) => {
    const { block, at, address } = arena.structs(EVENT.size);
    writeEvent(arena, block, at, event);
    const receipts = arena.structs(RECEIPT.size);
    return {
      start: fbat.fbat_append,
      values: [store, address, receipts.address, arena.error.address],
      finish(status) {
        ok(arena, status);
        return new Receipt(Buffer.from(receipts.block.buffer.subarray(receipts.at, receipts.at + RECEIPT.size)), 0);
      },
    };
  });
}

/** Says which event of a batch was refused, as the library does. */
function ofItem(error: unknown, item: number): unknown {
  return error instanceof FbatError ? makeError(error.status, error.message, { item }) : error;
}

export function appendBatchCall(store: bigint, events: readonly EventInit[], wanted: boolean): Call<Receipt[]> {
  if (!Array.isArray(events)) {
    throw invalid(Status.ERR_INVALID_ARGUMENT, `events: an array is needed, not ${typeName(events)}`);
  }
  return call((arena) => {
    const count = events.length;
    const { block, at, address } = arena.structs(EVENT.size, count);
    for (let i = 0; i < count; i++) {
      try {
        writeEvent(arena, block, at + i * EVENT.size, events[i] as EventInit);
      } catch (error) {
        throw ofItem(error, i);
      }
    }
    const receipts = wanted ? arena.structs(RECEIPT.size, count) : null;
    return {
      start: fbat.fbat_append_batch,
      values: [store, address, count, receipts?.address ?? 0, arena.error.address],
      finish(status) {
        ok(arena, status);
        if (receipts === null) {
          return [];
        }
        const end = receipts.at + RECEIPT.size * count;
        const bytes = Buffer.from(receipts.block.buffer.subarray(receipts.at, end));
        return events.map((_, i) => new Receipt(bytes, i * RECEIPT.size));
      },
    };
  });
}
