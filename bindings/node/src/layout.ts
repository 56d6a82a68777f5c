/**
 * How the structs of the header lie in memory. Sizes are compared with the library's when it is loaded: its `_init`
 * functions write them.
 */
import { hexOrNull } from "./hex.js";
import { fbat } from "./library.js";
import { Arena, type Block, copyBytes, type Place, readText } from "./memory.js";

// Size and alignment.
const sizes = {
  u16: [2, 2],
  u32: [4, 4],
  u64: [8, 8],
  i64: [8, 8],
  size: [8, 8],
  pointer: [8, 8],
  text: [16, 8],
  path: [16, 8],
  id: [16, 1],
  hash: [32, 1],
} as const;

export type FieldType = keyof typeof sizes;
type Fields = Readonly<Record<string, FieldType>>;

/** A struct: its members in their order, where each lies, and how long the whole is. */
export interface Layout<F extends Fields> {
  readonly fields: F;
  readonly at: { readonly [N in keyof F]: number };
  readonly size: number;
}

export function layout<const F extends Fields>(fields: F): Layout<F> {
  const at: Record<string, number> = {};
  let end = 0;
  for (const [name, type] of Object.entries(fields)) {
    const [size, alignment] = sizes[type];
    const begin = Math.ceil(end / alignment) * alignment;
    at[name] = begin;
    end = begin + size;
  }
  return { fields, at: at as Layout<F>["at"], size: Math.ceil(end / 8) * 8 };
}

type Init = {
  [N in keyof typeof fbat]: N extends `fbat_${string}_init` ? N : never;
}[keyof typeof fbat];

/** A layout that the library confirms. Libraries of later versions may know more members, behind those of this one. */
export function confirmedLayout<const F extends Fields>(init: Init, fields: F): Layout<F> {
  const made = layout({ structSize: "size", ...fields });
  const arena = Arena.take();
  const place = arena.room(4096);
  fbat[init](place.address);
  const size = place.block.word(place.at);
  arena.give();
  if (size < made.size) {
    throw new Error(`fbat: the library's ${init.slice(0, -5)} has ${size} bytes, this package needs ${made.size}`);
  }
  return made;
}

/** The members of a struct as an object: numbers of 64 bits as BigInt, text copied. */
export function readStruct<T>({ fields, at }: Layout<Fields>, { block, at: base }: Place): T {
  const members: [string, unknown][] = [];
  for (const [name, type] of Object.entries(fields)) {
    if (name === "structSize" || name === "reserved") {
      continue;
    }
    const begin = base + (at[name] as number);
    members.push([name, readField(type, block, begin)]);
    if (type === "path") {
      members.push([`${name}Bytes`, copyBytes(block.word(begin), block.word(begin + 8))]);
    }
  }
  return Object.fromEntries(members) as T;
}

function readField(type: FieldType, block: Block, at: number): unknown {
  switch (type) {
    case "u16":
      return block.view.getUint16(at, true);
    case "u32":
      return block.view.getUint32(at, true);
    case "i64":
      return block.view.getBigInt64(at, true);
    case "text":
    case "path":
      return readText(block.word(at), block.word(at + 8));
    case "id":
    case "hash":
      return hexOrNull(block.buffer, at, sizes[type][0]) ?? "0".repeat(2 * sizes[type][0]);
    default:
      return block.view.getBigUint64(at, true);
  }
}
