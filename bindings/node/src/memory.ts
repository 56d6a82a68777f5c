/**
 * Memory that both sides see: what is handed to the library is written into an arena, what it
 * answers is copied from where it is. Nothing of JavaScript ever looks into memory of the library.
 */
import koffi from "koffi";
import { Status } from "./constants.js";
import { invalid, needed } from "./fail.js";
import { HASH_BYTES, type Hash, ID_BYTES, type Id, writeHex } from "./hex.js";
import { fbat } from "./library.js";
import { copyMemory } from "./load.js";
import { EXTENSION } from "./structs.js";
import { i64, needObject, refuseUnknown, size, u16, u32, u64 } from "./validate.js";
import type { Watch } from "./watch.js";

const HIGH = 4294967296;
const BLOCK_BYTES = 256 * 1024;
/** Payloads from here on stay where they are: copying them would cost more than their address. */
const COPY_BYTES_MAX = 4096;
const NAME_CHARS_MAX = 64;

/** The address of the first byte. The caller keeps `bytes` alive while the address is used. */
function addressOf(bytes: Uint8Array): number {
  return bytes.byteLength === 0 ? 0 : Number(koffi.address(bytes));
}

/** Bytes of the library, copied. */
export function copyBytes(address: number | bigint, length: number | bigint): Buffer {
  const copy = Buffer.allocUnsafeSlow(Number(length));
  if (copy.length > 0) {
    copyMemory(addressOf(copy), Number(address), copy.length);
  }
  return copy;
}

/** Text of the library. */
export function readText(address: number | bigint, length: number | bigint): string {
  return Number(length) === 0 ? "" : koffi.decode.string(address, Number(length));
}

/** The bytes of a buffer of the library, which is freed. */
export function takeBuffer(handle: bigint): Buffer {
  try {
    return copyBytes(fbat.fbat_buffer_data(handle), fbat.fbat_buffer_len(handle));
  } finally {
    fbat.fbat_buffer_free(handle);
  }
}

/** Memory that does not move, and how structs in it are read and written. */
export class Block {
  readonly buffer: Buffer;
  readonly view: DataView;
  #address = 0;
  #known = 0;

  constructor(of: number | Buffer) {
    const buffer = typeof of === "number" ? Buffer.allocUnsafeSlow(of) : of;
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  }

  /** A copy of a struct of the library; what it points to stays there until it is asked for. */
  static ofStruct(address: number, size: number): Block {
    const block = new Block(Buffer.alloc(size));
    block.copyStruct(address);
    return block;
  }

  /** Copies as much of a struct as the library and this package both know: always the same. */
  copyStruct(address: number): void {
    if (this.#known === 0) {
      copyMemory(this.address, address, 8);
      this.#known = Math.min(this.size(0), this.buffer.length);
    }
    copyMemory(this.address, address, this.#known);
  }

  get address(): number {
    this.#address ||= addressOf(this.buffer);
    return this.#address;
  }

  u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  i32(at: number): number {
    return this.view.getInt32(at, true);
  }

  u64(at: number): bigint {
    return this.view.getBigUint64(at, true);
  }

  i64(at: number): bigint {
    return this.view.getBigInt64(at, true);
  }

  /** An address or a length; it is below 2^53. */
  size(at: number): number {
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * HIGH;
  }

  isNull(at: number): boolean {
    return this.size(at) === 0;
  }

  id(at: number): Id {
    return this.buffer.toString("hex", at, at + ID_BYTES) as Id;
  }

  hash(at: number): Hash {
    return this.buffer.toString("hex", at, at + HASH_BYTES) as Hash;
  }

  /** All zero means none. */
  idOrNull(at: number): Id | null {
    return this.#isZero(at, ID_BYTES) ? null : this.id(at);
  }

  hashOrNull(at: number): Hash | null {
    return this.#isZero(at, HASH_BYTES) ? null : this.hash(at);
  }

  #isZero(at: number, length: number): boolean {
    for (let i = at; i < at + length; i++) {
      if (this.buffer[i] !== 0) {
        return false;
      }
    }
    return true;
  }

  text(at: number): string {
    return readText(this.size(at), this.size(at + 8));
  }

  bytes(at: number): Buffer {
    return copyBytes(this.size(at), this.size(at + 8));
  }

  extensions(at: number): Map<string, Buffer> {
    const count = this.size(at + 8);
    return readExtensions(new Block(copyBytes(this.size(at), EXTENSION.size * count)), 0, count);
  }

  /** The address of the struct at `at` for as long as what is returned lives. */
  struct(at: number): { readonly address: number } {
    return { address: this.address + at };
  }

