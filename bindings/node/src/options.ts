/** Objects of the library that hold settings: what their accessors share, and the region of queries and imports. */
import { withArena } from "./call.js";
import { KindMatch, Status } from "./constants.js";
import { invalid, statusMessage } from "./error.js";
import { Handle } from "./handle.js";
import type { fbat } from "./library.js";
import { type Arena, needObject, textOf } from "./memory.js";
import { u16, u32, u64 } from "./numbers.js";

/** A setter of the library tells of a failure by its status alone. */
export function set(what: string, body: (arena: Arena) => number): void {
  const status = withArena(body);
  if (status !== Status.OK) {
    throw invalid(status, `${what}: ${statusMessage(status)}`);
  }
}

/** A constructor of the library that gives no object says no more. */
export function made(handle: number | bigint): bigint {
  if (BigInt(handle) === 0n) {
    throw invalid(Status.ERR_LIMIT_EXCEEDED, "16 million objects are live, or this is a forked child");
  }
  return BigInt(handle);
}

/**
 * Sets the members of these names that are there; one that is undefined or null leaves the default. An object that is
 * half set is not left behind.
 */
export function assign<T extends Handle>(target: T, members: Partial<T>, names: readonly (keyof T)[]): void {
  try {
    refuseUnknown(members, names, "options");
    for (const name of names) {
      const value = members[name];
      if (value !== undefined && value !== null) {
        target[name] = value;
      }
    }
  } catch (error) {
    target[Symbol.dispose]();
    throw error;
  }
}

/** A misspelt name would otherwise be a setting that is silently not made. */
export function refuseUnknown(members: object, names: readonly PropertyKey[], what: string): void {
  needObject(members, what);
  const unknown = Object.keys(members).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw invalid(Status.ERR_INVALID_ARGUMENT, `${what}: there is no '${unknown}'`);
  }
}

/** The number of an object that another thread shares. */
export function sharedNumber(number: bigint | undefined, what: string): bigint {
  if (typeof number !== "bigint") {
    throw invalid(Status.ERR_INVALID_ARGUMENT, `${what}: what share() gave is needed`);
  }
  return number;
}

/** A range of entity versions, both ends included. */
export interface VersionRange {
  readonly first: number | bigint;
  readonly last: number | bigint;
}

/** Which events: all of what is set must hold. */
export interface RegionInit {
  /** `e` matches `e` itself and everything below `e:`; empty for any. */
  entity?: string | undefined;
  /** The exact scope; empty for any. */
  scope?: string | undefined;
  /** One exact kind, in place of a category; null for any. */
  kind?: number | null | undefined;
  /** A whole category, 0 to 15, in place of a kind; null for any. */
  category?: number | null | undefined;
  /** Entity versions; 0 and 2^64 - 1 together are all, the default. */
  versions?: VersionRange | undefined;
  /** The global sequence above which to read; 0, the default, for all. */
  after?: number | bigint | undefined;
}

/** The functions that the library has for a region: once for queries, once for imports. */
export interface RegionFunctions {
  readonly setEntity: typeof fbat.fbat_query_set_entity;
  readonly getEntity: typeof fbat.fbat_query_get_entity;
  readonly setScope: typeof fbat.fbat_query_set_scope;
  readonly getScope: typeof fbat.fbat_query_get_scope;
  readonly setKind: typeof fbat.fbat_query_set_kind;
  readonly setCategory: typeof fbat.fbat_query_set_category;
  readonly setAnyKind: typeof fbat.fbat_query_set_any_kind;
  readonly getKindMatch: typeof fbat.fbat_query_get_kind_match;
  readonly getKind: typeof fbat.fbat_query_get_kind;
  readonly setVersions: typeof fbat.fbat_query_set_versions;
  readonly getVersionFirst: typeof fbat.fbat_query_get_version_first;
  readonly getVersionLast: typeof fbat.fbat_query_get_version_last;
  readonly setAfter: typeof fbat.fbat_query_set_after;
  readonly getAfter: typeof fbat.fbat_query_get_after;
}

/** What queries and imports share. */
export abstract class Region extends Handle {
  readonly #functions: RegionFunctions;

  /** @internal */
  constructor(what: string, handle: bigint, free: (handle: bigint) => void, functions: RegionFunctions) {
    super(what, handle, free);
    this.#functions = functions;
  }

  /** `e` matches `e` itself and everything below `e:`; empty for any. */
  get entity(): string {
    return textOf(this.#functions.getEntity(this.handle));
  }
  set entity(entity: string) {
    set("entity", (arena) => {
      const text = arena.text(entity, "entity");
      return this.#functions.setEntity(this.handle, text.address, text.length);
    });
  }

  /** The exact scope; empty for any. */
  get scope(): string {
    return textOf(this.#functions.getScope(this.handle));
  }
  set scope(scope: string) {
    set("scope", (arena) => {
      const text = arena.text(scope, "scope");
      return this.#functions.setScope(this.handle, text.address, text.length);
    });
  }

  /** One of `KindMatch`: whether a kind or a category is set. */
  get kindMatch(): KindMatch {
    return this.#functions.getKindMatch(this.handle) as KindMatch;
  }

  /** The exact kind; null where none is set. Setting it takes a category back; null takes back both. */
  get kind(): number | null {
    return this.kindMatch === KindMatch.EXACT ? this.#functions.getKind(this.handle) : null;
  }
  set kind(kind: number | null) {
    set("kind", () =>
      kind === null ? this.#functions.setAnyKind(this.handle) : this.#functions.setKind(this.handle, u16(kind, "kind")),
    );
  }

  /** The category; null where none is set. Setting it takes a kind back; null takes back both. */
  get category(): number | null {
    return this.kindMatch === KindMatch.CATEGORY ? this.#functions.getKind(this.handle) >> 12 : null;
  }
  set category(category: number | null) {
    set("category", () =>
      category === null
        ? this.#functions.setAnyKind(this.handle)
        : this.#functions.setCategory(this.handle, u32(category, "category")),
    );
  }

  /** Entity versions; 0 and 2^64 - 1 together are all, the default. */
  get versions(): { readonly first: bigint; readonly last: bigint } {
    return {
      first: BigInt(this.#functions.getVersionFirst(this.handle)),
      last: BigInt(this.#functions.getVersionLast(this.handle)),
    };
  }
  set versions(range: VersionRange) {
    refuseUnknown(range, ["first", "last"], "versions");
    const { first, last } = range;
    set("versions", () => this.#functions.setVersions(this.handle, u64(first, "first"), u64(last, "last")));
  }

  /** The global sequence above which to read; 0, the default, for all. */
  get after(): bigint {
    return BigInt(this.#functions.getAfter(this.handle));
  }
  set after(after: number | bigint) {
    set("after", () => this.#functions.setAfter(this.handle, u64(after, "after")));
  }
}

/** The names that {@link assign} sets of a region. */
export const REGION_NAMES = ["entity", "scope", "kind", "category", "versions", "after"] as const;
