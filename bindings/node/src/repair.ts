/** Repair: a new store from what holds of a damaged one. */
import type { PathLike } from "node:fs";
import { type Call, call, ok, run, runAsync, withArena } from "./call.js";
import { confirmedLayout, readStruct } from "./layout.js";
import { fbat } from "./library.js";
import { writePath } from "./path.js";

/** What a repair kept, in figures. */
export interface RepairTotals {
  /** Events that were kept, the library's own included. */
  readonly events: bigint;
  /** The library's own among them. */
  readonly systemEvents: bigint;
  /** Events whose predecessor of the same entity is lost: their hash cannot be computed. */
  readonly unlinkedEvents: bigint;
  /** Files of the log that were read. */
  readonly segments: bigint;
  /** Those of them whose header was damaged and was made anew. */
  readonly headersRebuilt: bigint;
  /** Bytes of them that are neither a header nor an event. */
  readonly bytesUnread: bigint;
  /** Things that do not hold. A report lists 10,000 of them. */
  readonly losses: bigint;
  /** How many sequences are lost. Each belonged to an event or to a declared gap. */
  readonly sequencesLost: bigint;
  /** The first of the sequences behind the log that were jumped because somebody may have seen them; 0 for none. */
  readonly gapFirst: bigint;
  /** The last of them. */
  readonly gapLast: bigint;
  /** Bits of `RepairFlag`. */
  readonly flags: number;
}

/** One thing that does not hold, and the sequences lost by it. */
export interface Loss {
  /** The file, which may be one that is missing. */
  readonly path: string;
  /** The same as bytes of the file system, which need not be UTF-8. */
  readonly pathBytes: Buffer;
  /** Where in it, in bytes from its start. */
  readonly offset: bigint;
  /** The first global sequence that is lost; 0 where none is, or none is known to be. */
  readonly firstSequence: bigint;
  /** The last one. */
  readonly lastSequence: bigint;
  /** One sentence for people. */
  readonly message: string;
}

/** What a repair kept and what is lost. */
export interface RepairReport {
  readonly totals: RepairTotals;
  /** At most 10,000. */
  readonly losses: readonly Loss[];
}

const TOTALS = confirmedLayout("fbat_repair_totals_init", {
  events: "u64",
  systemEvents: "u64",
  unlinkedEvents: "u64",
  segments: "u64",
  headersRebuilt: "u64",
  bytesUnread: "u64",
  losses: "u64",
  sequencesLost: "u64",
  gapFirst: "u64",
  gapLast: "u64",
  flags: "u32",
  reserved: "u32",
});

const LOSS = confirmedLayout("fbat_loss_init", {
  path: "path",
  offset: "u64",
  firstSequence: "u64",
  lastSequence: "u64",
  message: "text",
});

/**
 * Puts every event of a damaged store that proves itself into a new store beside it: with its sequence, id, version,
 * times and hashes. The damaged one is not changed, and need not be one that `Store.open` opens.
 * @param newPath a directory that does not exist, or is empty; not inside of the damaged one.
 */
export function repair(damagedPath: PathLike, newPath: PathLike): RepairReport {
  return run(repairCall(damagedPath, newPath));
}

/** {@link repair} on a thread of Node's pool. */
export async function repairAsync(damagedPath: PathLike, newPath: PathLike): Promise<RepairReport> {
  return runAsync(() => repairCall(damagedPath, newPath), null);
}

function repairCall(damagedPath: PathLike, newPath: PathLike): Call<RepairReport> {
  return call((arena) => ({
    start: fbat.fbat_store_repair,
    values: [writePath(arena, damagedPath), writePath(arena, newPath), arena.out.address, arena.error.address],
    finish(status) {
      ok(arena, status);
      const report = arena.out.handle;
      try {
        return readReport(report);
      } finally {
        fbat.fbat_repair_report_free(report);
      }
    },
  }));
}

function readReport(report: bigint): RepairReport {
  const totals = withArena((arena) => {
    const place = arena.structs(TOTALS.size);
    ok(arena, fbat.fbat_repair_report_totals(report, place.address, arena.error.address));
    return readStruct<RepairTotals>(TOTALS, place);
  });
  const count = Number(fbat.fbat_repair_report_loss_count(report));
  return { totals, losses: Array.from({ length: count }, (_, i) => readLoss(report, i)) };
}

function readLoss(report: bigint, index: number): Loss {
  return withArena((arena) => {
    const place = arena.structs(LOSS.size);
    ok(arena, fbat.fbat_repair_report_loss(report, index, place.address, arena.error.address));
    return readStruct<Loss>(LOSS, place);
  });
}
