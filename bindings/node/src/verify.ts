/** Verification: a walk over a whole store. */
import { type Call, call, ok, withArena } from "./call.js";
import { confirmedLayout, readStruct } from "./layout.js";
import { fbat } from "./library.js";

/** What was walked. */
export interface VerifyTotals {
  /** Events, the library's own included. */
  readonly events: bigint;
  /** The library's own among them. */
  readonly systemEvents: bigint;
  readonly batches: bigint;
  /** Files of the log. */
  readonly segments: bigint;
  /** Size of the log, in bytes. */
  readonly logBytes: bigint;
  /** Declared gaps in the sequences. */
  readonly gaps: bigint;
  /** How many sequences those gaps take up. */
  readonly gapSequences: bigint;
  /** Declared losses, which a repair leaves. */
  readonly losses: bigint;
  /** How many sequences were lost. */
  readonly lostSequences: bigint;
  /** Events whose predecessor was lost, so that their hash cannot be computed. */
  readonly unlinkedEvents: bigint;
}

/** One thing that does not hold. */
export interface Finding {
  /** The file. */
  readonly path: string;
  /** The same as bytes of the file system, which need not be UTF-8. */
  readonly pathBytes: Buffer;
  /** Where in it, in bytes from its start. */
  readonly offset: bigint;
  /** The global sequence of the event concerned; 0 where it is not one event. */
  readonly sequence: bigint;
  /** One sentence for people. */
  readonly message: string;
}

/** What a walk over a whole store found. */
export interface VerifyReport {
  readonly totals: VerifyTotals;
  /** A sound store has none. */
  readonly findings: readonly Finding[];
}

const TOTALS = confirmedLayout("fbat_verify_totals_init", {
  events: "u64",
  systemEvents: "u64",
  batches: "u64",
  segments: "u64",
  logBytes: "u64",
  gaps: "u64",
  gapSequences: "u64",
  losses: "u64",
  lostSequences: "u64",
  unlinkedEvents: "u64",
});

const FINDING = confirmedLayout("fbat_finding_init", {
  path: "path",
  offset: "u64",
  sequence: "u64",
  message: "text",
});

export function verifyCall(store: bigint): Call<VerifyReport> {
  return call((arena) => ({
    start: fbat.fbat_store_verify,
    values: [store, arena.out.address, arena.error.address],
    finish(status) {
      ok(arena, status);
      const report = arena.out.handle;
      try {
        return readReport(report);
      } finally {
        fbat.fbat_verify_report_free(report);
      }
    },
  }));
}

function readReport(report: bigint): VerifyReport {
  const totals = withArena((arena) => {
    const place = arena.structs(TOTALS.size);
    ok(arena, fbat.fbat_verify_report_totals(report, place.address, arena.error.address));
    return readStruct<VerifyTotals>(TOTALS, place);
  });
  const count = Number(fbat.fbat_verify_report_finding_count(report));
  return { totals, findings: Array.from({ length: count }, (_, i) => readFinding(report, i)) };
}

function readFinding(report: bigint, index: number): Finding {
  return withArena((arena) => {
    const place = arena.structs(FINDING.size);
    ok(arena, fbat.fbat_verify_report_finding(report, index, place.address, arena.error.address));
    return readStruct<Finding>(FINDING, place);
  });
}
