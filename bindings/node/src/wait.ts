/**
 * Waiting for events. No thread sleeps for it: the event loop polls the store's descriptor, and
 * one look at the frontier serves all who wait with a store.
 */
import koffi from "koffi";
import { type Call, call, run, runAsync } from "./call.js";
import { Status, WaitFlag } from "./constants.js";
import { FbatError } from "./error.js";
import { makeError } from "./fail.js";
import { fbat } from "./library.js";
import { closeDescriptor, fcntl } from "./load.js";
import { WAIT_OPTIONS } from "./options.js";
import { onAbort } from "./signal.js";
import { FRONTIER, type Frontier } from "./structs.js";
import { refuseUnknown, size, u64 } from "./validate.js";

/** How to wait. */
export interface WaitOptions {
  /** How long at most, in milliseconds; 0 looks once. Left out: for ever. */
  timeoutMs?: number | null | undefined;
  /** Wait for what is durable, instead of what is visible. */
  durable?: boolean | null | undefined;
  /** Ends it with a `CancelledError`, whose `cause` is the signal's reason. */
  signal?: AbortSignal | null | undefined;
}

/** The store that is waited with. */
interface Owner {
  readonly handle: bigint;
  readonly isReadOnly: boolean;
}

/** Node's timers take no more. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Where no descriptor can be polled, who waits looks after so long, and then twice as long. */
const PAUSE_MS_MIN = 10;
const PAUSE_MS_MAX = 250;
/** Other threads that use the store can take its news away: who waits looks after so long, too. */
const PAUSE_MS_SHARED = 100;
const F_DUPFD_CLOEXEC = 1030;

/** One who waits, and what may end that: a signal, the time, or that nobody needs it any more. */
export class Sleeper {
  /** Has it look again, where it sleeps. */
  wake: () => void = () => {};
  isLate = false;
  #isOver = false;
  #signal: AbortSignal | null = null;
  #ignore: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  /** Begins to listen, until `rest`. */
  listen(signal: AbortSignal | null, timeoutMs: number | null = null): void {
    this.#signal = signal;
    if (signal !== null) {
      this.#ignore = onAbort(signal, () => this.wake());
    }
    if (timeoutMs !== null) {
      this.#setTimer(performance.now() + timeoutMs);
    }
  }

  #setTimer(until: number): void {
    const left = until - performance.now();
    if (left > 0) {
      this.#timer = setTimeout(() => this.#setTimer(until), Math.min(left, TIMER_MS_MAX));
    } else {
      this.isLate = true;
      this.wake();
    }
  }

  rest(): void {
    clearTimeout(this.#timer);
    this.#ignore();
  }

  /** Nobody needs it any more. */
  end(): void {
    this.#isOver = true;
    this.wake();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Throws where it is to end. */
  check(): void {
    const signal = this.#signal;
    if (signal?.aborted) {
      throw makeError({ status: Status.ERR_CANCELLED }, { cause: signal.reason });
    }
    if (this.#isOver) {
      throw makeError({ status: Status.ERR_CANCELLED });
    }
  }
}

/** A call that serves all who need it while it is under way. */
class Joint {
  readonly #start: () => Promise<void>;
  #running: Promise<void> | null = null;

  constructor(start: () => Promise<void>) {
    this.#start = start;
  }

  join(): Promise<void> {
    this.#running ??= this.#start().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }
}

/** Those who wait with one store. */
export class Lookout {
  readonly #owner: Owner;
  readonly #sleepers = new Set<Sleeper>();
  #frontier = { visible: 0n, durable: 0n };
  /** Whether the descriptor tells of what is beyond the frontier: it was cleared before. */
  #isClear = false;
  /** Whether the store can be appended to, as of when it was clear. */
  #isSound = false;
  #ignore: (() => void) | null = null;
  #pauseMs = PAUSE_MS_MIN;
  #isShared: boolean;

  constructor(owner: Owner, isShared: boolean) {
    this.#owner = owner;
    this.#isShared = isShared;
  }

  /** From now on other threads may look at the frontier, and so clear the descriptor. */
  share(): void {
    this.#isShared = true;
    this.tell();
  }

  /** Has everybody look who sleeps. */
  tell(): void {
    for (const sleeper of this.#sleepers) {
      sleeper.wake();
    }
  }

  /** The frontier was looked at, which took the news of it from the event loop. */
  see({ visible, durable }: Frontier): void {
    const known = this.#frontier;
    // Looks of several threads may end in another order than they began.
    this.#frontier = {
      visible: visible > known.visible ? visible : known.visible,
      durable: durable > known.durable ? durable : known.durable,
    };
    this.#isClear = true;
    this.#isSound = this.#owner.isReadOnly;
    this.tell();
  }

  readonly #look = new Joint(async () => {
    const owner = this.#owner;
    this.see(await runAsync(() => frontierCall(owner.handle), owner));
  });

  readonly #sync = new Joint(async () => {
    const owner = this.#owner;
    this.see(await runAsync(() => askFrontier(owner.handle, fbat.fbat_store_sync), owner));
  });

  /** A store that can't be appended to any more tells of that once, and never of events. */
  readonly #probe = new Joint(async () => {
    const known = this.#frontier;
    await shortWait(this.#owner, known.visible, 0).catch((error: unknown) => {
      if (!(error instanceof FbatError) || error.status !== Status.ERR_TIMEOUT) {
        throw error;
      }
    });
    this.#isSound = this.#frontier === known; // else the news of it may have been taken since
  });

  /** Returns once the frontier is above a sequence. */
  async wait(after: bigint, isDurable: boolean, sleeper: Sleeper): Promise<Frontier> {
    const owner = this.#owner;
    let isFirst = true;
    for (;;) {
      void owner.handle; // of a store that was closed, it is an error
      sleeper.check();
      const { isLate } = sleeper;
      if (!this.#isClear || (isFirst && this.#ignore === null)) {
        await this.#look.join();
      }
      isFirst = false;
      const { visible, durable } = this.#frontier;
      if ((isDurable ? durable : visible) > after) {
        this.#pauseMs = PAUSE_MS_MIN;
        return { visible, durable };
      }
      if (isDurable && visible > after && owner.isReadOnly) {
        await this.#sync.join(); // as the library does
      } else if (isLate) {
        return await shortWait(owner, after, isDurable ? WaitFlag.DURABLE : 0);
      } else if (!this.#isSound) {
        await this.#probe.join();
      } else if (this.#isClear && !sleeper.isLate) {
        sleeper.check();
        await this.#sleep(sleeper);
      }
    }
  }

  #sleep(sleeper: Sleeper): Promise<void> {
    return new Promise((resolve) => {
      this.#ignore ??= this.#listen();
      this.#sleepers.add(sleeper);
      sleeper.wake = () => {
        sleeper.wake = () => {};
        this.#sleepers.delete(sleeper);
        if (this.#sleepers.size === 0) {
          this.#ignore?.();
        }
        resolve();
      };
    });
  }

  /** Tells as soon as there may be news, until what it gives is called. */
  #listen(): () => void {
    const hear = () => {
      this.#isClear = false;
      this.tell();
    };
    const ignore = poll(descriptorOf(this.#owner.handle), hear);
    const pauseMs = ignore === null ? this.#pauseMs : this.#isShared ? PAUSE_MS_SHARED : null;
    const look = () => {
      this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS_MAX);
      hear();
    };
    const timer = pauseMs === null ? undefined : setTimeout(look, pauseMs);
    return () => {
      this.#ignore = null;
      ignore?.();
      clearTimeout(timer);
    };
  }
}

