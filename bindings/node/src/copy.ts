/** Copies of a store: a backup, and an identity of its own for one that goes its own way. */
import type { PathLike } from "node:fs";
import { type Call, call, ok, withArena } from "./call.js";
import { type Hash, ID_BYTES, type Id } from "./hex.js";
import { confirmedLayout, readStruct } from "./layout.js";
import { fbat } from "./library.js";
import { u32 } from "./numbers.js";
import { writePath } from "./path.js";

/** What a copy holds. */
export interface BackupReport {
  /** Events, the library's own included. */
  readonly events: bigint;
  /** Files of the log. */
  readonly segments: bigint;
  /** Those of them that are links to the files of the store. */
  readonly linkedSegments: bigint;
  /** Size of the log, in bytes, linked files included. */
  readonly logBytes: bigint;
  /** The global sequence that the copy ends with. */
  readonly lastSequence: bigint;
  /** The log hash there, of store and copy alike. */
  readonly logHash: Hash;
}

const REPORT = confirmedLayout("fbat_backup_report_init", {
  events: "u64",
  segments: "u64",
  linkedSegments: "u64",
  logBytes: "u64",
  lastSequence: "u64",
  logHash: "hash",
});

export function backupCall(store: bigint, destination: PathLike, flags: number): Call<BackupReport> {
  return call((arena) => {
    const report = arena.structs(REPORT.size);
    return {
      start: fbat.fbat_store_backup,
      values: [store, writePath(arena, destination), u32(flags, "flags"), report.address, arena.error.address],
      finish(status) {
        ok(arena, status);
        return readStruct<BackupReport>(REPORT, report);
      },
    };
  });
}

/**
 * Gives the store in a directory a new random store id, and with it a native namespace of its own: for a directory that
 * was copied, which is a second store under the name of the first. The store must not be open for writing.
 */
export function newIdentity(path: PathLike): Id {
  return withArena((arena) => {
    const id = arena.room(ID_BYTES);
    ok(arena, fbat.fbat_store_new_identity(writePath(arena, path), id.address, arena.error.address));
    return id.block.buffer.toString("hex", id.at, id.at + ID_BYTES) as Id;
  });
}
