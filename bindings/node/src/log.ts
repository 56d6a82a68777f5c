/** The log of the library, which prints nothing itself. */
import koffi from "koffi";
import type { LogLevel } from "./constants.js";
import { check } from "./error.js";
import { fbat, LOG_CALLBACK } from "./library.js";
import { readText } from "./memory.js";

/** Receives a line of the log: how much it matters, as one of `LogLevel`, and the text without a line break. */
export type LogFunction = (level: LogLevel, message: string) => void;

let current: LogFunction | null = null;
let trampoline: bigint | null = null;

/** A thread may still be inside when the function is replaced, so that this one is never taken back. */
function deliver(_userData: unknown, level: number, message: number | bigint, length: number | bigint): void {
  try {
    current?.(level as LogLevel, readText(message, length));
  } catch (error) {
    // The library cannot carry it, and whoever made the call did not cause it.
    process.nextTick(() => {
      throw error;
    });
  }
}

/**
 * Sets the function that receives the log of the whole process, in place of the one before, also of other threads;
 * null for none. What it throws becomes an uncaught exception of this thread.
 *
 * It runs on the thread that set it. Lines of calls on other threads (workers, and the `...Async` methods) come when the
 * event loop of that thread turns, and the call that logs waits for it: the thread must not wait for such a call by
 * other means, as with `Atomics.wait`. A worker that sets it has to set null before it ends.
 */
export function setLogCallback(log: LogFunction | null): void {
  if (log !== null && trampoline === null) {
    trampoline = koffi.register(deliver, LOG_CALLBACK);
    process.on("exit", () => current && setLogCallback(null));
  }
  check(fbat.fbat_set_log_callback(log === null ? 0 : (trampoline as bigint), 0, 0), 0n);
  current = log;
}
