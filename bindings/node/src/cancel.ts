/** Tokens that end calls, from any thread. */
import { check, invalid } from "./fail.js";
import { Handle, sharedNumber } from "./handle.js";
import { fbat } from "./library.js";

/** A token as another thread of this process can have it. */
export interface SharedCancel {
  readonly cancel: bigint;
}

/**
 * Ends the calls that carry it, from any thread. Once triggered it stays so: make one for each
 * call, or for each group of calls that are to end together.
 */
export class Cancel extends Handle {
  constructor() {
    const handle = BigInt(fbat.fbat_cancel_new());
    if (handle === 0n) {
      throw invalid("cancel: 16 million objects are live");
    }
    super(handle, () => fbat.fbat_cancel_free(handle));
  }

  /** Ends the calls that carry it with a `CancelledError`. */
  trigger(): void {
    check(fbat.fbat_cancel_trigger(this.handle));
  }

  /** Whether it was triggered. */
  get isTriggered(): boolean {
    return fbat.fbat_cancel_is_triggered(this.handle);
  }

  /** What to send to a worker, for {@link Cancel.trigger}. Good until this is disposed of. */
  share(): SharedCancel {
    return { cancel: this.handle };
  }

  /** Triggers a token that another thread of this process shares. */
  static trigger(shared: SharedCancel): void {
    check(fbat.fbat_cancel_trigger(sharedNumber(shared?.cancel, "cancel")));
  }
}
