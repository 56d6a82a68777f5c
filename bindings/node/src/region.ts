/** Regions: which events a query reads, an import copies, a verification checks. */
import { KindMatch, RegionFlag } from "./constants.js";
import { invalid } from "./fail.js";
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
  /** This very scope. */
  scope?: string | null | undefined;
  /** One kind. */
  kind?: number | null | undefined;
  /** All kinds of one category, 0 to 15. Not together with `kind`. */
  category?: number | null | undefined;
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

function kindOf(kind: number | null, category: number | null) {
  if (kind !== null && category !== null) {
    throw invalid("region: a kind and a category are given");
  }
  if (category !== null) {
    return { kindMatch: KindMatch.CATEGORY, kind: unsigned(category, 15, "category") << 12 };
  }
  return { kindMatch: kind === null ? KindMatch.ANY : KindMatch.EXACT, kind: kind ?? 0 };
}

/** @internal A region as the header has it. */
export function regionOf(region: Region): RegionFields {
  refuseUnknown(region, NAMES, "region");
  const { entity, scope, kind = null, category = null } = region;
  const { versions = null, timestampUs = null, recordedUs = null } = region;
  const [versionFirst, versionLast] = ends(versions, "versions", 0n, 0n);
  const [timestampFirstUs, timestampLastUs] = ends(timestampUs, "timestampUs", I64_MIN, I64_MAX);
  const [recordedFirstUs, recordedLastUs] = ends(recordedUs, "recordedUs", I64_MIN, I64_MAX);
  return {
    entity,
    scope,
    ...kindOf(kind, category),
    versionFirst,
    versionLast,
    flags: (timestampUs ? RegionFlag.TIMESTAMP : 0) | (recordedUs ? RegionFlag.RECORDED : 0),
    timestampFirstUs,
    timestampLastUs,
    recordedFirstUs,
    recordedLastUs,
  };
}
