/** Threads of one process share a store: its number is good in all of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { Cancel, CancelledError, type SharedStore } from "fbat";
import { appendMany, checkEachTest, checkError, openStore, refused } from "./fixture.js";
import type { Work } from "./worker.js";

checkEachTest();

const THREADS = 8;
const EVENTS = 60;

function start(work: Work): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: work });
    let answer = "no answer";
    worker.on("message", (message: string) => {
      answer = message;
    });
    worker.on("error", reject);
    worker.on("exit", () => resolve(answer));
  });
}

test("8 threads append to and read from one store at once", async () => {
  const store = openStore("s");
  const shared = store.share();
  const names = Array.from({ length: THREADS }, (_, i) => String(i));
  const answers = await Promise.all(
    names.map((name) => start({ task: "append", name, count: EVENTS, store: shared })),
  );
  assert.deepEqual(answers, Array(THREADS).fill("done"));
  assert.equal(store.stats().events, BigInt(THREADS * EVENTS + 1));
  for (const name of names) {
    assert.equal(store.head(`thread:${name}`)?.version, BigInt(EVENTS));
  }
  assert.deepEqual(store.verify().findings, []);
});

test("8 asynchronous appends at once each get a receipt of their own", async () => {
  const store = openStore("s");
  const receipts = await Promise.all(
    Array.from({ length: 8 * EVENTS }, (_, i) =>
      store.appendAsync({ entity: `e:${i % 8}`, scope: "test", kind: 0x1001, payload: String(i) }),
    ),
  );
  assert.equal(new Set(receipts.map(({ sequence }) => sequence)).size, 8 * EVENTS);
  assert.equal(new Set(receipts.map(({ id }) => id)).size, 8 * EVENTS);
  for (const [i, receipt] of receipts.entries()) {
    assert.equal(store.get(receipt.id)?.payload.toString(), String(i));
  }
});

test("another thread ends a synchronous import through the token that it was sent", async () => {
  const source = openStore("source");
  const hub = openStore("hub");
  appendMany(source, 60_000);
  using cancel = new Cancel();
  const answer = start({
    task: "cancel",
    name: "",
    count: 0,
    store: hub.share(),
    cancel: cancel.share(),
  });
  const sourceNamespace = "test";
  const error = refused(
    () => hub.importFrom(source, { sourceNamespace, chunkSize: 1, cancel, filter: () => pause() }),
    CancelledError,
    "ERR_CANCELLED",
  );
  assert.equal(await answer, "cancelled");
  const imported = error.report?.imported ?? 0n;
  assert.ok(imported >= 18n && imported < 60_000n, String(imported));
});

/** Gives the other thread time to start: an import of these would be done before. */
function pause(): boolean {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  return true;
}

test("a store that its owner closed gives other threads an error", async () => {
  const store = openStore("s");
  const shared: SharedStore = store.share();
  const local = openStore("t");
  store.close();
  assert.equal(
    await start({ task: "append", name: "late", count: 1, store: shared }),
    "FBAT_ERR_INVALID_HANDLE",
  );
  const later = local.appendAsync({ entity: "a", scope: "b", kind: 0x1001 });
  local.close();
  const outcome = await later.then(
    () => "appended",
    (error: unknown) => {
      checkError(error, Error as never, (error as { code: string }).code.slice(5) as "ERR_CLOSED");
      return (error as { code: string }).code;
    },
  );
  assert.match(outcome, /^(appended|FBAT_ERR_CLOSED|FBAT_ERR_INVALID_HANDLE)$/);
});
