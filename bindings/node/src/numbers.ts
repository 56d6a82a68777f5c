/** Numbers that go to the library: refused where they would be cut to another one on the way. */
import { Status } from "./constants.js";
import { invalid } from "./error.js";
import { typeName } from "./memory.js";

const U64_MAX = 2n ** 64n - 1n;
const I64_MIN = -(2n ** 63n);
const I64_MAX = 2n ** 63n - 1n;

function outOfRange(what: string, value: unknown, range: string): Error {
  const found = typeof value === "number" || typeof value === "bigint" ? String(value) : typeName(value);
  return invalid(Status.ERR_INVALID_ARGUMENT, `${what}: a whole number ${range} is needed, not ${found}`);
}

function unsigned(value: number, max: number, what: string): number {
  if (typeof value === "number" && value >= 0 && value <= max && Number.isInteger(value)) {
    return value;
  }
  throw outOfRange(what, value, `from 0 to ${max}`);
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
  throw outOfRange(what, value, `from ${min} to ${max}`);
}

export function u64(value: number | bigint, what: string): bigint {
  return wide(value, 0n, U64_MAX, what);
}

export function i64(value: number | bigint, what: string): bigint {
  return wide(value, I64_MIN, I64_MAX, what);
}
