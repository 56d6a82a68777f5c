/** Ids and hashes as text, which can be compared and be a key of a map. */
import { needed } from "./fail.js";

declare const brand: unique symbol;

/** A 128-bit id as 32 lower-case hex digits. Made by the library, or from text by `parseId`. */
export type Id = string & { readonly [brand]: "id" };

/** A 256-bit BLAKE3 hash as 64 lower-case hex digits. Made by the library, or by `parseHash`. */
export type Hash = string & { readonly [brand]: "hash" };

export const ID_BYTES = 16;
export const HASH_BYTES = 32;

/** Writes an id or a hash where the library reads it. */
export function writeHex(
  target: Buffer,
  at: number,
  length: number,
  hex: Id | Hash,
  what: string,
): void {
  const isHex = typeof hex === "string" && hex.length === 2 * length;
  if (!isHex || target.write(hex, at, length, "hex") !== length) {
    throw needed(what, `text of ${2 * length} hex digits`, hex);
  }
}
