/** The log and the settings of the process: the library prints nothing itself. */
import { isMainThread } from "node:worker_threads";
import koffi from "koffi";
import type { LogLevel } from "./constants.js";
import { check } from "./fail.js";
import { fbat } from "./library.js";
import { LOG_CALLBACK } from "./load.js";
import { askMainThread, serveWorkers } from "./log-relay.js";
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

function setHere(log: LogFunction | null): void {
  if (log !== null && trampoline === null) {
    trampoline = koffi.register(deliver, LOG_CALLBACK);
    process.on("exit", () => current && setHere(null));
  }
  check(fbat.fbat_set_log_callback(log === null ? 0 : (trampoline as bigint), 0, 0));
  current = log;
}

// The library may call a function for as long as the process lives. Only the main thread lives as
// long: a worker can be ended at any point, without a chance to take its function back.
if (isMainThread) {
  serveWorkers(setHere);
}

/**
 * Sets the function that receives the log of the whole process, in place of the one before, also of
 * other threads; null for none. What it throws becomes an uncaught exception of this thread.
 *
 * It runs on the thread that set it. Lines of calls on other threads (workers, and the `...Async`
 * methods) come when the event loop of that thread turns. The library calls the main thread, which
 * sends the lines of a worker's function on: the call that logs waits for the main thread, which
 * must not wait for such a call by other means, as with `Atomics.wait`. A worker may end at any
 * time, also by `terminate()`. In a worker it is an error unless the main thread imports this
 * package and its event loop turns.
 */
export function setLogCallback(log: LogFunction | null): void {
  if (isMainThread) {
    setHere(log);
  } else {
    askMainThread(log);
  }
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
