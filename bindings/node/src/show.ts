/** How objects whose members are accessors are shown: by `console.log`, and in JSON. */
import { type InspectOptions, inspect } from "node:util";

/** What the accessors of an object give: those of its class, and of the classes between that and `base`. */
export function members(of: object, base: object = Object.prototype): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (let type = Object.getPrototypeOf(of); type !== base; type = Object.getPrototypeOf(type)) {
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(type))) {
      if (get !== undefined) {
        found[name] = get.call(of);
      }
    }
  }
  return found;
}

/** Shown as an object of its class; `depth` is what is left of it. */
export function show(of: object, found: object | string, depth: number | null, options: InspectOptions): string {
  const { name } = of.constructor;
  if (typeof found === "string" || (depth !== null && depth < 0)) {
    return `${name} [${typeof found === "string" ? found : "Object"}]`;
  }
  return `${name} ${inspect(found, { ...options, depth })}`;
}

/** A value as JSON has it: integers of 64 bits are decimal text, bytes are base64, maps are objects. */
export type Json<T> = T extends bigint
  ? string
  : T extends Uint8Array
    ? string
    : T extends ReadonlyMap<string, infer V>
      ? { [key: string]: Json<V> }
      : T;

/** Members as JSON has them. */
export type JsonObject<T> = { -readonly [K in keyof T]: Json<T[K]> };

/** Members of an object in what JSON knows. */
export function jsonObject<T>(found: object): JsonObject<T> {
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, json(value)])) as JsonObject<T>;
}

function json(value: unknown): unknown {
  if (typeof value === "bigint") {
    return value.toString();
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  return value instanceof Map ? jsonObject(Object.fromEntries(value)) : value;
}
