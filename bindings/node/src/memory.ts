/**
 * Memory that both sides see: what is handed to the library is written into an arena, what it answers is copied from
 * where it lies. Nothing of JavaScript ever looks into memory of the library.
 */
import koffi from "koffi";
import { Status } from "./constants.js";
import { invalid } from "./error.js";
import { copyMemory } from "./library.js";

const HIGH = 4294967296;
const BLOCK_BYTES = 256 * 1024;
/** Payloads from here on stay where they are: copying them would cost more than asking for their address. */
const COPY_BYTES_MAX = 4096;
const NAME_CHARS_MAX = 64;

/** The address of the first byte. The caller keeps `bytes` alive for as long as the address is used. */
export function addressOf(bytes: Uint8Array): number {
  return bytes.byteLength === 0 ? 0 : Number(koffi.address(bytes));
}

/** Bytes of the library, copied. */
export function copyBytes(address: number | bigint, length: number | bigint): Buffer {
  const copy = Buffer.allocUnsafeSlow(Number(length));
  copyInto(copy, 0, Number(address));
  return copy;
}

function copyInto(target: Buffer, at: number, from: number): void {
  if (target.length > at) {
    copyMemory(addressOf(target) + at, from, target.length - at);
  }
}

/** Text of the library. */
export function readText(address: number | bigint, length: number | bigint): string {
  return Number(length) === 0 ? "" : koffi.decode.string(address, Number(length));
}

/** Memory that does not move, with the views that its users need. */
export class Block {
  readonly buffer: Buffer;
  readonly words: Uint32Array;
  readonly view: DataView;
  readonly address: number;

  constructor(bytes: number) {
    const size = (bytes + 7) & ~7;
    this.buffer = Buffer.allocUnsafeSlow(size);
    this.words = new Uint32Array(this.buffer.buffer, 0, size / 4);
    this.view = new DataView(this.buffer.buffer);
    this.address = addressOf(this.buffer);
  }

  /** Writes an address or a length at a multiple of 4; it is below 2^53. */
  setWord(at: number, value: number): void {
    this.words[at >> 2] = value >>> 0;
    this.words[(at >> 2) + 1] = value / HIGH;
  }

  word(at: number): number {
    return (this.words[at >> 2] as number) + (this.words[(at >> 2) + 1] as number) * HIGH;
  }
}

/**
 * Memory for one call: filled from one end, never moved, given back as a whole. A call that is made while another one
 * runs, from a callback, has an arena of its own.
 */
export class Arena {
  static readonly #spare: Arena[] = [];
  static readonly #SPARE_MAX = 8;

  readonly #first = new Block(BLOCK_BYTES);
  readonly #begin: number;
  /** What else must live until the call has returned. */
  readonly #kept: unknown[] = [];
  #block = this.#first;
  #used = 0;
  /** Where the library puts an error. */
  readonly error: Slot;
  /** Where the library puts an object, or a number. */
  readonly out: Slot;

  private constructor() {
    this.error = this.slot();
    this.out = this.slot();
    this.#begin = this.#used;
  }

  static take(): Arena {
    return Arena.#spare.pop() ?? new Arena();
  }

  give(): void {
    this.#block = this.#first;
    this.#used = this.#begin;
    this.#kept.length = 0;
    if (Arena.#spare.length < Arena.#SPARE_MAX) {
      Arena.#spare.push(this);
    }
  }

