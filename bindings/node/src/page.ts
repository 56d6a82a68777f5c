/** Events read back. */
import { withArena } from "./call.js";
import { closed } from "./fail.js";
import { fbat } from "./library.js";
import { copyMemory } from "./load.js";
import { Block, copyBytes, readExtensions } from "./memory.js";
import {
  EXTENSION,
  PROVENANCE,
  type Provenance,
  RECORD_EXTENSIONS,
  RECORD_SLICES,
  RecordFields,
} from "./structs.js";
import type { JsonObject, Members } from "./view.js";

/**
 * An event as a reader sees it. Members are decoded when they are asked for. One of a page, or of a
 * query, is good for ever (and keeps its page in memory: copy a payload that you keep for long);
 * one of a filter until the filter returns.
 */
export class EventRecord extends RecordFields {
  /** Where the event came from; null where it was not imported, or that can't be read. */
  provenance(): Provenance | null {
    return withArena((arena) => {
      const out = arena.output(PROVENANCE);
      const record = this.block.struct(this.at);
      return fbat.fbat_record_provenance(record.address, out.address) ? out.read() : null;
    });
  }
}

/** All members of a record, as `toObject` gives them. */
export type RecordObject = Members<EventRecord>;

/** All members of a record as JSON has them: 64-bit integers as decimal text, bytes as base64. */
export type RecordJson = JsonObject<RecordObject>;

/** A page as JSON has it. */
export interface PageJson {
  rows: RecordJson[];
  resume: string;
  isEnd: boolean;
}

/** What a filter's record is read from when the filter has returned. */
export const GONE = new Proxy({} as Block, {
  get() {
    throw closed("record of a filter, which lives until the filter returns,");
  },
});

/** Memory that is copied in one step, and where to. */
interface Run {
  readonly from: number;
  readonly length: number;
  readonly at: number;
}

/**
 * Copies pieces of memory that are close to each other in few steps. Two pieces with no more than a
 * few bytes between them share a copy: what is between is on a page of memory that one of them is
 * on, and so can be read.
 */
class Gathering {
  static readonly #GAP_BYTES_MAX = 64;
  static readonly #RUNS_SEARCHED_MAX = 16;
  readonly #runs: Run[] = [];
  #from = 0;
  #end = 0;
  #at = 0;
  /** Place 0 is none, as address 0 is. */
  #total = 8;

  /** Where the piece is going to be in the copy. */
  add(from: number, length: number): number {
    if (from >= this.#from && from - this.#end <= Gathering.#GAP_BYTES_MAX && this.#end > 0) {
      this.#end = Math.max(this.#end, from + length);
    } else {
      const found = this.#find(from, length);
      if (found !== 0) {
        return found;
      }
      this.#close();
      this.#from = from;
      this.#end = from + length;
      this.#at = this.#total;
    }
    return this.#at + from - this.#from;
  }

  /** Where a piece is in what is copied already: names that many rows share are far behind. */
  #find(from: number, length: number): number {
    const runs = this.#runs;
    for (let i = Math.min(runs.length, Gathering.#RUNS_SEARCHED_MAX) - 1; i >= 0; i--) {
      const run = runs[i] as Run;
      if (from >= run.from && from + length <= run.from + run.length) {
        return run.at + from - run.from;
      }
    }
    return 0;
  }

  #close(): void {
    const length = this.#end - this.#from;
    if (length > 0) {
      this.#runs.push({ from: this.#from, length, at: this.#at });
      this.#total = (this.#at + length + 7) & ~7;
    }
  }

  copy(): Buffer {
    this.#close();
    const block = new Block(this.#total);
    for (const { from, length, at } of this.#runs) {
      copyMemory(block.address + at, from, length);
    }
    return block.buffer;
  }
}

const NAME_BYTES_MAX = 64;
const NAMES_SLOTS = 1024;
/** Names that were decoded last: most events have one that others have too. */
const names: string[] = new Array(NAMES_SLOTS).fill("");

/** Text of UTF-8. Short names of ASCII are looked up, which takes a third of decoding them. */
function decodeName(bytes: Buffer, begin: number, length: number): string {
  if (length > NAME_BYTES_MAX) {
    return bytes.toString("utf8", begin, begin + length);
  }
  let hash = length;
  let high = 0;
  for (let i = begin; i < begin + length; i++) {
    const byte = bytes[i] as number;
    hash = (Math.imul(hash, 31) + byte) | 0;
    high |= byte;
  }
  if (high > 0x7f) {
    return bytes.toString("utf8", begin, begin + length);
  }
  const slot = (hash ^ (hash >>> 10)) & (NAMES_SLOTS - 1);
  const known = names[slot] as string;
  if (isName(known, bytes, begin, length)) {
    return known;
  }
  const name = bytes.toString("latin1", begin, begin + length);
  names[slot] = name;
  return name;
}

function isName(name: string, bytes: Buffer, begin: number, length: number): boolean {
  if (name.length !== length) {
    return false;
  }
  for (let i = 0; i < length; i++) {
    if (name.charCodeAt(i) !== bytes[begin + i]) {
      return false;
    }
  }
  return true;
}

/** Structs whose addresses are replaced with places in a copy of what they point to. */
class Relocated extends Block {
  data = this.buffer;

  relocate(slice: number, data: Gathering): void {
    const length = this.size(slice + 8);
    if (length !== 0) {
      this.setWord(slice, data.add(this.size(slice), length));
    } else if (!this.isNull(slice)) {
      this.setWord(slice, 0);
    }
  }

  override text(at: number): string {
    return decodeName(this.data, this.size(at), this.size(at + 8));
  }

