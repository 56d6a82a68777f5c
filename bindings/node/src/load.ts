/** The shared library: where it is looked for, and how its functions are bound. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import koffi from "koffi";
import { ABI_VERSION, VERSION_MAJOR, VERSION_MINOR } from "./constants.js";

const SONAME = `libfbat.so.${VERSION_MAJOR}.${VERSION_MINOR}`;

// Pointers travel as integers: objects of the library are numbers anyway, and an address is exact
// as a JavaScript number. Types have no names, since koffi shares these between all packages.
const types = {
  void: "void",
  bool: "bool",
  i32: "int32_t",
  u16: "uint16_t",
  u32: "uint32_t",
  u64: "uint64_t",
  size: "size_t",
  /** The number that stands for an object of the library; 0 for none. */
  handle: "uint64_t",
  /** Where something is in memory; 0 for nowhere. */
  address: "uint64_t",
  /** Static text that ends with a NUL. */
  chars: "str",
  text: koffi.struct({ data: "uint64_t", len: "size_t" }),
  id: koffi.struct({ bytes: koffi.array("uint8_t", 16) }),
} as const;

type TypeName = keyof typeof types;
type Integer = number | bigint;
interface Results {
  void: undefined;
  bool: boolean;
  chars: string;
  text: { readonly data: Integer; readonly len: Integer };
  id: { readonly bytes: Uint8Array };
  i32: number;
  u16: number;
  u32: number;
}
type Result<T extends TypeName> = T extends keyof Results ? Results[T] : Integer;
type Argument<T extends TypeName> = T extends "bool"
  ? boolean
  : T extends "text"
    ? Results["text"]
    : Integer;

/** What a function gives, and what it takes. */
export type Signature = readonly [result: TypeName, ...parameters: TypeName[]];
type Parameters<S extends Signature> = S extends readonly [
  TypeName,
  ...infer P extends readonly TypeName[],
]
  ? { [I in keyof P]: Argument<P[I]> }
  : never;
/** A function, which can also be called on a thread of Node's pool. */
export interface Call<S extends Signature> {
  (...values: Parameters<S>): Result<S[0]>;
  /** The last argument is told the result. */
  async(...values: [...Parameters<S>, done: (error: unknown, result: Result<S[0]>) => void]): void;
}
type Library<S extends Record<string, Signature>> = { readonly [N in keyof S]: Call<S[N]> };

/** Where the library may be, in the order in which the places are tried. */
function candidates(): string[] {
  const named = process.env.FBAT_LIBRARY;
  if (named) {
    return [named];
  }
  // dist/src/load.js of the package: its folder `lib` brings the library along.
  const { platform, arch } = process;
  const beside = join(__dirname, "../../lib", `${platform}-${arch}`, SONAME);
  return existsSync(beside) ? [beside] : [SONAME];
}

// Calls on other threads run on stacks of koffi's. The library needs 32 KiB of them, and what a
// callback of JavaScript takes comes on top.
const ASYNC_STACK_BYTES = 512 * 1024;

function open() {
  try {
    koffi.config({ async_stack_size: ASYNC_STACK_BYTES });
  } catch {
    // Somebody has loaded a library with koffi before, after which it is not to be configured.
  }
  const places = candidates();
  let cause: unknown;
  for (const place of places) {
    try {
      return koffi.load(place);
    } catch (failure) {
      cause ??= failure;
    }
  }
  throw new Error(
    `fbat: the library was not found (tried ${places.join(", ")}); FBAT_LIBRARY can name the file`,
    { cause },
  );
}

/** Loads the library and binds its functions. One with another binary interface is refused. */
export function bind<const S extends Record<string, Signature>>(signatures: S): Library<S> {
  const library = open();
  const abi: number = library.func("fbat_abi_version", types.u32, [])();
  if (abi !== ABI_VERSION) {
    throw new Error(`fbat: the library's binary interface is ${abi}, not ${ABI_VERSION}`);
  }
  const functions = Object.entries(signatures).map(([name, [result, ...parameters]]) => [
    name,
    library.func(
      name,
      types[result],
      parameters.map((parameter) => types[parameter]),
    ),
  ]);
  return Object.fromEntries(functions) as Library<S>;
}

const system = koffi.load(null);

/** Copies bytes from one address to another: the one way to read the library's memory. */
export const copyMemory: (to: number, from: number, bytes: number) => void = system.func(
  "memcpy",
  types.void,
  [types.address, types.address, types.size],
);

/** fcntl(2), and close(2): `fs.closeSync` of a worker warns of what `fs` has not opened. */
export const fcntl: (fd: number, command: number, type: "int", value: number) => number =
  system.func("fcntl", types.i32, [types.i32, types.i32, "..."]);
export const closeDescriptor: (fd: number) => number = system.func("close", types.i32, [types.i32]);

/** What the library calls with an address: a record of a filter, a report of progress. */
export const CALLBACK = koffi.pointer(koffi.proto(types.i32, [types.address, types.address]));

/** What it calls with a line of the log. */
export const LOG_CALLBACK = koffi.pointer(
  koffi.proto(types.void, [types.address, types.u32, types.address, types.size]),
);
