/** Signals, which many calls may share. */
import { needed } from "./fail.js";

/** Who is to hear of a signal. One listener for all: of more than ten, Node.js warns. */
const hearers = new WeakMap<AbortSignal, Set<() => void>>();

function hear(this: AbortSignal): void {
  const all = hearers.get(this) ?? [];
  hearers.delete(this);
  for (const hearer of all) {
    hearer();
  }
}

/** Calls `hearer` when the signal is aborted, unless what this gives is called before. */
export function onAbort(signal: AbortSignal, hearer: () => void): () => void {
  if (typeof signal.addEventListener !== "function") {
    throw needed("signal", "an AbortSignal", signal);
  }
  const all = hearers.get(signal) ?? new Set();
  if (all.size === 0) {
    hearers.set(signal, all);
    signal.addEventListener("abort", hear, { once: true });
  }
  all.add(hearer);
  return () => {
    all.delete(hearer);
    if (all.size === 0) {
      signal.removeEventListener("abort", hear);
    }
  };
}