function askFrontier(store: bigint, of: typeof fbat.fbat_store_frontier): Call<Frontier> {
  return call((arena) => {
    const { address, read } = arena.output(FRONTIER);
    return [of, [store, address], read];
  });
}

/** Looks at the frontier, and clears the descriptor before: {@link Lookout.see} is to follow. */
export function frontierCall(store: bigint): Call<Frontier> {
  return askFrontier(store, fbat.fbat_store_frontier);
}

/** Has the library look once. */
function shortWait(owner: Owner, after: bigint, flags: number): Promise<Frontier> {
  const describe = () =>
    call((arena) => {
      const { address, read } = arena.output(FRONTIER);
      const of = arena.write(WAIT_OPTIONS, { flags: flags | WaitFlag.HAS_TIMEOUT });
      return [fbat.fbat_store_wait, [owner.handle, after, of, address], read];
    });
  return runAsync(describe, owner);
}

function descriptorOf(store: bigint): number {
  const of = call((arena) => {
    const { out } = arena;
    return [fbat.fbat_store_wait_fd, [store, out.address], () => out.block.i32(out.at)];
  });
  return run(of);
}

/**
 * Calls `hear` once the descriptor is readable, unless what it gives is called before. Null where
 * the event loop polls no descriptors: that of Bun and Deno would end the process.
 */
function poll(descriptor: number, hear: () => void): (() => void) | null {
  if (process.versions.bun || process.versions.deno) {
    return null;
  }
  // The store's may be closed by another thread, and its number be that of something else.
  const own = fcntl(descriptor, F_DUPFD_CLOEXEC, "int", 0);
  if (own < 0) {
    return null;
  }
  let isHeard = false;
  let isIgnored = false;
  // What koffi calls has no scope: what awaits a promise would not run until something else does.
  const hearSoon = () => {
    if (!isHeard) {
      isHeard = true;
      setImmediate(() => isIgnored || hear());
    }
  };
  try {
    const polling = koffi.node.poll(own, hearSoon);
    return () => {
      isIgnored = true;
      polling.close();
      closeDescriptor(own);
    };
  } catch {
    closeDescriptor(own);
    return null;
  }
}

/** {@link Store.wait}. */
export async function waitFor(
  lookout: Lookout,
  after: number | bigint,
  options: WaitOptions,
): Promise<Frontier> {
  refuseUnknown(options, ["timeoutMs", "durable", "signal"], "wait options");
  const { timeoutMs, durable, signal } = options;
  const from = u64(after, "after");
  const sleeper = new Sleeper();
  try {
    sleeper.listen(signal ?? null, timeoutMs == null ? null : size(timeoutMs, "timeoutMs"));
    return await lookout.wait(from, durable ?? false, sleeper);
  } finally {
    sleeper.rest();
  }
}
