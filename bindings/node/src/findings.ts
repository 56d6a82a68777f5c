/** Verification and repair, which share one list of what is wrong; a new identity for a copy. */
import type { PathLike } from "node:fs";
import { type Call, call, perform, run, runAsync } from "./call.js";
import { ID_BYTES, type Id } from "./hex.js";
import { fbat } from "./library.js";
import { Block } from "./memory.js";
import {
  REPAIR_OPTIONS,
  type RepairOptions,
  VERIFY_OPTIONS,
  type VerifyOptions,
} from "./options.js";
import { writePath } from "./path.js";
import {
  FINDING,
  type Finding,
  REPAIR_REPORT,
  type RepairReport,
  VERIFY_REPORT,
  type VerifyReport,
} from "./structs.js";
import type { AsyncOptions } from "./watch.js";

/** What was checked, and what is wrong. */
export interface WithFindings<R> {
  readonly report: R;
  /** What is wrong; nothing in a sound store. */
  readonly findings: readonly Finding[];
}

function takeFindings(handle: bigint): Finding[] {
  try {
    return Array.from({ length: Number(fbat.fbat_findings_len(handle)) }, (_, i) => {
      const address = Number(fbat.fbat_findings_get(handle, i));
      return FINDING.read(Block.ofStruct(address, FINDING.size), 0);
    });
  } finally {
    fbat.fbat_findings_free(handle);
  }
}

export function verifyCall(
  store: bigint,
  options: VerifyOptions,
): Call<WithFindings<VerifyReport>> {
  return call((arena) => {
    const { out } = arena;
    const [of, report] = [arena.write(VERIFY_OPTIONS, options), arena.output(VERIFY_REPORT)];
    const answer = () => ({ report: report.read(), findings: takeFindings(out.handle) });
    return [fbat.fbat_store_verify, [store, of, report.address, out.address], answer];
  });
}

function repairCall(
  damagedPath: PathLike,
  newPath: PathLike,
  options: RepairOptions,
): Call<WithFindings<RepairReport>> {
  return call((arena) => {
    const { out } = arena;
    const [from, to] = [writePath(arena, damagedPath), writePath(arena, newPath)];
    const [of, report] = [arena.write(REPAIR_OPTIONS, options), arena.output(REPAIR_REPORT)];
    const answer = () => ({ report: report.read(), findings: takeFindings(out.handle) });
    return [fbat.fbat_repair, [from, to, of, report.address, out.address], answer];
  });
}

/**
 * Puts every event of a damaged store that proves itself into a new store beside it: with its
 * sequence, id, version, times and hashes. The damaged one is not changed, and need not be one that
 * `Store.open` opens.
 * @param newPath a directory that does not exist, or is empty; not inside of the damaged one.
 */
export function repair(
  damagedPath: PathLike,
  newPath: PathLike,
  options: RepairOptions = {},
): WithFindings<RepairReport> {
  return run(repairCall(damagedPath, newPath, options));
}

/** {@link repair} on a thread of Node's pool. */
export async function repairAsync(
  damagedPath: PathLike,
  newPath: PathLike,
  options: AsyncOptions<RepairOptions> = {},
): Promise<WithFindings<RepairReport>> {
  return runAsync(() => repairCall(damagedPath, newPath, options), null);
}

/**
 * Gives the store in a directory a new random store id, and with it a native namespace of its own:
 * for a directory that was copied, which is a second store under the name of the first. The store
 * must not be open for writing.
 */
export function newIdentity(path: PathLike): Id {
  return perform((arena) => {
    const out = arena.room(ID_BYTES);
    return [fbat.fbat_new_identity, [writePath(arena, path), out.address], () => out.id];
  });
}
