/** Queries: pages of events, one after the other. */
import { type Call, call, isNothing, ok, perform, withArena } from "./call.js";
import { Status } from "./constants.js";
import { makeError } from "./fail.js";
import { Handle } from "./handle.js";
import { ID_BYTES, type Id } from "./hex.js";
import { fbat } from "./library.js";
import { QUERY, type Query } from "./options.js";
import { type EventRecord, Page, Records } from "./page.js";
import { u32 } from "./validate.js";
import type { Watch } from "./watch.js";

/** Reads one page. */
export function queryCall(store: bigint, query: Query): Call<Page> {
  return call((arena) => {
    const [of, { out }] = [arena.write(QUERY, query), arena];
    return [fbat.fbat_store_query, [store, of, out.address], () => Page.take(out.handle)];
  });
}

/** Reads one event; a `NotFoundError` where there is none. */
export function getCall(store: bigint, id: Id, columns: number): Call<EventRecord> {
  return call((arena) => {
    const key = arena.room(ID_BYTES);
    key.block.setId(key.at, id, "id");
    const { out } = arena;
    const answer = () => Page.take(out.handle).at(0) as EventRecord;
    return [
      fbat.fbat_event_get,
      [store, key.address, u32(columns, "columns"), out.address],
      answer,
    ];
  });
}

/** Reads one event; null where there is none. */
export function getEvent(store: bigint, id: Id, columns: number): EventRecord | null {
  return withArena((arena) => {
    const { out, error } = arena;
    const key = arena.room(ID_BYTES);
    key.block.setId(key.at, id, "id");
    const bits = u32(columns, "columns");
    const status = fbat.fbat_event_get(store, key.address, bits, out.address, error.address);
    if (isNothing(arena, status)) {
      return null;
    }
    ok(arena, status);
    return Page.take(out.handle).at(0) as EventRecord;
  });
}

/**
 * Reads page after page. A forward cursor that has come to the end goes on with what was appended
 * since.
 */
export class Cursor extends Handle implements Iterable<Page> {
  /** Kept from being collected, which would close it. */
  readonly #store: unknown;
  readonly #watch: Watch | null;
  #isReading = false;

  /** @internal */
  constructor(store: { readonly handle: bigint }, query: Query) {
    const [handle, watch] = perform((arena) => {
      const [of, { out }] = [arena.write(QUERY, query), arena];
      const answer = () => [out.handle, arena.keepWatch()] as const;
      return [fbat.fbat_cursor_new, [store.handle, of, out.address], answer];
    });
    super(handle, () => {
      fbat.fbat_cursor_free(handle);
      watch?.release();
    });
    this.#store = store;
    this.#watch = watch;
  }

  #refuseInside(): void {
    if (this.#isReading) {
      const message = "a progress function cannot use the cursor that calls it";
      throw makeError({ status: Status.ERR_BUSY, message });
    }
  }

  /** The next page that has rows; null at the end. May be asked again later. */
  nextPage(): Page | null {
    void this.#store;
    this.#refuseInside();
    return withArena((arena) => {
      const { out, error } = arena;
      this.#isReading = true;
      try {
        ok(arena, fbat.fbat_cursor_next(this.handle, out.address, error.address), this.#watch);
      } finally {
        this.#isReading = false;
      }
      return out.handle === 0n ? null : Page.take(out.handle);
    });
  }

  override [Symbol.dispose](): void {
    this.#refuseInside();
    super[Symbol.dispose]();
  }

  /** The pages up to the end. A loop that is left early leaves the cursor where it is. */
  *[Symbol.iterator](): IterableIterator<Page> {
    for (let page = this.nextPage(); page !== null; page = this.nextPage()) {
      yield page;
    }
  }

  /** The records of these pages. */
  records(): IterableIterator<EventRecord> {
    return new Records(() => this.nextPage());
  }
}
