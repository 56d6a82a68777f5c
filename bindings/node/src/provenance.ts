/** Provenance on the wire: bare bodies and FBATIP frames. */
import { ok, withArena } from "./call.js";
import { fbat } from "./library.js";
import { takeBuffer } from "./memory.js";
import { PROVENANCE, type ProvenanceInit } from "./options.js";
import { type Provenance, readProvenance, SIZES } from "./structs.js";
import { u32 } from "./validate.js";

function decode(
  start: typeof fbat.fbat_provenance_decode,
  bytes: Uint8Array,
  flags: number,
): Provenance {
  return withArena((arena) => {
    const { address, length } = arena.slice(bytes, "bytes");
    const out = arena.structs(SIZES.provenance);
    ok(arena, start(address, length, u32(flags, "flags"), out.address, arena.error.address));
    return readProvenance(out.block, out.at);
  });
}

/** Reads an FBATIP frame: magic, version, checksum, body. `flags`: 0, or `WireFlag.LENIENT`. */
export function decodeProvenance(frame: Uint8Array, flags = 0): Provenance {
  return decode(fbat.fbat_provenance_decode, frame, flags);
}

/**
 * Reads a bare body, as the extension `batpak.import.provenance` holds it. `flags`: 0, or
 * `WireFlag.LENIENT`.
 */
export function provenanceFromExtension(body: Uint8Array, flags = 0): Provenance {
  return decode(fbat.fbat_provenance_from_extension, body, flags);
}

function encode(start: typeof fbat.fbat_provenance_encode, of: ProvenanceInit): Buffer {
  return withArena((arena) => {
    const { out, error } = arena;
    ok(arena, start(arena.write(PROVENANCE, of), out.address, error.address));
    return takeBuffer(out.handle);
  });
}

/** Writes a provenance as an FBATIP frame: magic, version, checksum, body. */
export function encodeProvenance(provenance: ProvenanceInit): Buffer {
  return encode(fbat.fbat_provenance_encode, provenance);
}

/** Writes it as a bare body, as the extension `batpak.import.provenance` holds it. */
export function encodeProvenanceBody(provenance: ProvenanceInit): Buffer {
  return encode(fbat.fbat_provenance_encode_body, provenance);
}
