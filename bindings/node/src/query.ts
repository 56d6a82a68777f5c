/** Queries: which events to read, and pages of them one after the other. */
import { isNothing, ok, withArena } from "./call.js";
import { Handle } from "./handle.js";
import { ID_BYTES, type Id, writeHex } from "./hex.js";
import { fbat } from "./library.js";
import { size, u32, u64 } from "./numbers.js";
import { assign, made, REGION_NAMES, Region, type RegionInit, set } from "./options.js";
import { type EventRecord, Page } from "./page.js";

/** Which events to read, and how. What is left out is the default. */
export interface QueryInit extends RegionInit {
  /** The last global sequence to read; 0, the default, for no bound. */
  until?: number | bigint | undefined;
  /** How many rows a page may have: 1 to 65,536, by default 1000. A page is also cut at 64 MiB. */
  limit?: number | undefined;
  /** What to read beside the rest: bits of `Column`, by default payload and extensions. */
  columns?: number | undefined;
  /** Bits of `QueryFlag`, by default none. */
  flags?: number | undefined;
}

const QUERY_NAMES = [...REGION_NAMES, "until", "limit", "columns", "flags"] as const;

const FUNCTIONS = {
  setEntity: fbat.fbat_query_set_entity,
  getEntity: fbat.fbat_query_get_entity,
  setScope: fbat.fbat_query_set_scope,
  getScope: fbat.fbat_query_get_scope,
  setKind: fbat.fbat_query_set_kind,
  setCategory: fbat.fbat_query_set_category,
  setAnyKind: fbat.fbat_query_set_any_kind,
  getKindMatch: fbat.fbat_query_get_kind_match,
  getKind: fbat.fbat_query_get_kind,
  setVersions: fbat.fbat_query_set_versions,
  getVersionFirst: fbat.fbat_query_get_version_first,
  getVersionLast: fbat.fbat_query_get_version_last,
  setAfter: fbat.fbat_query_set_after,
  getAfter: fbat.fbat_query_get_after,
};

/** A query that is used more than once, or changed. Methods of a store also take its settings as a plain object. */
export class Query extends Region {
  constructor(init: QueryInit = {}) {
    super("query", made(fbat.fbat_query_new()), fbat.fbat_query_free, FUNCTIONS);
    assign<Query>(this, init as Partial<Query>, QUERY_NAMES);
  }

  /** The last global sequence to read; 0, the default, for no bound. */
  get until(): bigint {
    return BigInt(fbat.fbat_query_get_until(this.handle));
  }
  set until(until: number | bigint) {
    set("until", () => fbat.fbat_query_set_until(this.handle, u64(until, "until")));
  }

  /** How many rows a page may have: 1 to 65,536. */
  get limit(): number {
    return Number(fbat.fbat_query_get_limit(this.handle));
  }
  set limit(rows: number) {
    set("limit", () => fbat.fbat_query_set_limit(this.handle, size(rows, "limit")));
  }

  /** What to read beside the rest: bits of `Column`. */
  get columns(): number {
    return fbat.fbat_query_get_columns(this.handle);
  }
  set columns(columns: number) {
    set("columns", () => fbat.fbat_query_set_columns(this.handle, u32(columns, "columns")));
  }

  /** Bits of `QueryFlag`. */
  get flags(): number {
    return fbat.fbat_query_get_flags(this.handle);
  }
  set flags(flags: number) {
    set("flags", () => fbat.fbat_query_set_flags(this.handle, u32(flags, "flags")));
  }
}

/** Calls `body` with the number of a query: 0 for all events. */
function withQuery<T>(query: Query | QueryInit | undefined, body: (handle: bigint) => T): T {
  if (query === undefined) {
    return body(0n);
  }
  if (query instanceof Query) {
    return body(query.handle);
  }
  const made = new Query(query);
  try {
    return body(made.handle);
  } finally {
    made[Symbol.dispose]();
  }
}

/** Reads one page. */
export function queryPage(store: bigint, query: Query | QueryInit | undefined): Page {
  return withQuery(query, (handle) =>
    withArena((arena) => {
      ok(arena, fbat.fbat_store_query(store, handle, arena.out.address, arena.error.address));
      return Page.take(arena.out.handle);
    }),
  );
}

/** Reads one event; null where there is none. */
export function getEvent(store: bigint, id: Id, columns: number): EventRecord | null {
  return withArena((arena) => {
    const key = arena.room(ID_BYTES);
    writeHex(key.block.buffer, key.at, ID_BYTES, id, "id");
    const bits = u32(columns, "columns");
    const status = fbat.fbat_event_get(store, key.address, bits, arena.out.address, arena.error.address);
    if (isNothing(arena, status)) {
      return null;
    }
    ok(arena, status);
    return Page.take(arena.out.handle).at(0) as EventRecord;
  });
}

/** Reads page after page. A forward cursor that has come to the end goes on with what was appended since. */
export class Cursor extends Handle implements Iterable<Page> {
  /** Kept from being collected, which would close it. */
  readonly #store: unknown;

  /** @internal */
  constructor(store: { readonly handle: bigint }, query: Query | QueryInit | undefined) {
    const handle = withQuery(query, (of) =>
      withArena((arena) => {
        ok(arena, fbat.fbat_cursor_new(store.handle, of, arena.out.address, arena.error.address));
        return arena.out.handle;
      }),
    );
    super("cursor", handle, fbat.fbat_cursor_free);
    this.#store = store;
  }

  /** The next page that has rows; null at the end. May be asked again later. */
  nextPage(): Page | null {
    void this.#store;
    return withArena((arena) => {
      ok(arena, fbat.fbat_cursor_next(this.handle, arena.out.address, arena.error.address));
      const page = arena.out.handle;
      return page === 0n ? null : Page.take(page);
    });
  }

  /** The pages up to the end. A loop that is left early leaves the cursor where it is. */
  *[Symbol.iterator](): IterableIterator<Page> {
    for (let page = this.nextPage(); page !== null; page = this.nextPage()) {
      yield page;
    }
  }

  /** The records of these pages. */
  *records(): IterableIterator<EventRecord> {
    for (const page of this) {
      yield* page;
    }
  }
}
