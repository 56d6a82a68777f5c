/** Objects of the library that are owned by one of JavaScript. */
import { type InspectOptions, inspect } from "node:util";
import { closed, type FbatError } from "./error.js";
import { members, show } from "./show.js";

/** Frees what its owner did not: a safety net, since nobody knows when, or whether, the collector runs. */
const forgotten = new FinalizationRegistry<() => void>((free) => free());

/** What has an object of the library, and frees it when it is disposed of, or at the latest when it is collected. */
export abstract class Handle implements Disposable {
  #handle: bigint;
  readonly #free: (handle: bigint) => void;
  readonly #what: string;

  /** @internal */
  constructor(what: string, handle: bigint, free: (handle: bigint) => void) {
    this.#what = what;
    this.#handle = handle;
    this.#free = free;
    forgotten.register(this, () => free(handle), this);
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
    return closed(this.#what);
  }

  /** Whether it was disposed of. */
  get isClosed(): boolean {
    return this.#handle === 0n;
  }

  /** @internal Frees it; a second time does nothing. */
  protected release(): void {
    const handle = this.#handle;
    this.#handle = 0n;
    forgotten.unregister(this);
    if (handle !== 0n) {
      this.#free(handle);
    }
  }

  /** Frees what the library holds for it. A second time does nothing. */
  [Symbol.dispose](): void {
    this.release();
  }

  /** What `console.log` shows: what its accessors give. */
  [inspect.custom](depth: number | null, options: InspectOptions): string {
    return show(this, this.isClosed ? "closed" : members(this, Handle.prototype), depth, options);
  }
}
