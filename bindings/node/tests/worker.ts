/** What a thread of the tests does: tests/threads.test.ts sends it. */
import { parentPort, workerData } from "node:worker_threads";
import { Cancel, type SharedCancel, type SharedStore, Store } from "fbat";

export interface Work {
  readonly task: "append" | "cancel" | "look" | "wait";
  readonly name: string;
  readonly count: number;
  readonly store: SharedStore;
  readonly cancel?: SharedCancel;
  /** Two numbers: the task begins when the first is 1, and sets the second when it is done. */
  readonly steps?: Int32Array;
}

function appendAndRead(store: Store, { name, count }: Work): string {
  for (let i = 0; i < count; i++) {
    const payload = `${name}-${i}`;
    const { id, version } = store.append({
      entity: `thread:${name}`,
      scope: "test",
      kind: 0x1001,
      payload,
    });
    const found = store.get(id)?.payload.toString();
    if (found !== payload || version !== BigInt(i + 1)) {
      return `${payload} is ${found}, version ${version}`;
    }
    if (i % 20 === 0) {
      const read = [...store.records({ region: { entity: `thread:${name}` }, pageRows: 7 })].map(
        (record) => record.payload.toString(),
      );
      if (read.join() !== Array.from({ length: i + 1 }, (_, j) => `${name}-${j}`).join()) {
        return `${name} read ${read.join()}`;
      }
    }
  }
  return "done";
}

/** Waits until an import is under way, and ends it. */
function cancelImport(store: Store, cancel: SharedCancel): string {
  while (store.frontier().visible < 20n) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
  Cancel.trigger(cancel);
  return "cancelled";
}

/** Appends an event, and looks at it, while the thread that gave the store does nothing. */
function appendAndLook(store: Store, steps: Int32Array): string {
  parentPort?.postMessage("ready");
  Atomics.wait(steps, 0, 0);
  store.append({ entity: "thread:look", scope: "test", kind: 0x1001 });
  const { visible } = store.frontier();
  Atomics.store(steps, 1, 1);
  Atomics.notify(steps, 1);
  return String(visible);
}

async function waitForNext(store: Store): Promise<string> {
  const { visible } = store.frontier();
  parentPort?.postMessage("ready");
  return String((await store.wait(visible)).visible);
}

async function work(given: Work): Promise<string> {
  const store = Store.attach(given.store);
  const tasks = {
    append: () => appendAndRead(store, given),
    cancel: () => cancelImport(store, given.cancel as SharedCancel),
    look: () => appendAndLook(store, given.steps as Int32Array),
    wait: () => waitForNext(store),
  };
  try {
    return await tasks[given.task]();
  } finally {
    store.close();
  }
}

try {
  parentPort?.postMessage(await work(workerData as Work));
} catch (error) {
  parentPort?.postMessage(String((error as { code?: string }).code ?? error));
}