  setU16(at: number, value: number, what: string): void {
    this.view.setUint16(at, u16(value, what), true);
  }

  setU32(at: number, value: number, what: string): void {
    this.view.setUint32(at, u32(value, what), true);
  }

  setU64(at: number, value: number | bigint, what: string): void {
    this.view.setBigUint64(at, u64(value, what), true);
  }

  setI64(at: number, value: number | bigint, what: string): void {
    this.view.setBigInt64(at, i64(value, what), true);
  }

  setSize(at: number, value: number, what: string): void {
    this.setWord(at, size(value, what));
  }

  /** An address or a length that is known to be one. */
  setWord(at: number, value: number): void {
    this.view.setUint32(at, value >>> 0, true);
    this.view.setUint32(at + 4, value / HIGH, true);
  }

  setId(at: number, id: Id, what: string): void {
    writeHex(this.buffer, at, ID_BYTES, id, what);
  }

  setHash(at: number, hash: Hash, what: string): void {
    writeHex(this.buffer, at, HASH_BYTES, hash, what);
  }
}

/** A struct that the library fills in, and how it is read. */
export interface Output<T> {
  readonly size: number;
  read(block: Block, at: number): T;
}

/** Reads rows of extensions. */
export function readExtensions(rows: Block, begin: number, count: number): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (let i = 0, row = begin; i < count; i++, row += EXTENSION.size) {
    found.set(rows.text(row + EXTENSION.key), rows.bytes(row + EXTENSION.value));
  }
  return found;
}

/** Named values of an event: an object, or pairs of key and value such as a Map. */
export type Extensions =
  | { readonly [key: string]: Uint8Array | string }
  | Iterable<readonly [key: string, value: Uint8Array | string]>;

function pairsOf(extensions: Extensions, what: string) {
  needObject(extensions, what);
  const pairs = Symbol.iterator in extensions ? [...extensions] : Object.entries(extensions);
  if (!pairs.every(Array.isArray)) {
    throw invalid(`${what}: an object, or pairs of key and value are needed`);
  }
  return pairs;
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

  /** The number of an object that the library has put there. */
  get handle(): bigint {
    return this.block.u64(this.at);
  }

  get id(): Id {
    return this.block.id(this.at);
  }

  get hash(): Hash {
    return this.block.hash(this.at);
  }
}

/** An address and a length, as they were written for the library. */
interface Slice {
  readonly address: number;
  readonly length: number;
}

/** An address and a length. */
const SLICE_BYTES = 16;
const KIND_RANGE_BYTES = 4;

/** @internal Kinds from one to another, both included. */
export interface KindRange {
  first: number;
  last: number;
}

