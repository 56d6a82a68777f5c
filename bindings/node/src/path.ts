/** Paths as the library takes them: bytes of the file system that end with a NUL. */
import type { PathLike } from "node:fs";
import { fileURLToPath } from "node:url";
import { invalid, needed } from "./fail.js";
import type { Arena } from "./memory.js";

/** Writes a path; its address. */
export function writePath(arena: Arena, path: PathLike): number {
  const local = path instanceof URL ? fileURLToPath(path) : path;
  if (typeof local !== "string" && !(local instanceof Uint8Array)) {
    throw needed("path", "text, bytes or a file URL", local);
  }
  const bytes = Buffer.from(local as Uint8Array);
  if (bytes.includes(0)) {
    throw invalid("path: there is a NUL in it");
  }
  const { block, at, address } = arena.room(bytes.length + 1);
  block.buffer.set(bytes, at);
  block.buffer[at + bytes.length] = 0;
  return address;
}
