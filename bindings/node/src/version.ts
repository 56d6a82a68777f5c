/** Versions of the library that is loaded. */
import { fbat } from "./library.js";

/** The version of the library that is loaded, for example "0.1.0". */
export function versionString(): string {
  return fbat.fbat_version_string();
}

/** The version of its binary interface: the one that this package needs, or it would not have been loaded. */
export function abiVersion(): number {
  return fbat.fbat_abi_version();
}

/**
 * How many objects of the library the process holds, in all of its threads: stores, cursors, queries and so on that
 * were neither disposed of nor collected.
 */
export function liveHandles(): number {
  return Number(fbat.fbat_live_handles());
}
