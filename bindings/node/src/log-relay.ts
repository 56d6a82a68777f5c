/** How lines of the log come to workers: through the main thread, which outlives them. */
import { BroadcastChannel } from "node:worker_threads";
import type { LogLevel } from "./constants.js";
import { Status } from "./constants.js";
import { makeError } from "./fail.js";

type Log = (level: LogLevel, message: string) => void;

/** What a worker asks for: lines under a number, or no more lines. */
interface Wish {
  readonly reader: number | null;
  /** Becomes 1 when it is done. */
  readonly done: Int32Array;
}

interface Line {
  readonly reader: number;
  readonly level: LogLevel;
  readonly message: string;
}

const WISHES = "fbat.log.wishes";
const LINES = "fbat.log.lines";
const ANSWER_MS_MAX = 5000;

/** A channel that keeps no thread from ending. */
function listen<T>(name: string, hear: (data: T) => void): BroadcastChannel {
  const channel = new BroadcastChannel(name);
  channel.onmessage = (message) => hear((message as { data: T }).data);
  channel.unref();
  return channel;
}

/** On the main thread: sets what workers ask for. */
export function serveWorkers(set: (log: Log | null) => void): void {
  const lines = listen(LINES, () => {});
  listen<Wish>(WISHES, ({ reader, done }) => {
    set(
      reader === null
        ? null
        : (level, message) => lines.postMessage({ reader, level, message } satisfies Line),
    );
    Atomics.store(done, 0, 1);
    Atomics.notify(done, 0);
  });
}

let lines: BroadcastChannel | null = null;
let wishes: BroadcastChannel | null = null;

/** In a worker: has the main thread send the lines here. */
export function askMainThread(log: Log | null): void {
  const reader = log === null ? null : Math.random();
  lines?.close();
  lines = null;
  if (log !== null) {
    lines = listen<Line>(LINES, (line) => {
      if (line.reader === reader) {
        log(line.level, line.message);
      }
    });
  }
  const done = new Int32Array(new SharedArrayBuffer(4));
  wishes ??= listen(WISHES, () => {});
  wishes.postMessage({ reader, done } satisfies Wish);
  if (Atomics.wait(done, 0, 0, ANSWER_MS_MAX) === "timed-out") {
    const message =
      "a worker's log comes through the main thread, which has not answered in 5 s: " +
      "it has to import fbat, and must not block";
    throw makeError({ status: Status.ERR_BUSY, message });
  }
}
