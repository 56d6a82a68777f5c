/** Provenance: where an imported event came from; its parts, its body, and its FBATIP frame. */
import { ok, withArena } from "./call.js";
import { Handle } from "./handle.js";
import { HASH_BYTES, type Hash, ID_BYTES, type Id, writeHex } from "./hex.js";
import { takeBuffer } from "./id.js";
import { fbat } from "./library.js";
import { textOf } from "./memory.js";
import { u16, u32, u64 } from "./numbers.js";
import { assign, made, set } from "./options.js";
import { type JsonObject, jsonObject, members } from "./show.js";

/** The parts of a provenance. What is left out is zero, but for the schema version, which is 1. */
export interface ProvenanceInit {
  /** Encoding refuses versions above `PROVENANCE_SCHEMA_VERSION`. */
  schemaVersion?: number | undefined;
  /** The name that the source had in the import: UTF-8, 1 to 1024 bytes. Needed for encoding. */
  namespace?: string | undefined;
  /** The event's id in the source. */
  eventId?: Id | undefined;
  /** The event's global sequence in the source. */
  sequence?: number | bigint | undefined;
  /** The event's kind in the source. */
  kind?: number | undefined;
  /** The content hash of the event in the source. */
  contentHash?: Hash | undefined;
}

const NAMES = ["schemaVersion", "namespace", "eventId", "sequence", "kind", "contentHash"] as const;

/** The parts of a provenance as JSON has them: `sequence` is decimal text. */
export type ProvenanceJson = JsonObject<Pick<Provenance, (typeof NAMES)[number]>>;

type Decode = typeof fbat.fbat_provenance_decode;
type Encode = typeof fbat.fbat_provenance_encode;

/** Where an imported event came from. */
export class Provenance extends Handle {
  constructor(init?: ProvenanceInit);
  /** @internal One that the library made. */
  constructor(handle: bigint);
  constructor(init: ProvenanceInit | bigint = {}) {
    const handle = typeof init === "bigint" ? init : made(fbat.fbat_provenance_new());
    super("provenance", handle, fbat.fbat_provenance_free);
    if (typeof init !== "bigint") {
      assign<Provenance>(this, init as Partial<Provenance>, NAMES);
    }
  }

  /** @internal One that the library made; null for none. */
  static take(handle: bigint): Provenance | null {
    return handle === 0n ? null : new Provenance(handle);
  }

  /** Its parts for `JSON.stringify`; `sequence` is decimal text. */
  toJSON(): ProvenanceJson {
    return jsonObject(members(this, Handle.prototype));
  }

  /** Reads an FBATIP frame: magic, version, checksum, body. `flags`: 0, or `WireFlag.LENIENT`. */
  static decode(frame: Uint8Array, flags = 0): Provenance {
    return decode(fbat.fbat_provenance_decode, frame, flags);
  }

  /** Reads a bare body, as the extension `batpak.import.provenance` holds it. `flags`: 0, or `WireFlag.LENIENT`. */
  static fromExtension(body: Uint8Array, flags = 0): Provenance {
    return decode(fbat.fbat_provenance_from_extension, body, flags);
  }

  /** Writes it as an FBATIP frame: magic, version, checksum, body. */
  encode(): Buffer {
    return encode(fbat.fbat_provenance_encode, this.handle);
  }

  /** Writes it as a bare body, as the extension `batpak.import.provenance` holds it. */
  encodeBody(): Buffer {
    return encode(fbat.fbat_provenance_encode_body, this.handle);
  }

  /** The schema version. Encoding refuses versions above `PROVENANCE_SCHEMA_VERSION`. */
  get schemaVersion(): number {
    return fbat.fbat_provenance_get_schema_version(this.handle);
  }
  set schemaVersion(version: number) {
    set("schemaVersion", () => fbat.fbat_provenance_set_schema_version(this.handle, u16(version, "schemaVersion")));
  }

  /** The name that the source had in the import; empty where it is not set. */
  get namespace(): string {
    return textOf(fbat.fbat_provenance_get_namespace(this.handle));
  }
  set namespace(name: string) {
    set("namespace", (arena) => {
      const text = arena.text(name, "namespace");
      return fbat.fbat_provenance_set_namespace(this.handle, text.address, text.length);
    });
  }

  /** The event's id in the source. */
  get eventId(): Id {
    return hex(fbat.fbat_provenance_get_event_id(this.handle).bytes) as Id;
  }
  set eventId(id: Id) {
    set("eventId", (arena) => {
      const { block, at, address } = arena.room(ID_BYTES);
      writeHex(block.buffer, at, ID_BYTES, id, "eventId");
      return fbat.fbat_provenance_set_event_id(this.handle, address);
    });
  }

  /** The event's global sequence in the source. */
  get sequence(): bigint {
    return BigInt(fbat.fbat_provenance_get_sequence(this.handle));
  }
  set sequence(sequence: number | bigint) {
    set("sequence", () => fbat.fbat_provenance_set_sequence(this.handle, u64(sequence, "sequence")));
  }

  /** The event's kind in the source. */
  get kind(): number {
    return fbat.fbat_provenance_get_kind(this.handle);
  }
  set kind(kind: number) {
    set("kind", () => fbat.fbat_provenance_set_kind(this.handle, u16(kind, "kind")));
  }

  /** The content hash of the event in the source. */
  get contentHash(): Hash {
    return hex(fbat.fbat_provenance_get_content_hash(this.handle).bytes) as Hash;
  }
  set contentHash(hash: Hash) {
    set("contentHash", (arena) => {
      const { block, at, address } = arena.room(HASH_BYTES);
      writeHex(block.buffer, at, HASH_BYTES, hash, "contentHash");
      return fbat.fbat_provenance_set_content_hash(this.handle, address);
    });
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function decode(start: Decode, bytes: Uint8Array, flags: number): Provenance {
  return withArena((arena) => {
    const given = arena.bytes(bytes, "bytes");
    const bits = u32(flags, "flags");
    ok(arena, start(given.address, given.length, bits, arena.out.address, arena.error.address));
    return Provenance.take(arena.out.handle) as Provenance;
  });
}

function encode(start: Encode, handle: bigint): Buffer {
  return withArena((arena) => {
    ok(arena, start(handle, arena.out.address, arena.error.address));
    return takeBuffer(arena.out.handle);
  });
}

/** Where an event of a store came from; null where it was not imported. */
export function eventProvenance(store: bigint, id: Id): Provenance | null {
  return withArena((arena) => {
    const { block, at, address } = arena.room(ID_BYTES);
    writeHex(block.buffer, at, ID_BYTES, id, "id");
    ok(arena, fbat.fbat_event_provenance(store, address, arena.out.address, arena.error.address));
    return Provenance.take(arena.out.handle);
  });
}
