/** The text forms of ids and hashes, which are what the binding hands out: text can be compared and be a key of a map. */
import { Status } from "./constants.js";
import { invalid } from "./error.js";
import { typeName } from "./memory.js";

declare const brand: unique symbol;

/** A 128-bit id as 32 lower-case hex digits. Made by the library, or from text by `parseId`. */
export type Id = string & { readonly [brand]: "id" };

/** A 256-bit BLAKE3 hash as 64 lower-case hex digits. Made by the library, or from text by `parseHash`. */
export type Hash = string & { readonly [brand]: "hash" };

export const ID_BYTES = 16;
export const HASH_BYTES = 32;

/** The digits of an id or a hash; null where all bytes are zero, which means none. */
export function hexOrNull(bytes: Uint8Array, at = 0, length = bytes.length): string | null {
  for (let i = at; i < at + length; i++) {
    if (bytes[i] !== 0) {
      return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString("hex");
    }
  }
  return null;
}

/** Writes an id or a hash where the library reads it. */
export function writeHex(target: Buffer, at: number, length: number, hex: Id | Hash, what: string): void {
  if (typeof hex !== "string" || hex.length !== 2 * length || target.write(hex, at, length, "hex") !== length) {
    const found = typeof hex === "string" ? `'${hex}'` : typeName(hex);
    throw invalid(Status.ERR_INVALID_ARGUMENT, `${what}: ${2 * length} hex digits are needed, not ${found}`);
  }
}
