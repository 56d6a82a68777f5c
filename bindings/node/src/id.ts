/** Ids, hashes, kinds and keys: pure functions. */
import type { PathLike } from "node:fs";
import { perform, withArena } from "./call.js";
import { HASH_HEX_SIZE, ID_HEX_SIZE } from "./constants.js";
import { check, invalid } from "./fail.js";
import { HASH_BYTES, type Hash, ID_BYTES, type Id, writeHex } from "./hex.js";
import { fbat } from "./library.js";
import { type Place, takeBuffer } from "./memory.js";
import { writePath } from "./path.js";
import { u16, u32 } from "./validate.js";

/** Reads an id from 32 hex digits of either case. */
export function parseId(text: string): Id {
  return parse(text, fbat.fbat_id_from_hex, ID_BYTES, (out) => out.id);
}

/** Reads a hash from 64 hex digits of either case. */
export function parseHash(text: string): Hash {
  return parse(text, fbat.fbat_hash_from_hex, HASH_BYTES, (out) => out.hash);
}

function parse<T>(
  text: string,
  fromHex: typeof fbat.fbat_id_from_hex,
  bytes: number,
  read: (out: Place) => T,
): T {
  return withArena((arena) => {
    const digits = arena.slice(text, "text");
    const out = arena.room(bytes);
    const status = fromHex(digits.address, digits.length, out.address);
    if (status !== 0) {
      throw invalid(`'${text}' is not ${2 * bytes} hex digits`, status);
    }
    return read(out);
  });
}

/** The id that 16 bytes are, most significant first. */
export function idFromBytes(bytes: Uint8Array): Id {
  return format(bytes, fbat.fbat_id_to_hex, ID_BYTES, ID_HEX_SIZE) as Id;
}

/** The hash that 32 bytes are. */
export function hashFromBytes(bytes: Uint8Array): Hash {
  return format(bytes, fbat.fbat_hash_to_hex, HASH_BYTES, HASH_HEX_SIZE) as Hash;
}

function format(
  bytes: Uint8Array,
  toHex: typeof fbat.fbat_id_to_hex,
  length: number,
  room: number,
): string {
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) {
    throw invalid(`${length} bytes are needed, not ${bytes?.length}`);
  }
  return withArena((arena) => {
    const out = arena.room(room);
    check(toHex(arena.slice(bytes, "bytes").address, out.address, room));
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
    const { address, length } = arena.slice(payload, "payload");
    const out = arena.room(HASH_BYTES);
    check(fbat.fbat_content_hash(address, length, out.address));
    return out.hash;
  });
}

/**
 * The kind of a category, 0 to 15, and a type, 0 to 4095. Categories 0x0 and 0xD are the library's
 * own.
 */
export function kind(category: number, type: number): number {
  return withArena(({ out }) => {
    const status = fbat.fbat_kind(u32(category, "category"), u32(type, "type"), out.address);
    if (status !== 0) {
      throw invalid(`category ${category} with type ${type} is no kind`, status);
    }
    return out.block.u16(out.at);
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
    const { address, length } = arena.slice(domain, "domain");
    const rows = arena.room(16 * parts.length);
    for (const [i, part] of parts.entries()) {
      arena.writeBytes(part, `part ${i}`, rows.block, rows.at + 16 * i);
    }
    const out = arena.room(ID_BYTES);
    check(fbat.fbat_operation_key(address, length, rows.address, parts.length, out.address));
    return out.id;
  });
}

/**
 * A namespace for a directory on this machine: `data-dir:` and the hex BLAKE3 of its canonical
 * path. It changes when the directory moves.
 */
export function namespaceFromPath(path: PathLike): string {
  return perform((arena) => {
    const { out } = arena;
    const answer = () => takeBuffer(out.handle).toString("utf8");
    return [fbat.fbat_namespace_from_path, [writePath(arena, path), out.address], answer];
  });
}

/**
 * The entity, or scope, that stands for any text: control bytes, `/`, `=`, `|`, `%` and the second
 * dot of `..` become `%` and two hex digits.
 */
export function encodeEntity(text: string): string {
  return coded(fbat.fbat_entity_encode, text, "text");
}

/** The text that an entity of {@link encodeEntity} stands for. */
export function decodeEntity(entity: string): string {
  return coded(fbat.fbat_entity_decode, entity, "entity");
}

function coded(code: typeof fbat.fbat_entity_encode, from: string, what: string): string {
  return perform((arena) => {
    const { out } = arena;
    const { address, length } = arena.slice(from, what);
    const answer = () => takeBuffer(out.handle).toString("utf8");
    return [code, [address, length, out.address], answer];
  });
}