/**
 * Memory for one call: filled from one end, never moved, given back as a whole. A call that is made
 * while another one runs, from a callback, has an arena of its own.
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
  readonly error: Place;
  /** Where the library puts an object, or a number. */
  readonly out: Place;
  /** The callbacks and the token of the call, where it has any. */
  watch: Watch | null = null;

  private constructor() {
    this.error = this.room(8);
    this.out = this.room(8);
    this.#begin = this.#used;
  }

  static take(): Arena {
    return Arena.#spare.pop() ?? new Arena();
  }

  give(): void {
    this.watch?.release();
    this.watch = null;
    this.#block = this.#first;
    this.#used = this.#begin;
    this.#kept.length = 0;
    if (Arena.#spare.length < Arena.#SPARE_MAX) {
      Arena.#spare.push(this);
    }
  }

  /** Takes the callbacks of the call over: they are not released with the arena. */
  keepWatch(): Watch | null {
    const { watch } = this;
    this.watch = null;
    return watch;
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

  /** Room for a struct that the library fills in. */
  output<T>(of: Output<T>): { readonly address: number; readonly read: () => T } {
    const { block, at, address } = this.structs(of.size);
    return { address, read: () => of.read(block, at) };
  }

  /** The address of a struct that says what `of` says. */
  write<T extends object>(struct: Struct<T>, of: T): number {
    const { block, at, address } = this.structs(struct.size);
    struct.write(this, block, at, of);
    return address;
  }

  /** Puts text where the library can read it, and its address and length into `block` at `to`. */
  writeText(text: string, what: string, block: Block, to: number): void {
    if (typeof text !== "string") {
      throw needed(what, "text", text);
    }
    if (text.length <= NAME_CHARS_MAX) {
      const at = this.#reserve(text.length);
      if (writeAscii(this.#block.buffer, at, text)) {
        this.#setSlice(block, to, this.#block.address + at, text.length);
        return;
      }
    }
    if (!text.isWellFormed()) {
      const message = `${what}: half of a surrogate pair has no encoding as UTF-8`;
      throw invalid(message, Status.ERR_INVALID_UTF8);
    }
    this.writeBytes(Buffer.from(text, "utf8"), what, block, to);
  }

  /** The same for bytes. */
  writeBytes(bytes: Uint8Array | string, what: string, block: Block, to: number): void {
    if (typeof bytes === "string") {
      this.writeText(bytes, what, block, to);
      return;
    }
    if (!(bytes instanceof Uint8Array)) {
      throw needed(what, "bytes or text", bytes);
    }
    const length = bytes.byteLength;
    if (length <= COPY_BYTES_MAX) {
      const at = this.#reserve(length);
      this.#block.buffer.set(bytes, at);
      this.#setSlice(block, to, this.#block.address + at, length);
    } else {
      this.#kept.push(bytes);
      this.#setSlice(block, to, addressOf(bytes), length);
    }
  }

  /** An empty one has an address too: without, it would not be set. */
  #setSlice(block: Block, at: number, address: number, length: number): void {
    block.setWord(at, address);
    block.setWord(at + 8, length);
  }

  writeExtensions(extensions: Extensions, what: string, block: Block, to: number): void {
    const pairs = pairsOf(extensions, what);
    const rows = this.room(EXTENSION.size * pairs.length);
    let row = rows.at;
    for (const [key, value] of pairs) {
      this.writeText(key, "key of an extension", rows.block, row + EXTENSION.key);
      this.writeBytes(value, `extension ${key}`, rows.block, row + EXTENSION.value);
      row += EXTENSION.size;
    }
    this.#setSlice(block, to, rows.address, pairs.length);
  }

  /** @internal Scopes of a region. One of no length is refused by the library. */
  writeTexts(texts: readonly string[], what: string, block: Block, to: number): void {
    const rows = this.room(SLICE_BYTES * Math.max(texts.length, 1));
    for (const [n, text] of texts.entries()) {
      this.writeText(text, `${what}[${n}]`, rows.block, rows.at + SLICE_BYTES * n);
    }
    this.#setSlice(block, to, rows.address, texts.length);
  }

  /** @internal Ranges of kinds of a region. */
  writeKinds(kinds: readonly KindRange[], what: string, block: Block, to: number): void {
    const rows = this.room(KIND_RANGE_BYTES * Math.max(kinds.length, 1));
    for (const [n, { first, last }] of kinds.entries()) {
      rows.block.setU16(rows.at + KIND_RANGE_BYTES * n, first, `${what}[${n}]`);
      rows.block.setU16(rows.at + KIND_RANGE_BYTES * n + 2, last, `${what}[${n}]`);
    }
    this.#setSlice(block, to, rows.address, kinds.length);
  }

  /** Bytes as an address and a length, for a call that takes them so. */
  slice(bytes: Uint8Array | string, what: string): Slice {
    const { block, at } = this.room(16);
    this.writeBytes(bytes, what, block, at);
    return { address: block.size(at), length: block.size(at + 8) };
  }
}

/** Short names are mostly ASCII, for which a loop is three times as fast as the encoder. */
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

type Write<T> = (arena: Arena, block: Block, at: number, of: T) => void;

/** A struct of options, or an event: which members it has, and how they are written. */
export class Struct<T extends object> {
  readonly size: number;
  readonly #what: string;
  readonly #names: readonly string[];
  readonly #write: Write<T>;
  #last: readonly string[] = [];

  constructor(what: string, size: number, names: readonly string[], write: Write<T>) {
    this.size = size;
    this.#what = what;
    this.#names = names;
    this.#write = write;
  }

  /** Writes an object into a struct that is zero but for its size. */
  write(arena: Arena, block: Block, at: number, of: T): void {
    this.#refuseMisspelt(of);
    this.#write(arena, block, at, of);
  }

  /**
   * A misspelt key would be an event that can be there twice. Events mostly have the same names in
   * the same order as the one before: to compare these costs a third of looking each one up.
   */
  #refuseMisspelt(of: T): void {
    needObject(of, this.#what);
    let i = 0;
    for (const name in of) {
      if (name !== this.#last[i++]) {
        refuseUnknown(of, this.#names, this.#what);
        this.#last = Object.keys(of);
        return;
      }
    }
  }
}

/** Text from a struct that was returned by value. */
export function textOf({ data, len }: Returns): string {
  return readText(data, len);
}
interface Returns {
  readonly data: number | bigint;
  readonly len: number | bigint;
}
