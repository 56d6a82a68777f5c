/** How objects whose members are accessors are read, and shown: by `console.log` and in JSON. */
import { type InspectOptions, inspect } from "node:util";
import type { Block } from "./memory.js";

type Accessors = readonly (readonly [name: string, get: () => unknown])[];
/** The accessors of a class, by its prototype: looking them up takes longer than calling them. */
const known = new WeakMap<object, Accessors>();

function accessorsOf(first: object, base: object): Accessors {
  const found: [string, () => unknown][] = [];
  for (let type = first; type !== base; type = Object.getPrototypeOf(type)) {
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(type))) {
      if (get !== undefined) {
        found.push([name, get]);
      }
    }
  }
  known.set(first, found);
  return found;
}

/** What the accessors of an object give: those of its class, and of the classes up to `base`. */
export function members(of: object, base: object): Record<string, unknown> {
  const type = Object.getPrototypeOf(of);
  const found: Record<string, unknown> = {};
  for (const [name, get] of known.get(type) ?? accessorsOf(type, base)) {
    found[name] = get.call(of);
  }
  return found;
}

/** Shown as an object of its class; `depth` is what is left of it. */
export function show(
  of: object,
  found: object | string,
  depth: number | null,
  options: InspectOptions,
): string {
  const { name } = of.constructor;
  if (typeof found === "string" || (depth !== null && depth < 0)) {
    return `${name} [${typeof found === "string" ? found : "Object"}]`;
  }
  return `${name} ${inspect(found, { ...options, depth })}`;
}

/**
 * A value as JSON has it: integers of 64 bits as decimal text, bytes as base64, maps as objects.
 */
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
  const entries = Object.entries(found).map(([name, value]) => [name, json(value)]);
  return Object.fromEntries(entries) as JsonObject<T>;
}

/** For `JSON.stringify` of a plain object; whoever looks at its members does not meet it. */
function toJSON(this: object): JsonObject<object> {
  return jsonObject({ ...this });
}

/** @internal Lets a report be JSON, though it has integers of 64 bits. */
export function withJson<T extends object>(of: T): T {
  return Object.defineProperty(of, "toJSON", { value: toJSON });
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

/** The members of a view, without its methods. */
export type Members<V> = Omit<V, keyof View | "provenance">;

/** A struct in a block, whose members are decoded when they are asked for. */
export abstract class View {
  #block: Block;
  #isGone = false;
  /** @internal */
  protected readonly at: number;

  /** @internal */
  constructor(block: Block, at: number) {
    this.#block = block;
    this.at = at;
  }

  /** @internal */
  protected get block(): Block {
    return this.#block;
  }

  /** @internal What it was read from is gone; `block` says so. */
  end(block: Block): void {
    this.#block = block;
    this.#isGone = true;
  }

  /** All members as they are now, also of a filter's record after the filter has returned. */
  toObject(): Members<this> {
    return members(this, View.prototype) as unknown as Members<this>;
  }

  /** All members: 64-bit integers as decimal text, bytes as base64, extensions as an object. */
  toJSON(): JsonObject<Members<this>> {
    return jsonObject(this.toObject());
  }

  /** What `console.log` shows: all members. */
  [inspect.custom](depth: number | null, options: InspectOptions): string {
    return show(this, this.#isGone ? "gone" : this.toObject(), depth, options);
  }
}
