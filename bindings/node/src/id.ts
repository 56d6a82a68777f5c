/** Ids, hashes, kinds and keys: pure functions. */
import type { PathLike } from "node:fs";
import { ok, withArena } from "./call.js";
import { HASH_HEX_SIZE, ID_HEX_SIZE, Status } from "./constants.js";
import { check, invalid } from "./error.js";
import { HASH_BYTES, type Hash, ID_BYTES, type Id, writeHex } from "./hex.js";
import { fbat } from "./library.js";
import { copyBytes, type Place } from "./memory.js";
import { u16, u32 } from "./numbers.js";
import { writePath } from "./path.js";

type FromHex = typeof fbat.fbat_id_from_hex;
type ToHex = typeof fbat.fbat_id_to_hex;

/** Reads an id from 32 hex digits of either case. */
export function parseId(text: string): Id {
  return parse(text, fbat.fbat_id_from_hex, ID_BYTES) as Id;
}

/** Reads a hash from 64 hex digits of either case. */
export function parseHash(text: string): Hash {
  return parse(text, fbat.fbat_hash_from_hex, HASH_BYTES) as Hash;
}

function parse(text: string, fromHex: FromHex, bytes: number): string {
  return withArena((arena) => {
    const digits = arena.text(text, "text");
    const out = arena.room(bytes);
    const status = fromHex(digits.address, digits.length, out.address);
    if (status !== Status.OK) {
      throw invalid(status, `'${text}' is not ${2 * bytes} hex digits`);
    }
    return hexAt(out, bytes);
  });
}

function hexAt({ block, at }: Place, bytes: number): string {
  return block.buffer.toString("hex", at, at + bytes);
}

/** The id that 16 bytes are, most significant first. */
export function idFromBytes(bytes: Uint8Array): Id {
  return format(bytes, fbat.fbat_id_to_hex, ID_BYTES, ID_HEX_SIZE) as Id;
}

/** The hash that 32 bytes are. */
export function hashFromBytes(bytes: Uint8Array): Hash {
  return format(bytes, fbat.fbat_hash_to_hex, HASH_BYTES, HASH_HEX_SIZE) as Hash;
}

function format(bytes: Uint8Array, toHex: ToHex, length: number, room: number): string {
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) {
    throw invalid(Status.ERR_INVALID_ARGUMENT, `${length} bytes are needed, not ${bytes?.length}`);
  }
  return withArena((arena) => {
    const given = arena.bytes(bytes, "bytes");
    const out = arena.room(room);
    check(toHex(given.address, out.address, room), 0n);
    return out.block.buffer.toString("latin1", out.at, out.at + 2 * length);
  });
}

/** The 16 bytes of an id, most significant first. */
export function idToBytes(id: Id): Buffer {
  return toBytes(id, ID_BYTES, "id");
}

/** The 32 bytes of a hash. */
export function hashToBytes(hash: Hash): Buffer {
  return toBytes(hash, HASH_BYTES, "hash");
}

function toBytes(hex: Id | Hash, length: number, what: string): Buffer {
  const bytes = Buffer.alloc(length);
  writeHex(bytes, 0, length, hex, what);
  return bytes;
}

/** The content hash of a payload: plain BLAKE3 of its bytes. */
export function contentHash(payload: Uint8Array | string): Hash {
  return withArena((arena) => {
    const bytes = arena.bytes(payload, "payload");
    const out = arena.room(HASH_BYTES);
    check(fbat.fbat_content_hash(bytes.address, bytes.length, out.address), 0n);
    return hexAt(out, HASH_BYTES) as Hash;
  });
}

/** The kind of a category, 0 to 15, and a type, 0 to 4095. Categories 0x0 and 0xD are the library's own. */
export function kind(category: number, type: number): number {
  return withArena((arena) => {
    const status = fbat.fbat_kind(u32(category, "category"), u32(type, "type"), arena.out.address);
    if (status !== Status.OK) {
      throw invalid(status, `category ${category} with type ${type} is no kind`);
    }
    return arena.out.block.view.getUint16(arena.out.at, true);
  });
}

/** The category of a kind: 0 to 15. */
export function kindCategory(of: number): number {
  return fbat.fbat_kind_category(u16(of, "kind"));
}

/** The type of a kind within its category: 0 to 4095. */
export function kindType(of: number): number {
  return fbat.fbat_kind_type(u16(of, "kind"));
}

/** A 128-bit key from a domain and parts, to be used as the idempotency key of an operation. */
export function operationKey(domain: Uint8Array | string, ...parts: (Uint8Array | string)[]): Id {
  return withArena((arena) => {
    const of = arena.bytes(domain, "domain");
    const rows = arena.room(16 * parts.length);
    for (const [i, part] of parts.entries()) {
      arena.writeBytes(part, `part ${i}`, rows.block, rows.at + 16 * i);
    }
    const out = arena.room(ID_BYTES);
    check(fbat.fbat_operation_key(of.address, of.length, rows.address, parts.length, out.address), 0n);
    return hexAt(out, ID_BYTES) as Id;
  });
}

/**
 * A namespace for a directory on this machine: `data-dir:` and the hex BLAKE3 of its canonical path. It changes when
 * the directory moves.
 */
export function namespaceFromPath(path: PathLike): string {
  return withArena((arena) => {
    const at = writePath(arena, path);
    ok(arena, fbat.fbat_namespace_from_path(at, arena.out.address, arena.error.address));
    return takeBuffer(arena.out.handle).toString("utf8");
  });
}

/** @internal The bytes of a buffer of the library, which is freed. */
export function takeBuffer(handle: bigint): Buffer {
  try {
    return copyBytes(fbat.fbat_buffer_data(handle), fbat.fbat_buffer_len(handle));
  } finally {
    fbat.fbat_buffer_free(handle);
  }
}
