/** How far an import came that ended with an error, whoever threw that. */
import type { ImportReport } from "./structs.js";

const reports = new WeakMap<object, ImportReport>();

/**
 * How far an import came that ended with this error: what was committed until then. Works for
 * errors of the library and for whatever object a filter or a progress function threw; undefined
 * for everything else.
 */
export function reportOf(error: unknown): ImportReport | undefined {
  return typeof error === "object" && error !== null ? reports.get(error) : undefined;
}

export function setReport(error: unknown, report: ImportReport): void {
  if (typeof error === "object" && error !== null) {
    reports.set(error, report);
  }
}
