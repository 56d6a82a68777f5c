/** Objects of the library that are owned by one of JavaScript. */
import { type InspectOptions, inspect } from "node:util";
import type { FbatError } from "./error.js";
import { closed, needed } from "./fail.js";
import { members, show } from "./view.js";

/** Frees what its owner did not: a safety net, since nobody knows whether the collector runs. */
const forgotten = new FinalizationRegistry<() => void>((free) => free());

/** Has an object of the library, which is freed by dispose, or at the latest by the collector. */
export abstract class Handle implements Disposable {
  #handle: bigint;
  readonly #free: () => void;

  /** @internal */
  constructor(handle: bigint, free: () => void) {
    this.#handle = handle;
    this.#free = free;
    forgotten.register(this, free, this);
  }

  /** @internal The library's number for it; a {@link ClosedError} after it was disposed of. */
  get handle(): bigint {
    if (this.#handle === 0n) {
      throw this.closedError();
    }
    return this.#handle;
  }

  /** @internal What use of it is answered with after it was disposed of. */
  protected closedError(): FbatError {
    return closed(this.constructor.name.toLowerCase());
  }

  /** Whether it was disposed of. */
  get isClosed(): boolean {
    return this.#handle === 0n;
  }

  /** Frees what the library has for it. A second time does nothing. */
  [Symbol.dispose](): void {
    if (this.#handle !== 0n) {
      this.#handle = 0n;
      forgotten.unregister(this);
      this.#free();
    }
  }

  /** What `console.log` shows: what its accessors give. */
  [inspect.custom](depth: number | null, options: InspectOptions): string {
    const found = this.isClosed ? "closed" : members(this, Handle.prototype);
    return show(this, found, depth, options);
  }
}

/** The number of an object that another thread shares. */
export function sharedNumber(number: bigint | undefined, what: string): bigint {
  if (typeof number === "bigint") {
    return number;
  }
  throw needed(what, "what share() gave", number);
}
