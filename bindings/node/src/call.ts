/** Calls that can fail, made at once or on a thread of Node's pool: one description for both. */
import { Status } from "./constants.js";
import { invalid, makeError } from "./fail.js";
import { fbat } from "./library.js";
import { Arena } from "./memory.js";
import { setReport } from "./report.js";
import { ERROR_DETAIL, type ImportReport } from "./structs.js";
import type { Watch } from "./watch.js";

/** A function of the library whose last parameter is where an error goes. */
type Native<A extends unknown[]> = ((...values: [...A, error: number]) => number) & {
  async(...values: [...A, error: number, done: (error: unknown, status: number) => void]): void;
};

/** A function, what it gets, and how its answer is read; `report` where a failure has one too. */
type Prepared<T, A extends unknown[]> = readonly [
  start: Native<A>,
  values: [...A],
  answer: () => T,
  report?: () => ImportReport,
];

/** A call that is ready to be made. */
export interface Call<T> {
  readonly arena: Arena;
  now(): number;
  later(done: (error: unknown, status: number) => void): void;
  /** Reads what the call answered. */
  finish(status: number): T;
}

/**
 * Describes a call: `prepare` writes its arguments into the arena, and says which function gets
 * them. An exception of `prepare` gives the arena back.
 */
export function call<T, A extends unknown[]>(prepare: (arena: Arena) => Prepared<T, A>): Call<T> {
  const arena = Arena.take();
  try {
    const [start, values, answer, report] = prepare(arena);
    const error = arena.error.address;
    return {
      arena,
      now: () => start(...values, error),
      later: (done) => start.async(...values, error, done),
      finish(status) {
        ok(arena, status, arena.watch, report);
        return answer();
      },
    };
  } catch (error) {
    arena.give();
    throw error;
  }
}

export function run<T>({ arena, now, finish }: Call<T>): T {
  try {
    return finish(now());
  } finally {
    arena.give();
  }
}

/** Makes a call that is only made at once. */
export function perform<T, A extends unknown[]>(prepare: (arena: Arena) => Prepared<T, A>): T {
  return run(call(prepare));
}

// Node's pool has 4 threads by default, and koffi takes no more than 256 calls.
const IN_FLIGHT_MAX = 16;
let inFlight = 0;
const waiting: (() => void)[] = [];

/**
 * Makes a call on a thread of Node's pool, as soon as there are not too many. `owner` is kept from
 * being collected meanwhile: it would be closed then.
 */
export async function runAsync<T>(describe: () => Call<T>, owner: unknown): Promise<T> {
  if (inFlight < IN_FLIGHT_MAX) {
    inFlight += 1;
  } else {
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  try {
    return await finished(describe(), owner);
  } finally {
    const next = waiting.shift();
    if (next) {
      next();
    } else {
      inFlight -= 1;
    }
  }
}

function finished<T>({ arena, later, finish }: Call<T>, owner: unknown): Promise<T> {
  if (arena.watch?.hasCallbacks) {
    arena.give();
    throw invalid("a filter or progress function needs the method that blocks, on its own thread");
  }
  return new Promise((resolve, reject) => {
    later((error, status) => {
      void owner;
      try {
        if (error) {
          throw error;
        }
        resolve(finish(status));
      } catch (failure) {
        reject(failure);
      } finally {
        arena.give();
      }
    });
  });
}

/** Throws where the call failed: what its callback threw, or what the library says. */
export function ok(
  arena: Arena,
  status: number,
  watch: Watch | null = null,
  report?: () => ImportReport,
): void {
  if (status === Status.OK) {
    return;
  }
  const error = takeError(arena, status, watch);
  const thrown = status < 0 ? (watch?.thrown ?? { value: error }) : { value: error };
  if (report !== undefined) {
    setReport(thrown.value, report());
  }
  throw thrown.value;
}

/** The error of a failed call, which is freed. */
function takeError(arena: Arena, status: number, watch: Watch | null): Error {
  const options = status === Status.ERR_CANCELLED ? watch?.cause : undefined;
  const { handle } = arena.error;
  if (handle === 0n) {
    return makeError({ status }, options);
  }
  const detail = arena.output(ERROR_DETAIL);
  fbat.fbat_error_get(handle, detail.address);
  const error = makeError(detail.read(), options);
  fbat.fbat_error_free(handle);
  return error;
}

/** Whether a call found nothing where that is an answer, not a failure. */
export function isNothing(arena: Arena, status: number): boolean {
  if (status !== Status.ERR_NOT_FOUND) {
    return false;
  }
  fbat.fbat_error_free(arena.error.handle);
  return true;
}

/** Runs `body` with memory for a call that is too small to be described. */
export function withArena<T>(body: (arena: Arena) => T): T {
  const arena = Arena.take();
  try {
    return body(arena);
  } finally {
    arena.give();
  }
}