  /** Finds room at a multiple of 8, in what is then the block. */
  #reserve(bytes: number): number {
    const at = this.#used;
    if (at + bytes <= this.#block.buffer.length) {
      this.#used = (at + bytes + 7) & ~7;
      return at;
    }
    this.#kept.push(this.#block);
    this.#block = new Block(Math.max(bytes, BLOCK_BYTES));
    this.#used = (bytes + 7) & ~7;
    return 0;
  }

  /** Room that is not set to anything, at a multiple of 8. */
  room(bytes: number): Place {
    const at = this.#reserve(bytes);
    return new Place(this.#block, at);
  }

  slot(): Slot {
    const at = this.#reserve(8);
    return new Slot(this.#block, at);
  }

  /** Room for structs of the library, all zero but for their sizes. */
  structs(bytes: number, count = 1): Place {
    const place = this.room(bytes * count);
    const end = place.at + bytes * count;
    place.block.buffer.fill(0, place.at, end);
    for (let at = place.at; at < end; at += bytes) {
      place.block.setWord(at, bytes);
    }
    return place;
  }

  /** Puts text where the library can read it, and its address and length into `block` at `to`. */
  writeText(text: string, what: string, block: Block, to: number): void {
    if (typeof text === "string" && text.length <= NAME_CHARS_MAX) {
      const at = this.#reserve(text.length);
      if (writeAscii(this.#block.buffer, at, text)) {
        setSlice(block, to, this.#block.address + at, text.length);
        return;
      }
    }
    this.writeBytes(utf8(text, what), what, block, to);
  }

  /** The same for bytes. */
  writeBytes(bytes: Uint8Array | string, what: string, block: Block, to: number): void {
    if (typeof bytes === "string") {
      this.writeText(bytes, what, block, to);
      return;
    }
    if (!(bytes instanceof Uint8Array)) {
      throw invalid(Status.ERR_INVALID_ARGUMENT, `${what}: bytes are needed, not ${typeName(bytes)}`);
    }
    const length = bytes.byteLength;
    if (length <= COPY_BYTES_MAX) {
      const at = this.#reserve(length);
      this.#block.buffer.set(bytes, at);
      setSlice(block, to, this.#block.address + at, length);
    } else {
      this.#kept.push(bytes);
      setSlice(block, to, addressOf(bytes), length);
    }
  }

  /** Text as an address and a length. */
  text(text: string, what: string): Slice {
    return this.bytes(text, what);
  }

  bytes(bytes: Uint8Array | string, what: string): Slice {
    const place = this.room(16);
    this.writeBytes(bytes, what, place.block, place.at);
    return new Slice(place);
  }
}

/** A place in a block. */
export class Place {
  readonly block: Block;
  readonly at: number;

  constructor(block: Block, at: number) {
    this.block = block;
    this.at = at;
  }

  get address(): number {
    return this.block.address + this.at;
  }
}

/** Eight bytes for the library to write into. */
export class Slot extends Place {
  get handle(): bigint {
    return this.block.view.getBigUint64(this.at, true);
  }
}

/** An address and a length, as they were written for the library. */
class Slice {
  readonly address: number;
  readonly length: number;

  constructor({ block, at }: Place) {
    this.address = block.word(at);
    this.length = block.word(at + 8);
  }
}

function setSlice(block: Block, at: number, address: number, length: number): void {
  block.setWord(at, length === 0 ? 0 : address);
  block.setWord(at + 8, length);
}

/** Short names are mostly ASCII, for which a loop is three times as fast as a call of the encoder. */
function writeAscii(buffer: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) {
      return false;
    }
    buffer[at + i] = code;
  }
  return true;
}

function utf8(text: string, what: string): Buffer {
  if (typeof text !== "string") {
    throw invalid(Status.ERR_INVALID_ARGUMENT, `${what}: text is needed, not ${typeName(text)}`);
  }
  if (!text.isWellFormed()) {
    throw invalid(Status.ERR_INVALID_UTF8, `${what}: half of a surrogate pair has no encoding as UTF-8`);
  }
  return Buffer.from(text, "utf8");
}

/** How an error names what was given instead of what is needed. */
export function typeName(value: unknown): string {
  return value === null ? "null" : typeof value;
}

/** Refuses what has no members to read. */
export function needObject(value: unknown, what: string): void {
  if (typeof value !== "object" || value === null) {
    throw invalid(Status.ERR_INVALID_ARGUMENT, `${what}: an object is needed, not ${typeName(value)}`);
  }
}

/** Text from a struct that was returned by value. */
export function textOf({ data, len }: { readonly data: number | bigint; readonly len: number | bigint }): string {
  return readText(data, len);
}
