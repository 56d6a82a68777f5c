/** What callers give is checked before it reaches the library: a wrong type, a number to be cut. */
import { invalid, needed } from "./fail.js";

/** Refuses what has no members to read. */
export function needObject(value: unknown, what: string): void {
  if (typeof value !== "object" || value === null) {
    throw needed(what, "an object", value);
  }
}

/** A misspelt name would otherwise be an option that is silently not set. */
export function refuseUnknown(of: object, names: readonly string[], what: string): void {
  needObject(of, what);
  const unknown = Object.keys(of).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw invalid(`${what}: there is no '${unknown}'`);
  }
}

const U64_MAX = 2n ** 64n - 1n;
export const I64_MIN = -(2n ** 63n);
export const I64_MAX = 2n ** 63n - 1n;

/** A number from 0 to `max`, as it is. */
export function unsigned(value: number, max: number, what: string): number {
  if (typeof value === "number" && value >= 0 && value <= max && Number.isInteger(value)) {
    return value;
  }
  throw needed(what, `a whole number from 0 to ${max}`, value);
}

export function u16(value: number, what: string): number {
  return unsigned(value, 0xffff, what);
}

export function u32(value: number, what: string): number {
  return unsigned(value, 0xffffffff, what);
}

/** A size or a count. */
export function size(value: number, what: string): number {
  return unsigned(value, Number.MAX_SAFE_INTEGER, what);
}

function wide(value: number | bigint, min: bigint, max: bigint, what: string): bigint {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) {
    const exact = BigInt(value);
    if (exact >= min && exact <= max) {
      return exact;
    }
  }
  throw needed(what, `a whole number from ${min} to ${max}`, value);
}

export function u64(value: number | bigint, what: string): bigint {
  return wide(value, 0n, U64_MAX, what);
}

export function i64(value: number | bigint, what: string): bigint {
  return wide(value, I64_MIN, I64_MAX, what);
}