  override bytes(at: number): Buffer {
    const { buffer, byteOffset } = this.data;
    return Buffer.from(buffer, byteOffset + this.size(at), this.size(at + 8));
  }
}

/** The rows of a page, copied with all their bytes. */
class PageRows extends Relocated {
  readonly #extensions: Relocated;
  readonly #stride: number;

  constructor(rows: Buffer, stride: number) {
    super(rows);
    this.#stride = stride;
    this.#extensions = new Relocated(this.#gatherExtensions());
    const data = new Gathering();
    for (let row = 0; row < rows.length; row += stride) {
      const count = this.size(row + RECORD_EXTENSIONS + 8);
      if (count !== 0) {
        this.#relocateExtensions(row, count, data);
      }
      for (let i = 0; i < RECORD_SLICES.length; i++) {
        this.relocate(row + (RECORD_SLICES[i] as number), data);
      }
    }
    this.data = data.copy();
    this.#extensions.data = this.data;
  }

  #relocateExtensions(row: number, count: number, data: Gathering): void {
    const begin = this.size(row + RECORD_EXTENSIONS);
    const end = begin + EXTENSION.size * count;
    for (let at = begin; at < end; at += EXTENSION.size) {
      this.#extensions.relocate(at + EXTENSION.key, data);
      this.#extensions.relocate(at + EXTENSION.value, data);
    }
  }

  #gatherExtensions(): Buffer {
    const arrays = new Gathering();
    for (let row = 0; row < this.buffer.length; row += this.#stride) {
      const at = row + RECORD_EXTENSIONS;
      const count = this.size(at + 8);
      if (count !== 0) {
        this.setWord(at, arrays.add(this.size(at), EXTENSION.size * count));
      }
    }
    return arrays.copy();
  }

  override extensions(at: number): Map<string, Buffer> {
    return readExtensions(this.#extensions, this.size(at), this.size(at + 8));
  }

  /** A copy that points into this page's bytes; its extensions are of no use to the library. */
  override struct(at: number): Block {
    const record = new Block(Buffer.from(this.buffer.subarray(at, at + this.#stride)));
    const data = new Block(this.data);
    record.setWord(RECORD_EXTENSIONS, 0);
    record.setWord(RECORD_EXTENSIONS + 8, 0);
    for (const slice of RECORD_SLICES) {
      if (!record.isNull(slice)) {
        record.setWord(slice, data.address + record.size(slice));
      }
    }
    return record;
  }
}

/** Rows of events with all their bytes. Outlives the store; nothing has to be freed. */
export class Page implements Iterable<EventRecord> {
  /** How many rows there are. */
  readonly length: number;
  /** Where to go on: what to set as `after` (forward) or `until` (backward) for the next page. */
  readonly resume: bigint;
  /** Whether nothing more was there when the page was read. */
  readonly isEnd: boolean;
  readonly #rows: Block;
  readonly #stride: number;

  private constructor(handle: bigint) {
    this.length = Number(fbat.fbat_page_len(handle));
    this.resume = BigInt(fbat.fbat_page_resume(handle));
    this.isEnd = fbat.fbat_page_is_end(handle);
    const first = Number(fbat.fbat_page_rows(handle));
    this.#stride = this.length === 0 ? RecordFields.SIZE : strideOf(first);
    this.#rows = new PageRows(copyBytes(first, this.#stride * this.length), this.#stride);
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

  [Symbol.iterator](): IterableIterator<EventRecord> {
    return new Records(() => null, this);
  }

  /** @internal A row that is there. */
  row(index: number): EventRecord {
    return new EventRecord(this.#rows, index * this.#stride);
  }

  /** For `JSON.stringify`: `resume` and 64-bit integers of the rows are decimal text. */
  toJSON(): PageJson {
    const { resume, isEnd } = this;
    return { rows: this.toArray().map((row) => row.toJSON()), resume: resume.toString(), isEnd };
  }

  /** The rows as an array. */
  toArray(): EventRecord[] {
    return [...this];
  }
}

/**
 * Records of page after page. A generator would do the same, and take longer for a record than
 * reading it does.
 */
export class Records implements IterableIterator<EventRecord> {
  readonly #next: () => Page | null;
  readonly #end: () => void;
  #page: Page | null;
  #row = 0;
  #isDone = false;

  /** @internal `next` gives the pages behind the first; `end` is called once, after the last. */
  constructor(next: () => Page | null, first: Page | null = null, end: () => void = () => {}) {
    this.#next = next;
    this.#page = first;
    this.#end = end;
  }

  next(): IteratorResult<EventRecord, undefined> {
    if (this.#page === null || this.#row >= this.#page.length) {
      return this.#turn();
    }
    return { done: false, value: this.#page.row(this.#row++) };
  }

  #turn(): IteratorResult<EventRecord, undefined> {
    if (this.#isDone) {
      return { done: true, value: undefined };
    }
    try {
      this.#page = this.#next();
    } catch (error) {
      this.return();
      throw error;
    }
    this.#row = 0;
    return this.#page === null ? this.return() : this.next();
  }

  /** Ends the loop, also one that is left early. */
  return(): IteratorResult<EventRecord, undefined> {
    this.#page = null;
    if (!this.#isDone) {
      this.#isDone = true;
      this.#end();
    }
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** Rows are as far apart as the library knows them to be long, which may be longer than here. */
function strideOf(firstRow: number): number {
  const stride = Block.ofStruct(firstRow, 8).size(0);
  if (stride < RecordFields.SIZE) {
    throw new Error(`fbat: the library's records have ${stride} bytes, not ${RecordFields.SIZE}`);
  }
  return stride;
}
