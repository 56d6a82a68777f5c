/** Calls that can fail, made at once or on a thread of Node's pool: one description serves both. */
import { Status } from "./constants.js";
import { check } from "./error.js";
import { fbat } from "./library.js";
import { Arena } from "./memory.js";

type Native<A extends unknown[]> = ((...values: A) => number) & {
  async(...values: [...A, done: (error: unknown, status: number) => void]): void;
};

/** A call that is ready to be made. */
export interface Call<T> {
  readonly arena: Arena;
  now(): number;
  later(done: (error: unknown, status: number) => void): void;
  /** Reads what the call answered. */
  finish(status: number): T;
}

/**
 * Describes a call: `prepare` writes its arguments into the arena, and says which function gets them and what becomes
 * of the answer. An exception of `prepare` gives the arena back.
 */
export function call<T, A extends unknown[]>(
  prepare: (arena: Arena) => { start: Native<A>; values: [...A]; finish(status: number): T },
): Call<T> {
  const arena = Arena.take();
  try {
    const { start, values, finish } = prepare(arena);
    return {
      arena,
      now: () => start(...values),
      later: (done) => start.async(...values, done),
      finish,
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

// Node's pool has 4 threads by default, and koffi takes no more than 256 calls.
const UNDER_WAY_MAX = 16;
let underWay = 0;
const waiting: (() => void)[] = [];

/**
 * Makes a call on a thread of Node's pool, as soon as there are not too many. `owner` is kept from being collected
 * meanwhile: it would be closed then.
 */
export async function runAsync<T>(describe: () => Call<T>, owner: unknown): Promise<T> {
  if (underWay < UNDER_WAY_MAX) {
    underWay += 1;
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
      underWay -= 1;
    }
  }
}

function finished<T>({ arena, later, finish }: Call<T>, owner: unknown): Promise<T> {
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

/** Throws where the call failed. */
export function ok(arena: Arena, status: number, options?: ErrorOptions): void {
  if (status !== 0) {
    check(status, arena.error.handle, options);
  }
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
