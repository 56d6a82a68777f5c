/** The log and the settings of the process: the library prints nothing itself. */
import koffi from "koffi";
import type { LogLevel } from "./constants.js";
import { check } from "./fail.js";
import { fbat } from "./library.js";
import { LOG_CALLBACK } from "./load.js";
import { readText } from "./memory.js";

/** Receives a line of the log: how much it matters, and the text without a line break. */
export type LogFunction = (level: LogLevel, message: string) => void;

let current: LogFunction | null = null;
let trampoline: bigint | null = null;

// A thread may still be inside when the function is replaced, so that this one is never taken back.
function deliver(
  _userData: unknown,
  level: number,
  message: number | bigint,
  length: number | bigint,
): void {
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
 * Sets the function that receives the log of the whole process, in place of the one before, also of
 * other threads; null for none. What it throws becomes an uncaught exception of this thread.
 *
 * It runs on the thread that set it. Lines of calls on other threads (workers, and the `...Async`
 * methods) come when the event loop of that thread turns, and the call that logs waits for it: the
 * thread must not wait for such a call by other means, as with `Atomics.wait`. A worker that sets
 * it has to set null before it ends.
 */
export function setLogCallback(log: LogFunction | null): void {
  if (log !== null && trampoline === null) {
    trampoline = koffi.register(deliver, LOG_CALLBACK);
    process.on("exit", () => current && setLogCallback(null));
  }
  check(fbat.fbat_set_log_callback(log === null ? 0 : (trampoline as bigint), 0, 0));
  current = log;
}

/**
 * Says how small parts of files are read from now on, in the whole process: from memory that the
 * files are mapped to, the default, or by system calls. False before the first store is opened: no
 * handler for SIGBUS is put in place.
 */
export function setMappedReads(mapped: boolean): void {
  fbat.fbat_set_mapped_reads(mapped);
}

/** The version of the library that is loaded, for example "0.2.0". */
export function versionString(): string {
  return fbat.fbat_version_string();
}

/** The version of its binary interface: the one that this package needs, or it is not loaded. */
export function abiVersion(): number {
  return fbat.fbat_abi_version();
}

/**
 * How many objects of the library the process has, in all of its threads: stores, cursors and
 * tokens that were neither disposed of nor collected.
 */
export function liveHandles(): number {
  return Number(fbat.fbat_live_handles());
}
