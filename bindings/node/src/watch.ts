/**
 * What a long call tells its caller, and how it is ended: progress, filters, tokens and signals.
 */
import koffi from "koffi";
import { Cancel } from "./cancel.js";
import { invalid, needed } from "./fail.js";
import { CALLBACK } from "./load.js";
import { type Arena, Block, type Output } from "./memory.js";
import { EventRecord, GONE } from "./page.js";
import { onAbort } from "./signal.js";

/** Told how far a call has come, on the thread that made it. */
export type Report<P> = (progress: P) => void;

/** What all calls that can take long have in their options. */
export interface CallOptions<P> {
  progress?: Report<P> | null | undefined;
  /** Ends the call with a `CancelledError`, from any thread. */
  cancel?: Cancel | null | undefined;
  /**
   * Ends the call with a `CancelledError`, whose `cause` is the signal's reason; in place of
   * `cancel`. A call that blocks sees only what its own callbacks abort: nothing else runs on its
   * thread meanwhile.
   */
  signal?: AbortSignal | null | undefined;
}

/** Options of a call on another thread, which calls no function of JavaScript. */
export type AsyncOptions<O> = Omit<O, "filter" | "progress"> & {
  filter?: null | undefined;
  progress?: null | undefined;
};

/**
 * Says which events to import. It may read both stores and append to the destination, not close
 * them. What it throws ends the import, and is thrown by it as it is. The record is good until the
 * filter returns.
 */
export type Filter = (record: EventRecord) => boolean;

/** The callbacks of a call, registered on the thread that makes it, and what may end it. */
export class Watch {
  readonly #registered: bigint[] = [];
  #signal: AbortSignal | null = null;
  #own: Cancel | null = null;
  #ignore: () => void = () => {};
  /** Kept from being collected, which would free it before the call has it. */
  #token: Cancel | null = null;
  /** What a callback threw; the call ends with it. */
  thrown: { readonly value: unknown } | null = null;

  static of(arena: Arena): Watch {
    arena.watch ??= new Watch();
    return arena.watch;
  }

  get hasCallbacks(): boolean {
    return this.#registered.length > 0;
  }

  /** The reason of the signal that ended the call. */
  get cause(): ErrorOptions | undefined {
    return this.#signal?.aborted ? { cause: this.#signal.reason } : undefined;
  }

  /** A callback must not throw through the library: it answers that the call is to stop. */
  register(body: (address: number) => number): number {
    const guarded = (_userData: unknown, address: number): number => {
      try {
        return body(address);
      } catch (value) {
        this.thrown = { value };
        return -1;
      }
    };
    const pointer = koffi.register(guarded, CALLBACK);
    this.#registered.push(pointer);
    return Number(pointer);
  }

  connect(cancel: Cancel | null, signal: AbortSignal | null): bigint {
    if (cancel !== null && signal !== null) {
      throw invalid("signal: there is a cancel already");
    }
    if (cancel !== null && !(cancel instanceof Cancel)) {
      throw needed("cancel", "a Cancel", cancel);
    }
    if (signal !== null) {
      this.#ignore = onAbort(signal, () => this.#own?.trigger());
    }
    this.#own = signal === null ? null : new Cancel();
    this.#signal = signal;
    this.#token = cancel ?? (this.#own as Cancel);
    if (signal?.aborted) {
      this.#token.trigger();
    }
    return this.#token.handle;
  }

  release(): void {
    this.#registered.splice(0).forEach(koffi.unregister);
    this.#ignore();
    this.#own?.[Symbol.dispose]();
    this.#token = null;
  }
}

function needFunction(value: unknown, what: string): void {
  if (typeof value !== "function") {
    throw needed(what, "a function", value);
  }
}

/** Writes what {@link CallOptions} say into a struct of options. */
export function writeWatch<P>(
  arena: Arena,
  block: Block,
  progressAt: number,
  cancelAt: number,
  { progress = null, cancel = null, signal = null }: CallOptions<P>,
  report: Output<P>,
): void {
  if (progress !== null) {
    needFunction(progress, "progress");
    const pointer = Watch.of(arena).register((address) => {
      progress(report.read(Block.ofStruct(address, report.size), 0));
      return 0;
    });
    block.setWord(progressAt, pointer);
  }
  if (cancel !== null || signal !== null) {
    block.setU64(cancelAt, Watch.of(arena).connect(cancel, signal), "cancel");
  }
}

/** Writes a filter into a struct of options. */
export function writeFilter(arena: Arena, block: Block, at: number, filter: Filter): void {
  needFunction(filter, "filter");
  const row = new Block(Buffer.alloc(EventRecord.SIZE));
  const pointer = Watch.of(arena).register((address) => {
    row.copyStruct(address);
    const record = new EventRecord(row, 0);
    try {
      return keep(filter(record));
    } finally {
      record.end(GONE);
    }
  });
  block.setWord(at, pointer);
}

/** A promise would be taken for a yes, a forgotten `return` for a no. */
function keep(answer: unknown): number {
  if (typeof answer !== "boolean") {
    throw needed("filter", "true or false", answer);
  }
  return answer ? 1 : 0;
}
