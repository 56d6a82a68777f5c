/** Provenance on the wire: bare bodies and FBATIP frames. */
import { perform } from "./call.js";
import { fbat } from "./library.js";
import { takeBuffer } from "./memory.js";
import { PROVENANCE_INIT, type ProvenanceInit } from "./options.js";
import { PROVENANCE, type Provenance } from "./structs.js";
import { u32 } from "./validate.js";

function decode(
  start: typeof fbat.fbat_provenance_decode,
  bytes: Uint8Array,
  flags: number,
): Provenance {
  return perform((arena) => {
    const { address, length } = arena.slice(bytes, "bytes");
    const out = arena.output(PROVENANCE);
    return [start, [address, length, u32(flags, "flags"), out.address], out.read];
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
  return perform((arena) => {
    const { out } = arena;
    return [start, [arena.write(PROVENANCE_INIT, of), out.address], () => takeBuffer(out.handle)];
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
