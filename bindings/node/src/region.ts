/** Regions: which events a query reads, an import copies, a verification checks. */
import { RegionFlag } from "./constants.js";
import { invalid } from "./fail.js";
import type { KindRange } from "./memory.js";
import type { RegionFields } from "./options.js";
import { I64_MAX, I64_MIN, refuseUnknown, unsigned } from "./validate.js";

/** A range that includes both its ends. One that is left out is no bound. */
export interface Range {
  first?: number | bigint | undefined;
  last?: number | bigint | undefined;
}

/** Which events are meant. All parts that are set must hold; nothing set is every event. */
export interface Region {
  /** This entity and every one below it: `e` takes in `e` and `e:x`. */
  entity?: string | null | undefined;
  /** This very scope, or one of several, at most 1,024. */
  scope?: string | readonly string[] | null | undefined;
  /** This very kind, or one of several. */
  kind?: number | readonly number[] | null | undefined;
  /** All kinds of a category, 0 to 15, or of several. With `kind`, either will do. */
  category?: number | readonly number[] | null | undefined;
  /** The versions of its entity that an event has. */
  versions?: Range | null | undefined;
  /** The times of events: microseconds since 1970. */
  timestampUs?: Range | null | undefined;
  /** The times at which the store wrote them: microseconds since 1970. */
  recordedUs?: Range | null | undefined;
}

const NAMES = ["entity", "scope", "kind", "category", "versions", "timestampUs", "recordedUs"];

/** Both ends of a range; a missing range and a missing end are no bound. */
function ends(range: Range | null, what: string, least: bigint, greatest: bigint) {
  const { first, last } = range ?? { first: 0n, last: 0n };
  refuseUnknown(range ?? {}, ["first", "last"], what);
  return [first ?? least, last ?? greatest];
}

/** One, several, or none where nothing was said. */
function several<T extends number | string>(of: T | readonly T[] | null, what: string) {
  if (of === null) {
    return null;
  }
  const all = typeof of === "object" ? [...of] : [of];
  if (all.length === 0) {
    throw invalid(`region: ${what} is an empty list; leave it out if none is meant`);
  }
  return all;
}

function kindsOf(kinds: number[] | null, categories: number[] | null): KindRange[] | null {
  const exact = kinds?.map((kind) => ({ first: kind, last: kind })) ?? [];
  const whole = categories?.map((category) => {
    const first = unsigned(category, 15, "category") << 12;
    return { first, last: first | 0xfff };
  });
  return kinds || categories ? [...exact, ...(whole ?? [])] : null;
}

/** @internal A region as the header has it. */
export function regionOf(region: Region): RegionFields {
  refuseUnknown(region, NAMES, "region");
  const { entity, scope = null, kind = null, category = null } = region;
  const { versions = null, timestampUs = null, recordedUs = null } = region;
  const [versionFirst, versionLast] = ends(versions, "versions", 0n, 0n);
  const [timestampFirstUs, timestampLastUs] = ends(timestampUs, "timestampUs", I64_MIN, I64_MAX);
  const [recordedFirstUs, recordedLastUs] = ends(recordedUs, "recordedUs", I64_MIN, I64_MAX);
  return {
    entity,
    scopes: several(scope, "scope"),
    kinds: kindsOf(several(kind, "kind"), several(category, "category")),
    versionFirst,
    versionLast,
    flags: (timestampUs ? RegionFlag.TIMESTAMP : 0) | (recordedUs ? RegionFlag.RECORDED : 0),
    timestampFirstUs,
    timestampLastUs,
    recordedFirstUs,
    recordedLastUs,
  };
}
