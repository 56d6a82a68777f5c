/** Following a store: its events, and those to come. */
import { runAsync } from "./call.js";
import type { Query } from "./options.js";
import type { EventRecord, Page } from "./page.js";
import { Cursor, queryCall } from "./query.js";
import { refuseUnknown } from "./validate.js";
import { type Lookout, Sleeper } from "./wait.js";

type Asked = "region" | "after" | "until" | "limit" | "pageRows" | "columns";

/** Which events to follow: as for a query, oldest first. `until` and `limit` make an end. */
export interface FollowOptions extends Pick<Query, Asked> {
  /** Only what is durable. */
  durable?: boolean | null | undefined;
  /** Ends it with a `CancelledError`, whose `cause` is the signal's reason. */
  signal?: AbortSignal | null | undefined;
}

const NAMES = ["region", "after", "until", "limit", "pageRows", "columns", "signal", "durable"];

/** What is followed, and with what. */
export interface Followed {
  readonly store: { readonly handle: bigint };
  readonly lookout: Lookout;
  readonly options: FollowOptions;
}

/** An iterator that can be ended while it waits: a generator would hear of it afterwards. */
class Following<T> implements AsyncIterableIterator<T> {
  readonly #sleeper = new Sleeper();
  readonly #items: AsyncGenerator<T, undefined>;

  constructor(items: (sleeper: Sleeper) => AsyncGenerator<T, undefined>) {
    this.#items = items(this.#sleeper);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#items.next();
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#sleeper.end();
    return this.#items.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

async function* pagesOf(
  { store, lookout, options }: Followed,
  sleeper: Sleeper,
): AsyncGenerator<Page, undefined> {
  refuseUnknown(options, NAMES, "follow options");
  const { durable, ...query } = options;
  const isDurable = durable ?? false;
  new Cursor(store, query)[Symbol.dispose](); // a query that is none is refused before a wait
  const until = BigInt(query.until ?? 0);
  let [after, limit] = [BigInt(query.after ?? 0), BigInt(query.limit ?? 0)];
  try {
    sleeper.listen(query.signal ?? null);
    while (until === 0n || after < until) {
      const frontier = await lookout.wait(after, isDurable, sleeper);
      const last = isDurable ? frontier.durable : frontier.visible;
      const end = until !== 0n && until < last ? until : last;
      while (after < end) {
        const part = { ...query, after, until: end, limit };
        const page = await runAsync(() => queryCall(store.handle, part), store);
        if (page.length > 0) {
          yield page;
        }
        after = page.isEnd ? end : page.resume;
        if (limit > 0n) {
          limit -= BigInt(page.length);
          if (limit === 0n) {
            return;
          }
        }
        sleeper.check();
      }
    }
  } catch (error) {
    if (!sleeper.isOver) {
      throw error;
    }
  } finally {
    sleeper.rest();
  }
}

async function* recordsOf(
  followed: Followed,
  sleeper: Sleeper,
): AsyncGenerator<EventRecord, undefined> {
  for await (const page of pagesOf(followed, sleeper)) {
    for (const record of page) {
      if (sleeper.isOver) {
        return;
      }
      sleeper.check();
      yield record;
    }
  }
}

/** {@link Store.followPages}. */
export function followPages(of: Followed): AsyncIterableIterator<Page> {
  return new Following((sleeper) => pagesOf(of, sleeper));
}

/** {@link Store.follow}. */
export function follow(of: Followed): AsyncIterableIterator<EventRecord> {
  return new Following((sleeper) => recordsOf(of, sleeper));
}
